// Random histories of bots that ask while leads change and sessions come and go: every request is answered at
// most once, by its own answer, to its own asker, and only the session that leads is ever asked.
#include "actors/partition/json_members.hpp"
#include "tests/partition/group_world.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace shardyard::testing {
namespace {

struct asked_request {
  std::uint32_t asker = 0;
  std::uint8_t op = 0;
  snowflake guild = 0;
  std::string nonce;
  bool calm = false; ///< asked when nothing fails any more
  std::set<int> chunks;
  int chunk_count = 0;
};

class bots_world {
public:
  explicit bots_world(std::uint64_t seed) : random_(seed) {
    for (std::uint64_t i = 1; i <= 3; ++i)
      guilds_.push_back(guild_no(i));
    for (auto guild : guilds_)
      lead_[guild] = old_shard;
    begin(old_);
    begin(new_);
    w.mark(old_.shard, mark_kind::transfer);
  }

  void run() {
    for (int i = 0; i < 400; ++i)
      step();
    calm_ = true;
    for (auto* x : {&old_, &new_})
      revive(*x);
    check();
    answer_all(340s); // sessions owe answers to commands that were lost for so long
    question_answers_before_ = question_answers_;
    for (int i = 0; i < 20; ++i)
      ask();
    answer_all(20s);
    for (auto& [tag, x] : requests_) {
      auto whole = x.chunk_count > 0 && static_cast<int>(x.chunks.size()) == x.chunk_count;
      EXPECT_TRUE(whole || !x.calm || x.op != 8) << "request " << tag;
    }
    for (auto& [key, count] : calm_questions_)
      EXPECT_EQ(question_answers_[key] - question_answers_before_[key], count) << "asker " << key.first;
  }

private:
  struct waiting {
    std::uint8_t op = 0;
    std::string d;
    int chunk = 0, chunk_count = 1;
    monotonic until{}; ///< Discord has forgotten the session by then
  };
  struct session {
    shard_key key;
    test_shard shard;
    int life = 0;
    std::vector<made_event> told; ///< since READY, from s 2 on
    std::deque<waiting> owed;
  };

  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }
  template <class List>
  auto& one_of(List& list) {
    return list[random_() % list.size()];
  }

  void begin(session& x) {
    ++x.life;
    x.owed.clear();
    x.told.clear();
    auto name = std::string{x.key == old_shard ? "A" : "B"} + std::to_string(x.life);
    if (x.life == 1) {
      x.shard = w.start(x.key, name, guilds_);
    } else {
      w.restart_session(x.shard, name, guilds_);
    }
    for (auto guild : guilds_)
      tell(x, {"GUILD_CREATE", guild});
  }
  void tell(session& x, made_event event) {
    x.told.push_back(event);
    w.send(x.shard, {std::move(event)});
  }
  void revive(session& x) {
    if (x.shard.connected)
      return;
    w.mark(x.shard, mark_kind::connected);
  }

  void answer_all(monotonic time) {
    for (auto end = w.now + time; w.now < end;) {
      for (int i = 0; i < 4; ++i) {
        answer(old_);
        answer(new_);
      }
      pass(250ms);
    }
  }

  void step() {
    auto& x = chance(50) ? old_ : new_;
    switch (random_() % 10) {
    case 0:
    case 1:
    case 2:
      ask();
      break;
    case 3:
    case 4:
    case 5:
      answer(x);
      break;
    case 6:
      both(message(one_of(guilds_), at_ms(w.ms(), ++ids_)));
      break;
    case 7:
      fail(x);
      break;
    case 8:
      w.flush(old_.shard);
      w.flush(new_.shard);
      break;
    default:
      pass(1s * (1 + random_() % 6));
    }
    check();
  }

  void both(const made_event& event) {
    for (auto* x : {&old_, &new_})
      if (x->shard.connected)
        tell(*x, event);
  }

  void fail(session& x) {
    if (chance(25)) {
      if (chance(80))
        w.mark(x.shard, mark_kind::lost);
      begin(x);
      return;
    }
    if (x.shard.connected) {
      w.mark(x.shard, mark_kind::disconnected);
      return;
    }
    auto from = random_() % (x.told.size() + 1);
    w.replay(x.shard, 2 + from, {x.told.begin() + static_cast<std::ptrdiff_t>(from), x.told.end()});
    w.mark(x.shard, mark_kind::connected);
  }

  void ask() {
    auto guild = one_of(guilds_);
    auto id = std::to_string(guild);
    auto asker = static_cast<std::uint32_t>(1 + random_() % 4);
    auto tag = "q" + std::to_string(++number_);
    asked_request x{.asker = asker, .op = 8, .guild = guild, .calm = calm_};
    std::string d;
    switch (random_() % 4) {
    case 0:
      x.nonce = "mine" + tag;
      d = R"({"guild_id":")" + id + R"(","query":")" + tag + R"(","limit":3,"nonce":")" + x.nonce + "\"}";
      break;
    case 1:
      d = R"({"guild_id":")" + id + R"(","query":")" + tag + R"(","limit":3})";
      break;
    case 2:
      x.op = 43;
      d = R"({"guild_id":")" + id + R"(","fields":[],"kind":)" + std::to_string(random_() % 3) + "}";
      break;
    default:
      x.op = 31;
      d = R"({"guild_ids":[")" + id + R"("]})";
    }
    if (x.op != 8) {
      auto key = std::pair{asker, id + (x.op == 43 ? d.substr(d.size() - 2, 1) : "s")};
      ++questions_[key];
      if (calm_)
        ++calm_questions_[key];
    }
    requests_[tag] = x;
    w.group->command({asker, number_, "bot" + std::to_string(asker), x.op, guild, d, x.nonce}, w.now);
    w.settle();
  }

  /// What Discord does with the next command that it has got, or the next part of its answer.
  void answer(session& x) {
    std::erase_if(x.owed, [&](auto& y) { return y.until < w.now; });
    if (x.owed.empty() || !x.shard.connected)
      return;
    auto now = x.owed.front();
    x.owed.pop_front();
    auto members = json_members(now.d);
    if (now.op == 8) {
      auto d = R"({"guild_id":)" + std::string{find_value(members, "guild_id")} + R"(,"tag":)" +
               std::string{find_value(members, "query")} + R"(,"chunk_index":)" + std::to_string(now.chunk) +
               R"(,"chunk_count":)" + std::to_string(now.chunk_count) + R"(,"nonce":)" +
               std::string{find_value(members, "nonce")} + "}";
      if (++now.chunk < now.chunk_count)
        x.owed.push_front(now);
      return tell(x, {"GUILD_MEMBERS_CHUNK", number_of(find_value(members, "guild_id")), 0, d});
    }
    if (now.op == 43)
      return tell(x, {"CHANNEL_INFO", number_of(find_value(members, "guild_id")), 0, now.d});
    for (auto id : json_elements(find_value(members, "guild_ids")))
      tell(x, {"SOUNDBOARD_SOUNDS", number_of(id), 0, R"({"guild_id":)" + std::string{id} + "}"});
  }

  void pass(monotonic time) {
    for (auto end = w.now + time; w.now < end;) {
      w.pass(250ms);
      check();
    }
  }

  void check() {
    for (; seen_ < w.lines.size(); ++seen_) {
      auto& line = w.lines[seen_];
      if (line.t == "SHARDYARD_CUT")
        lead_[line.guild] = line.from.shard;
      if (line.asker != 0)
        take(line);
      else
        EXPECT_FALSE(line.t == "GUILD_MEMBERS_CHUNK") << "for nobody: " << line.d;
    }
    for (auto& x : w.group->take_forwards()) {
      auto& to = x.shard == old_shard ? old_ : new_;
      auto members = json_members(x.command.d);
      for (auto id : x.command.op == 31 ? json_elements(find_value(members, "guild_ids"))
                                        : std::vector{find_value(members, "guild_id")})
        EXPECT_EQ(x.shard, lead_[number_of(id)]) << x.command.d;
      EXPECT_EQ(x.command.session, to.shard.session);
      EXPECT_TRUE(to.shard.connected);
      if (calm_ || chance(90)) // the rest is lost on its way
        to.owed.push_back({x.command.op, x.command.d, 0,
                           x.command.op == 8 ? 1 + static_cast<int>(number_ % 3) : 1, w.now + 240s});
    }
  }

  void take(const sink_line& line) {
    auto members = json_members(line.d);
    if (line.t == "RATE_LIMITED")
      return;
    if (line.t != "GUILD_MEMBERS_CHUNK") {
      auto key = std::pair{line.asker,
                           std::to_string(line.guild) +
                               (line.t == "CHANNEL_INFO" ? std::string{find_value(members, "kind")} : "s")};
      EXPECT_LE(++question_answers_[key], questions_[key]) << line.t << " for asker " << line.asker;
      return;
    }
    auto tag = std::string{find_value(members, "tag")};
    auto found = requests_.find(tag.substr(1, tag.size() - 2));
    ASSERT_NE(found, requests_.end()) << line.d;
    auto& x = found->second;
    EXPECT_EQ(line.asker, x.asker);
    EXPECT_EQ(line.guild, x.guild);
    auto nonce = find_value(members, "nonce");
    EXPECT_EQ(nonce, x.nonce.empty() ? "" : "\"" + x.nonce + "\"");
    EXPECT_TRUE(x.chunks.insert(static_cast<int>(number_of(find_value(members, "chunk_index")))).second)
        << "twice: " << line.d;
    x.chunk_count = static_cast<int>(number_of(find_value(members, "chunk_count")));
  }

  std::mt19937_64 random_;
  group_world w;
  std::vector<snowflake> guilds_;
  session old_{old_shard, {}, 0, {}, {}}, new_{new_shard, {}, 0, {}, {}};
  std::map<snowflake, shard_key> lead_;
  std::map<std::string, asked_request> requests_;
  std::map<std::pair<std::uint32_t, std::string>, int> questions_, calm_questions_, question_answers_,
      question_answers_before_;
  std::uint64_t number_ = 0, ids_ = 0;
  std::size_t seen_ = 0;
  bool calm_ = false;
};

TEST(bot_commands_random, every_request_is_answered_once_at_most_by_its_own_answer) {
  auto first = std::random_device{}();
  for (std::uint64_t seed = first; seed < first + 60ull; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    bots_world{seed}.run();
    if (::testing::Test::HasFailure())
      break;
  }
}

} // namespace
} // namespace shardyard::testing
