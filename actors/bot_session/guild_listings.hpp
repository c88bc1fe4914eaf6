// The lists of guilds that bots wait for, each put together from the answers of all partition groups: whom to
// ask next, which answer counts, when a list is whole or is told with what there is. Plain class; time is an
// argument.
#pragma once

#include "messages/bots.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <vector>

namespace shardyard {

class guild_listings {
public:
  using time = std::chrono::steady_clock::time_point;
  /// For groups that do not answer; discord.js gives up on READY after 15 s.
  static constexpr std::chrono::seconds patience{10};
  static constexpr std::chrono::milliseconds ask_every{200};

  struct group {
    std::uint32_t id = 0;
    bool reachable = false;
  };
  struct question {
    std::uint32_t asker = 0;
    std::uint32_t group = 0;
    guild_filter which;
  };
  struct listed {
    std::uint32_t asker = 0;
    std::vector<snowflake> guilds;
    bool whole = false; ///< every group has said all it knows
  };

  /// Nothing when a list for this asker is on its way: one that began anew each time would never be given up.
  void begin(std::uint32_t asker, const guild_filter& which, time now);

  /// What to ask now, each once until it is answered or failed. `groups`: all of the cluster, none while it
  /// has not come up: that is waited for as long as it takes, since a bot must not be told that it has no
  /// guilds.
  std::vector<question> take_questions(std::span<const group> groups, time now);

  /// False: nobody waits for it.
  bool answered(std::uint32_t asker, std::uint32_t group, const guild_list& answer, time now);
  void failed(std::uint32_t asker, std::uint32_t group);

  /// Lists that are whole or have been waited for long enough.
  std::vector<listed> take_listed(std::span<const group> groups, time now);

private:
  struct listing {
    std::uint32_t asker = 0;
    guild_filter which;
    std::set<std::uint32_t> asked;    ///< groups under way
    std::set<std::uint32_t> answered; ///< groups that have said all they know
    std::vector<snowflake> guilds;
    time give_up{};
    time next_ask{};
  };

  listing* find(std::uint32_t asker);

  std::deque<listing> listings_;
};

} // namespace shardyard
