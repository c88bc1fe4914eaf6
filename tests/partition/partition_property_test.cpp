// Random lives of a group: many guilds, two topologies of any size, stalls, RESUMEs with replay,
// re-identifies, aborts, and the node dying at any place between log, sink and acknowledgement. The sink's
// file must hold every event exactly once and in order.
#include "tests/partition/cache_lines.hpp"

#include <cstdlib>
#include <random>
#include <regex>
#include <set>

namespace shardyard::testing {
namespace {

struct occurrence {
  monotonic at{};
  std::size_t id = 0;
  made_event event;
};

struct life {
  bool crashes = false;
  bool reidentifies = false;
  bool aborts = false;
  bool lead_dies = false;
  bool gaps = false; ///< sessions die whoever leads: events are lost, what is remembered is not
};

struct session_run {
  test_shard shard;
  int number = 0;
  monotonic lag{}, arrived{}, stalled_until{}, started{};
  bool up = false, covering = false;
  std::uint64_t heartbeat_s = 0;
  std::deque<std::pair<monotonic, std::size_t>> coming; ///< arrival, occurrence
  std::vector<made_event> history;                      ///< by s, for replays; [0] is s = 2
};

class random_life {
public:
  random_life(std::uint64_t seed, life kind) : random_(seed), kind_(kind), w_(4) {
    w_.settings.tuning.quiet = 2s;
    w_.settings.tuning.hold = 200ms;
    w_.settings.tuning.freshness_ms = 500;
    w_.settings.tuning.unclear_quiet = 3;
    w_.settings.cache = cache_policy{};
    w_.restart();
    old_count_ = 1 + pick(4);
    new_count_ = 1 + pick(4);
    for (std::uint64_t i = 0; i < 10; ++i)
      guilds_.push_back(guild_no(i * 7 + pick(7)));
  }

  void run() {
    make_history();
    for (std::uint32_t i = 0; i < old_count_; ++i)
      identify(old_.emplace_back(), {1, i, old_count_});
    for (std::uint32_t i = 0; i < new_count_; ++i) {
      new_.emplace_back();
      new_start_.push_back(w_.now + 3s + pick_time(4s));
    }
    auto begin = w_.now;
    auto transfer_at = begin + 8s + pick_time(2s);
    auto abort_at = kind_.aborts ? begin + 10s + pick_time(10s) : monotonic::max();
    auto busy_until = begin + 32s;
    auto end = begin + 32s + 40s;
    auto goal = kind_.aborts ? 1 : 2;
    bool transferred = false, aborted = false;
    for (; w_.now < end; w_.now += 20ms) {
      deal();
      for (std::uint32_t i = 0; i < new_count_; ++i)
        if (new_start_[i] != monotonic::max() && w_.now >= new_start_[i]) {
          identify(new_[i], {2, i, new_count_});
          new_start_[i] = monotonic::max();
        }
      for (auto& x : old_)
        if (!x.up && w_.now >= x.started)
          identify(x, x.shard.key);
      if (!transferred && w_.now >= transfer_at) {
        transferred = true;
        for (auto& x : old_)
          w_.mark(x.shard, mark_kind::transfer);
      }
      if (!aborted && w_.now >= abort_at) {
        aborted = true;
        for (auto& x : new_)
          w_.mark(x.shard, mark_kind::retract);
      }
      if (w_.now < busy_until)
        trouble();
      if (!w_.group && w_.now >= back_at_) {
        come_back();
        // The coordinator sees in the report what the restarted node does not know, and says it again.
        for (auto& x : aborted ? new_ : old_)
          if (transferred && x.number != 0)
            w_.mark(x.shard, aborted ? mark_kind::retract : mark_kind::transfer);
      }
      if (w_.group) {
        w_.group->tick(w_.now);
        w_.settle();
        if (chance(.2))
          w_.group->checkpoint(w_.now);
      }
    }
    if (!w_.group)
      come_back();
    w_.sink_stalled = false;
    w_.settle();
    finish(goal);
  }

  /// Empty when every promise held.
  std::string verdict() const { return problem_; }
  std::size_t cuts() const { return w_.count("SHARDYARD_CUT"); }
  std::size_t crashes() const { return crashes_; }
  std::size_t gaps() const { return gaps_; }
  std::size_t told_from_snapshots() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        w_.lines, [](auto& x) { return x.t != "GUILD_CREATE" && (x.flags & snapshot_flag) != 0; }));
  }

private:
  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  bool chance(double p) { return std::uniform_real_distribution<>{}(random_) < p; }
  monotonic pick_time(monotonic below) {
    return monotonic{static_cast<std::int64_t>(pick(static_cast<std::uint64_t>(below.count())))};
  }

  void make_history() {
    std::vector<double> rate;
    for (std::size_t i = 0; i < guilds_.size() + 2; ++i)
      rate.push_back(i % 3 == 0 ? 0.3 : 3.0);
    for (std::size_t i = 0; i < rate.size(); ++i)
      for (auto at = w_.now + pick_time(1s); at < w_.now + 34s;) {
        happen(i, at);
        at += monotonic{static_cast<std::int64_t>(std::exponential_distribution<>{rate[i]}(random_)*1e9)};
      }
    std::ranges::sort(truth_, {}, &occurrence::at);
    for (std::size_t i = 0; i < truth_.size(); ++i)
      truth_[i].id = i;
  }

  // Equal ones pair by count, which is exact only while both sessions live.
  bool undisturbed() const { return !kind_.crashes && !kind_.reidentifies && !kind_.aborts; }

  void happen(std::size_t place, monotonic at) {
    auto ms = at / 1ms;
    auto unique = at_ms(ms, ++made_);
    occurrence x{at, 0, {}};
    if (place >= guilds_.size()) {
      auto channel = 500 + place;
      if (chance(.1))
        x.event = {"ENTITLEMENT_CREATE", 0, chance(.3) && undisturbed() ? 1 + pick(3) : unique, R"({"e":1})"};
      else
        x.event = {"MESSAGE_CREATE", 0, unique, "{\"id\":\"" + std::to_string(unique) + "\"}", channel};
    } else if (chance(.3)) {
      x.event = message(guilds_[place], unique);
    } else if (chance(.15)) {
      x.event = {"INTERACTION_CREATE", guilds_[place], unique, "{}"};
    } else if (chance(.3)) {
      x.event = {"CHANNEL_UPDATE", guilds_[place], 0, channel_of(guilds_[place], made_, true)};
    } else if (chance(.2)) {
      x.event = {"GUILD_MEMBER_ADD", guilds_[place], 0,
                 R"({"guild_id":")" + std::to_string(guilds_[place]) + R"(","user":{"id":")" +
                     std::to_string(made_) + R"(","username":"x"},"roles":[]})"};
    } else {
      x.event = reaction(guilds_[place], static_cast<int>(pick(3)));
    }
    truth_.push_back(std::move(x));
  }

  static std::string channel_of(snowflake guild, std::uint64_t topic, bool dispatched) {
    return R"({"id":"7","type":0,"topic":")" + std::to_string(topic) +
           (dispatched ? R"(","guild_id":")" + std::to_string(guild) : std::string{}) + "\"}";
  }

  /// GUILD_CREATE of a session that begins now.
  std::string snapshot_of(snowflake guild) const {
    std::string channel = channel_of(guild, 0, false);
    auto members = 1;
    for (auto& x : truth_) {
      if (x.event.guild != guild || x.at >= w_.now)
        continue;
      members += x.event.t == "GUILD_MEMBER_ADD";
      if (x.event.t == "CHANNEL_UPDATE")
        channel = x.event.d;
    }
    auto dispatched = channel.find(",\"guild_id\"");
    if (dispatched != channel.npos)
      channel = channel.substr(0, dispatched) + "}";
    return R"({"id":")" + std::to_string(guild) + R"(","name":"g","member_count":)" +
           std::to_string(members) + R"(,"channels":[)" + channel + "]}";
  }

  bool carries(const shard_key& key, const made_event& x) const {
    return x.guild == 0 ? key.id == 0 : shard_of(x.guild, key.count) == key.id;
  }

  void identify(session_run& x, shard_key key) {
    x.number = ++sessions_;
    x.lag = pick_time(300ms);
    x.started = w_.now;
    x.coming.clear();
    x.history.clear();
    x.up = true;
    x.shard.key = key;
    std::vector<snowflake> mine;
    for (auto guild : guilds_)
      if (shard_of(guild, key.count) == key.id)
        mine.push_back(guild);
    w_.restart_session(x.shard, "S" + std::to_string(x.number), mine);
    x.arrived = w_.now;
    std::vector<made_event> creates;
    for (auto guild : mine)
      creates.push_back({"GUILD_CREATE", guild, 0, snapshot_of(guild)});
    if (!creates.empty())
      w_.send(x.shard, creates);
    x.history = creates;
    x.heartbeat_s = x.shard.s;
    for (auto& event : truth_) {
      if (event.at < w_.now || !carries(key, event.event))
        continue;
      x.arrived = std::max(x.arrived, event.at + x.lag + pick_time(150ms));
      x.coming.push_back({x.arrived, event.id});
    }
  }

  // What arrives now, in blocks of several events, and heartbeats once a second.
  void deal() {
    for (auto* side : {&old_, &new_})
      for (auto& x : *side) {
        if (!x.up || w_.now < x.stalled_until)
          continue;
        std::vector<made_event> block;
        while (!x.coming.empty() && x.coming.front().first <= w_.now) {
          auto& event = truth_[x.coming.front().second];
          carried_[{x.shard.session, x.shard.s + block.size() + 1}] = event.id;
          block.push_back(event.event);
          x.coming.pop_front();
        }
        x.history.insert(x.history.end(), block.begin(), block.end());
        if (!block.empty())
          w_.send(x.shard, block);
        if ((w_.now / 20ms + x.number) % 50 == 0) {
          auto mark = w_.mark_of(x.shard, mark_kind::flushed);
          mark.s = std::exchange(x.heartbeat_s, x.shard.s);
          w_.push(x.shard, mark);
        }
      }
  }

  session_run& any(std::deque<session_run>& x) { return x[pick(x.size())]; }

  void trouble() {
    if (chance(.002)) {
      auto& x = any(chance(.5) ? old_ : new_);
      x.stalled_until = w_.now + pick_time(5s);
    }
    if (chance(.003)) {
      auto& x = any(chance(.5) ? old_ : new_);
      if (x.up && !x.history.empty()) {
        w_.mark(x.shard, mark_kind::disconnected);
        auto back = std::min<std::size_t>(x.history.size(), 1 + pick(10));
        auto first = x.history.size() - back;
        w_.replay(x.shard, first + 2,
                  {x.history.begin() + static_cast<std::ptrdiff_t>(first), x.history.end()});
        w_.mark(x.shard, mark_kind::connected);
      }
    }
    if (kind_.reidentifies && chance(.001)) {
      auto& x = any(new_);
      auto harmless = kind_.lead_dies || w_.now < lead_moves_at();
      if (x.up && harmless) {
        w_.mark(x.shard, mark_kind::lost);
        x.up = false;
        new_start_[x.shard.key.id] = w_.now + pick_time(2s);
      }
    }
    if (kind_.gaps && chance(.003)) {
      auto old = chance(.5);
      auto& x = any(old ? old_ : new_);
      if (x.up) {
        w_.mark(x.shard, mark_kind::lost);
        x.up = false;
        auto back = w_.now + pick_time(2s);
        if (old)
          x.started = back;
        else
          new_start_[x.shard.key.id] = back;
      }
    }
    if (!kind_.crashes)
      return;
    if (w_.group && !w_.sink_stalled && chance(.003))
      w_.sink_stalled = true;
    else if (w_.group && w_.sink_stalled && chance(.03))
      w_.sink_stalled = false;
    if (w_.group && chance(w_.sink_stalled ? .02 : .001))
      die();
  }

  monotonic lead_moves_at() const { return 1008s; }

  // Somewhere between the log and the sink: a part of the lines is written.
  void die() {
    ++crashes_;
    w_.write_lines(pick(w_.waiting_lines() + 1));
    w_.waiting.clear();
    w_.crash();
    w_.sink_stalled = false;
    back_at_ = w_.now + pick_time(1s);
  }

  void come_back() {
    w_.restart();
    std::vector<session_run*> all;
    for (auto* side : {&old_, &new_})
      for (auto& x : *side)
        if (x.number != 0)
          all.push_back(&x);
    std::ranges::shuffle(all, random_);
    for (auto* x : all)
      w_.resync(x->shard);
    for (auto* x : all)
      w_.take_acks(x->shard);
  }

  void finish(int goal) {
    auto& leave = goal == 2 ? old_ : new_;
    std::uint64_t led = 0;
    for (auto& x : leave)
      w_.mark(x.shard, mark_kind::drain);
    std::size_t answered = 0;
    for (int i = 0; i < 500 && answered < leave.size(); ++i) {
      for (auto& x : w_.group->drain_answers()) {
        led += x.led;
        ++answered;
      }
      if (answered < leave.size())
        w_.pass(50ms);
    }
    if (answered < leave.size())
      fail("a drain was never answered");
    if (led != 0 && !kind_.gaps)
      fail(std::to_string(led) + " guilds still led by the shards that leave");
    for (auto& x : leave)
      w_.mark(x.shard, mark_kind::closed);
    auto report = w_.group->report(w_.now);
    if (report.breaches != 0)
      fail("an invariant is broken");
    for (auto* side : {&old_, &new_})
      for (auto& x : *side)
        if (w_.take_acks(x.shard); !x.shard.unacked.empty())
          fail("something stays unacknowledged at " + to_string(x.shard.key));
    check_lines();
    check_caches();
  }

  // What is remembered is what a bot was told, and that is the world, unless something came late.
  void check_caches() {
    auto& policy = *w_.settings.cache;
    for (auto guild : guilds_) {
      auto remembered = describe(*w_.group, guild);
      auto told = told_to_a_bot(w_.lines, guild, policy);
      // No event tells how many members there are.
      if (kind_.gaps)
        for (auto text : {&remembered, &told})
          *text = std::regex_replace(*text, std::regex{R"("member_count":\d+)"}, "");
      if (remembered != told || told.empty())
        fail("cache of " + std::to_string(guild) + " is " + remembered + " and not " + told);
      auto late = std::ranges::any_of(w_.lines, [&](auto& x) {
        return x.guild == guild && ((x.flags & late_flag) != 0 || x.d.find("\"weak\":true") != x.d.npos);
      });
      std::string world;
      guild_cache fresh;
      fresh.replace(snapshot_of(guild), policy);
      fresh.write_guild_create(world, guild, {~std::uint64_t{0}, 50}, policy);
      remembered = describe(*w_.group, guild);
      if (!late && remembered != world)
        fail("cache of " + std::to_string(guild) + " is " + remembered + ", the world " + world);
    }
  }

  void check_lines() {
    std::map<std::size_t, int> seen;
    std::map<std::pair<snowflake, snowflake>, std::pair<std::uint64_t, std::uint64_t>> numbers;
    std::map<std::pair<snowflake, snowflake>, std::size_t> newest;
    std::set<snowflake> shown;
    for (auto& x : w_.lines) {
      auto place = std::pair{x.guild, x.channel};
      auto& [n, epoch] = numbers[place];
      if (x.epoch < epoch)
        fail("an epoch fell in " + name(place));
      epoch = x.epoch;
      if (x.control()) {
        gaps_ += (x.flags & gap_flag) != 0;
        if ((x.flags & gap_flag) && !kind_.gaps)
          fail("a gap in " + name(place) + ": " + x.d);
        continue;
      }
      if (x.n != n + 1)
        fail("n jumped from " + std::to_string(n) + " to " + std::to_string(x.n) + " in " + name(place));
      n = x.n;
      if (kind_.gaps)
        continue;
      if (x.flags & snapshot_flag) {
        // The guild itself, once; no session begins where another one has not covered everything before.
        if (x.t != "GUILD_CREATE" || !shown.insert(x.guild).second)
          fail("a difference was made up in " + name(place) + ": " + x.t);
        continue;
      }
      if (x.t == "GUILD_CREATE")
        fail("a join was made up in " + name(place));
      auto id = carried_.at({x.from.session_id, x.s});
      if (x.t == "ENTITLEMENT_CREATE")
        id = nth_equal(id, ++equal_seen_[truth_[id].event.key]);
      ++seen[id];
      auto lane = type_of(find_event_type(x.t)).lane;
      if (x.guild == 0 && x.channel == 0)
        continue;
      if (lane == lane::keyed)
        continue;
      if (newest.contains(place) && newest[place] >= id)
        fail("re-ordered in " + name(place) + (x.flags & late_flag ? " (late)" : ""));
      newest[place] = id;
    }
    if (kind_.gaps)
      return;
    for (auto& x : truth_) {
      auto owed = x.at >= 1000s && x.at < w_.now;
      if (owed && seen[x.id] == 0)
        fail("lost " + x.event.t + " of " + std::to_string(x.event.guild) + " at " +
             std::to_string(x.at / 1ms));
      if (seen[x.id] > 1)
        fail("doubled " + x.event.t + " of " + std::to_string(x.event.guild) + " at " +
             std::to_string(x.at / 1ms));
    }
  }

  // Which copy of equal entitlements a line shows is not fixed; the k-th line stands for the k-th occurrence.
  std::size_t nth_equal(std::size_t id, std::size_t n) const {
    auto key = truth_[id].event.key;
    for (auto& x : truth_)
      if (x.event.guild == 0 && x.event.key == key && --n == 0)
        return x.id;
    return id;
  }

  static std::string name(const std::pair<snowflake, snowflake>& x) {
    return std::to_string(x.first) + "/" + std::to_string(x.second);
  }

  void fail(std::string what) {
    if (problem_.size() < 2000)
      problem_ += what + "\n";
  }

  std::mt19937_64 random_;
  life kind_;
  group_world w_;
  std::uint32_t old_count_ = 1, new_count_ = 1;
  std::vector<snowflake> guilds_;
  std::vector<occurrence> truth_;
  std::uint64_t made_ = 0;
  int sessions_ = 0;
  std::deque<session_run> old_, new_;
  std::vector<monotonic> new_start_;
  std::map<std::pair<std::string, std::uint64_t>, std::size_t> carried_;
  monotonic back_at_{};
  std::map<snowflake, std::size_t> equal_seen_;
  std::size_t crashes_ = 0, gaps_ = 0;
  std::string problem_;
};

std::uint64_t first_seed() {
  auto text = std::getenv("SHARDYARD_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

std::uint64_t runs() {
  auto text = std::getenv("SHARDYARD_RUNS");
  return text ? std::strtoull(text, nullptr, 10) : 60;
}

struct totals {
  std::size_t cuts = 0, crashes = 0, gaps = 0, told_from_snapshots = 0;
};

totals check(life kind) {
  totals sum;
  for (auto seed = first_seed(); seed < first_seed() + runs(); ++seed) {
    random_life one{seed, kind};
    one.run();
    sum.cuts += one.cuts();
    sum.crashes += one.crashes();
    sum.gaps += one.gaps();
    sum.told_from_snapshots += one.told_from_snapshots();
    EXPECT_EQ(one.verdict(), "") << "SHARDYARD_SEED=" << seed << " SHARDYARD_RUNS=1";
    if (::testing::Test::HasFailure())
      break;
  }
  return sum;
}

TEST(random_lives, nothing_is_lost_doubled_or_reordered_over_a_reshard) {
  EXPECT_GT(check({}).cuts, runs() * 10);
}

TEST(random_lives, the_same_when_new_sessions_are_lost_and_identified_again) {
  check({.reidentifies = true});
}

TEST(random_lives, the_same_when_sessions_that_lead_are_lost_while_the_old_ones_live) {
  check({.reidentifies = true, .lead_dies = true});
}

TEST(random_lives, the_same_when_the_plan_is_aborted) {
  check({.aborts = true});
}

TEST(random_lives, the_same_when_the_node_dies_between_log_sink_and_acknowledgement) {
  EXPECT_GT(check({.crashes = true}).crashes, runs());
}

TEST(random_lives, what_is_remembered_is_the_world_after_every_gap) {
  auto sum = check({.gaps = true});
  EXPECT_GT(sum.gaps, runs());
  EXPECT_GT(sum.told_from_snapshots, runs() / 3);
  check({.crashes = true, .gaps = true});
}

TEST(random_lives, the_same_when_the_node_dies_and_the_plan_is_aborted) {
  check({.crashes = true, .reidentifies = true, .aborts = true});
}

} // namespace
} // namespace shardyard::testing
