// Last presence per user at both sessions of one guild, kept only while two sessions cover it. At a cut it
// says which presences the new lead has shown and the old one has not, so that nobody stays at a stale state.
// Best effort and bounded.
#pragma once

#include "actors/partition/guild_handover.hpp"

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace shardyard {

class presence_level {
public:
  explicit presence_level(std::size_t max_users = 2048) : max_users_(max_users) {}

  /// `from` showed `event` (PRESENCE_UPDATE). Its bytes are copied while the two sides differ, dropped when
  /// they agree. Most copies agree byte for byte; the canonical content is computed only where they do not.
  void seen(side from, snowflake user, const lane_event& event);

  /// Events of `to` whose user's last presence differs at the other side. Forgets everything.
  std::vector<lane_event> take_differences(side to);

  std::size_t bytes() const;
  std::uint64_t dropped() const { return dropped_; } ///< users left out because of the bound

private:
  /// One event without the block that it came in, which may be a megabyte.
  struct copy {
    lane_event event; ///< without its block
    event_entry entry;
    std::string bytes; ///< name, then `d`
    std::int64_t received_ns = 0;
    std::int64_t newest_ms = 0;
    std::size_t source = 0; ///< index into sources_

    std::string_view data() const { return std::string_view{bytes}.substr(entry.d_offset); }
  };
  struct user_state {
    std::array<std::uint64_t, 2> bytes{};   ///< hash of the side's last presence as it came; 0 = none yet
    std::array<std::uint64_t, 2> content{}; ///< its canonical hash; 0 = not needed so far
    std::array<std::unique_ptr<copy>, 2> last;
  };

  bool agree(user_state& x, std::size_t me, std::string_view d) const;
  std::unique_ptr<copy> copy_of(const lane_event& event);
  lane_event restored(const copy& x) const;
  void forget(std::unique_ptr<copy>& x);

  std::size_t max_users_;
  std::size_t kept_bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::unordered_map<snowflake, user_state> users_;
  std::vector<event_source> sources_; ///< sessions that the copies came from
};

} // namespace shardyard
