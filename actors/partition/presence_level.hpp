// Last presence per user at both sessions of one guild, kept only while two sessions cover it. At a cut it
// says which presences the new lead has shown and the old one has not, so that nobody stays at a stale state.
// Best effort and bounded.
#pragma once

#include "actors/partition/guild_handover.hpp"

#include <array>
#include <unordered_map>
#include <vector>

namespace shardyard {

class presence_level {
public:
  explicit presence_level(std::size_t max_users = 2048) : max_users_(max_users) {}

  /// `from` showed `event` (PRESENCE_UPDATE). Its bytes are copied while the two sides differ, dropped when
  /// they agree.
  void seen(side from, snowflake user, std::uint64_t content, const lane_event& event);

  /// Events of `to` whose user's last presence differs at the other side. Forgets everything.
  std::vector<lane_event> take_differences(side to);

  std::size_t bytes() const;
  std::uint64_t dropped() const { return dropped_; } ///< users left out because of the bound

private:
  struct user_state {
    std::array<std::uint64_t, 2> content{};
    std::array<lane_event, 2> last;
  };
  std::size_t max_users_;
  std::size_t kept_bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::unordered_map<snowflake, user_state> users_;
};

} // namespace shardyard
