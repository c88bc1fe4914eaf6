// For each session of a bot the stream that it must see, made by the plainest possible rules from what
// entered the switch. Owns what is known of guilds and channels; the sessions are the world's.
#pragma once

#include "messages/bots.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shardyard {

class stream_oracle {
public:
  struct event {
    std::string t;
    snowflake guild = 0, channel = 0;
    std::uint64_t n = 0;
    std::string d;
    std::uint32_t asker = 0;
    std::uint64_t s = 0; // of answers
    bool again = false;
  };

  /// What the oracle knows of a session's guild.
  struct view {
    bool open = false;
    std::uint64_t from = 0;
    std::vector<event> waiting; // deliveries since it became pending
  };

  struct model {
    std::uint32_t asker = 0;
    std::string id;
    guild_filter filter;
    std::uint64_t intents = 0;
    bool live = false, lost = false;
    std::vector<snowflake> joined; // while the list was on its way
    std::map<snowflake, view> guilds;
    std::vector<std::pair<std::string, std::string>> stream; // by s - 1
    std::vector<std::size_t> arrived; // how many deliveries had entered the switch then
  };

  /// Newest delivery of its guild or channel that has entered the switch.
  std::uint64_t known(const event& e) { return known_[{e.guild, e.channel}].first; }
  /// So many have entered it.
  std::size_t deliveries() const { return deliveries_; }

  void expect(model& m, std::string t, std::string d) {
    m.stream.emplace_back(std::move(t), std::move(d));
    m.arrived.push_back(deliveries_);
  }

  /// It enters the switch, while `all` are the sessions.
  void arrive(const event& e, const std::vector<model*>& all) {
    if (e.again)
      return;
    if (e.asker != 0) {
      ++deliveries_;
      for (auto* asked : all)
        if (asked->asker == e.asker && asked->live)
          expect(*asked, e.t, e.d);
      return;
    }
    auto& [newest, whole] = known_[{e.guild, e.channel}];
    if (e.n <= newest)
      return;
    ++deliveries_;
    auto first = newest == 0;
    auto broken = e.n > newest + 1;
    if (first || broken)
      whole = e.n;
    newest = e.n;
    for (auto* x : all)
      arrive(*x, e, broken && !first, first);
  }

  /// The list of guilds that the session has waited for.
  void listed(model& m, const std::vector<snowflake>& guilds) {
    if (m.live)
      return;
    m.live = true;
    expect(m, "READY", {});
    std::set<snowflake> all{guilds.begin(), guilds.end()};
    all.insert(m.joined.begin(), m.joined.end());
    if ((m.intents & 1) != 0)
      for (auto id : all)
        m.guilds[id];
  }

  /// Snapshots that it has waited for.
  void fetched(model& m, const std::vector<guild_snapshot>& rows, std::string_view bytes) {
    if (!m.live)
      return;
    for (auto& row : rows) {
      auto d = bytes.substr(0, row.size);
      bytes.remove_prefix(row.size);
      auto found = m.guilds.find(row.guild);
      if (found == m.guilds.end() || found->second.open)
        continue;
      if (row.gone) {
        m.guilds.erase(found);
        expect(m, "GUILD_DELETE", "{\"id\":\"" + std::to_string(row.guild) + "\"}");
        continue;
      }
      auto [newest, whole] = known_[{row.guild, 0}];
      if (row.n < newest && row.n + 1 < whole)
        continue; // it has to be fetched again
      found->second.open = true;
      found->second.from = std::max(row.n, newest);
      expect(m, "GUILD_CREATE", std::string{d});
      for (auto& e : std::exchange(found->second.waiting, {}))
        if (e.n > row.n && passes(m, e))
          show(m, e);
    }
  }

private:
  static bool passes(const model& m, const event& e) {
    if (e.t == "PRESENCE_UPDATE")
      return (m.intents & 256) != 0;
    if (e.t == "GUILD_UPDATE")
      return (m.intents & 1) != 0;
    return e.t != "MESSAGE_CREATE" || (m.intents & (e.guild != 0 ? 512 : 4096)) != 0;
  }

  void show(model& m, const event& e) {
    auto hidden = e.t == "MESSAGE_CREATE" && e.guild != 0 && (m.intents & 32768) == 0;
    expect(m, e.t, hidden ? R"({"content":""})" : e.d);
  }

  void arrive(model& m, const event& e, bool hole, bool first) {
    auto found = m.guilds.find(e.guild);
    auto* v = found == m.guilds.end() ? nullptr : &found->second;
    auto covered = v && (!v->open || v->from + 1 >= e.n);
    if (hole && m.live && m.filter.sees(e.guild) && !covered)
      m.lost = true;
    if (first && v && !covered)
      m.lost = true; // its snapshot shows that there was something in between
    if (!m.filter.sees(e.guild))
      return;
    if (e.t == "GUILD_CREATE")
      return join(m, e);
    if (e.t == "GUILD_DELETE")
      return leave(m, e);
    if (!m.live)
      return;
    if (e.guild == 0 || e.t == "INTERACTION_CREATE" || (m.intents & 1) == 0) {
      if (passes(m, e))
        show(m, e);
    } else if (v && !v->open) {
      v->waiting.push_back(e);
    } else if (v && e.n > v->from && passes(m, e)) {
      show(m, e);
    }
  }

  void join(model& m, const event& e) {
    if (!m.live)
      return m.joined.push_back(e.guild);
    if ((m.intents & 1) == 0)
      return;
    auto& v = m.guilds[e.guild];
    if (v.open && e.n <= v.from)
      return;
    v.open = true;
    v.from = e.n;
    expect(m, e.t, e.d);
  }

  void leave(model& m, const event& e) {
    auto found = m.guilds.find(e.guild);
    if ((m.intents & 1) == 0 || found == m.guilds.end() || (found->second.open && e.n <= found->second.from))
      return;
    m.guilds.erase(found);
    expect(m, e.t, e.d);
  }

  std::map<std::pair<snowflake, snowflake>, std::pair<std::uint64_t, std::uint64_t>>
      known_; // newest, whole from
  std::size_t deliveries_ = 0;
};

} // namespace shardyard
