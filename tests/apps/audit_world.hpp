// A small Discord for the audit's tests: what happens in it, the truth that it tells, and the lines that a
// faultless cluster would write.
#pragma once

#include "actors/node/jsonl_line.hpp"
#include "apps/audit.hpp"
#include "apps/truth_source.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace shardyard::audit_test {

struct delivery {
  std::string t;
  snowflake guild = 0;
  std::string session;
  std::uint64_t s = 0;
  std::uint64_t n = 0;
  std::uint64_t epoch = 1;
  std::uint16_t flags = 0;
  std::string d = "{}";

  std::string line() const {
    event_block block;
    block.from = {{1, 0, 1}, session};
    block.bytes = std::make_shared<const std::string>(t + d);
    block.entries.push_back({.guild = guild,
                             .s = s,
                             .n = n,
                             .epoch = epoch,
                             .d_offset = static_cast<std::uint32_t>(t.size()),
                             .d_size = static_cast<std::uint32_t>(d.size()),
                             .t_size = static_cast<std::uint16_t>(t.size()),
                             .flags = flags});
    std::string out;
    append_lines(out, block);
    out.pop_back();
    return out;
  }
};

// A small Discord: what happens here goes to all sessions that cover the guild, each with its own sequence.
class world {
public:
  void ready(const std::string& id, const std::vector<snowflake>& guilds, unsigned shard = 0,
             unsigned count = 1) {
    row("[\"S\"," + std::to_string(sessions_.size()) + ",\"" + id + "\",[" + std::to_string(shard) + ',' +
        std::to_string(count) + "]," + std::to_string(newest_) + ']');
    sessions_.push_back({id, {}, 1, true, shard == 0});
    for (auto guild : guilds)
      show(id, guild);
  }
  void show(const std::string& id, snowflake guild) {
    auto& x = at(id);
    ++x.s;
    x.guilds.insert(guild);
    row("[\"g\"," + number(id) + ",\"" + std::to_string(guild) + "\"," + std::to_string(newest_) + ']');
  }
  void outage(const std::string& id, snowflake guild) {
    at(id).guilds.erase(guild);
    row("[\"u\"," + number(id) + ",\"" + std::to_string(guild) + "\"," + std::to_string(newest_) + ']');
  }
  void end(const std::string& id) {
    at(id).live = false;
    row("[\"x\"," + number(id) + ",\"invalid session\"," + std::to_string(newest_) + ']');
  }

  // Returns the occurrence; sessions in `missing` do not get it.
  std::uint64_t happens(const std::string& t, snowflake guild, const std::string& channel = "",
                        const std::set<std::string>& missing = {}) {
    row("[\"o\"," + std::to_string(++newest_) + ",\"" + std::to_string(guild) + "\",\"" + t + "\",\"" +
        channel + "\"]");
    types_.push_back({t, guild, channel});
    for (auto& x : sessions_) {
      if (!x.live || missing.contains(x.id) || (guild != 0 ? !x.guilds.contains(guild) : !x.first_shard))
        continue;
      ++x.s;
      copies_[{x.id, newest_}] = x.s;
      row("[\"c\"," + number(x.id) + ',' + std::to_string(x.s) + ',' + std::to_string(newest_) + ']');
    }
    return newest_;
  }

  // The line of that occurrence as the session brought it, with the next delivery number of its guild.
  delivery from(const std::string& session, std::uint64_t occurrence, std::uint16_t flags = 0) {
    auto& [t, guild, channel] = types_.at(occurrence - 1);
    auto n = ++numbers_[{guild, channel}];
    auto d = channel.empty() ? std::string{"{}"} : "{\"channel_id\":\"" + channel + "\"}";
    return {t, guild, session, copies_.at({session, occurrence}), n, 1, flags, d};
  }

  truth what_happened() const {
    truth_source source;
    source.feed(rows_);
    auto result = source.finish();
    EXPECT_EQ(source.error(), "");
    return result;
  }
  const std::string& rows() const { return rows_; }

private:
  struct session {
    std::string id;
    std::set<snowflake> guilds;
    std::uint64_t s;
    bool live, first_shard;
  };
  void row(const std::string& text) { rows_ += text + '\n'; }
  session& at(const std::string& id) { return *std::ranges::find(sessions_, id, &session::id); }
  std::string number(const std::string& id) {
    return std::to_string(std::ranges::find(sessions_, id, &session::id) - sessions_.begin());
  }

  std::string rows_;
  std::vector<session> sessions_;
  std::vector<std::tuple<std::string, snowflake, std::string>> types_;
  std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> copies_;
  std::map<std::pair<snowflake, std::string>, std::uint64_t> numbers_;
  std::uint64_t newest_ = 0;
};

inline audit_result judge(const world& w, const std::vector<delivery>& lines) {
  auto happened = w.what_happened();
  audit run{happened};
  run.begin_file();
  for (auto& x : lines)
    run.line(x.line());
  return run.finish();
}

inline void renumber(std::vector<delivery>& lines) {
  std::map<std::pair<snowflake, std::string>, std::uint64_t> n;
  for (auto& x : lines) {
    auto& last = n[{x.guild, x.guild == 0 ? x.d : ""}];
    x.n = (x.flags & (cut_flag | gap_flag)) != 0 ? last : ++last;
  }
}

inline delivery cut(snowflake guild, const std::string& to, std::uint64_t n, std::uint64_t epoch,
                    const std::string& kind, const std::string& weak = "false") {
  return {"SHARDYARD_CUT",
          guild,
          to,
          0,
          n,
          epoch,
          cut_flag,
          R"({"kind":")" + kind + (kind == "quiet" ? R"(","why":"alike)" : "") + R"(","weak":)" + weak +
              R"(,"from":{"topology":1,"shard":[0,4]}})"};
}

inline delivery gap(snowflake guild, const std::string& last, std::uint64_t last_s, const std::string& first,
                    std::uint64_t first_s, std::uint64_t n = 1) {
  return {"SHARDYARD_GAP",
          guild,
          first,
          0,
          n,
          1,
          gap_flag,
          R"({"last":{"session_id":")" + last + R"(","s":)" + std::to_string(last_s) +
              R"(,"n":1},"first":{"session_id":")" + first + R"(","s":)" + std::to_string(first_s) +
              R"(},"why":"op 9"})"};
}

inline constexpr snowflake g1 = 1000, g2 = 2000;

// Four equal reactions of one guild (twins) between messages, a second guild, delivered by session "a" up to
// the cut, then by "b".
struct reshard {
  world w;
  std::vector<std::uint64_t> ids;
  std::vector<delivery> lines;

  reshard() {
    w.ready("a", {g1, g2});
    for (auto i = 0; i < 3; ++i)
      happens("MESSAGE_REACTION_ADD");
    w.ready("b", {g1, g2});
    happens("MESSAGE_REACTION_ADD");
    happens("MESSAGE_CREATE");
    for (auto id : ids)
      lines.push_back(w.from("a", id));
    auto other = w.happens("MESSAGE_CREATE", g2);
    lines.push_back(w.from("a", other));
    lines.push_back(cut(g1, "b", 5, 2, "anchor"));
    for (auto t : {"MESSAGE_CREATE", "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_ADD"}) {
      happens(t);
      lines.push_back(w.from("b", ids.back()));
      lines.back().epoch = 2;
    }
  }
  void happens(const std::string& t) { ids.push_back(w.happens(t, g1)); }
  audit_result result() const { return judge(w, lines); }
};

inline std::string reasons(const audit_result& x) {
  std::string text;
  for (auto& reason : x.reasons())
    text += reason + ';';
  return text;
}

} // namespace shardyard::audit_test
