// Presences that one of a guild's two sessions has shown and the other has not yet, kept only while both
// cover it. At a cut it says which of them the new lead has shown, so that nobody stays at a stale state.
// Best effort and bounded: what both sides agree about takes no memory.
#pragma once

#include "actors/partition/guild_handover.hpp"

#include <array>
#include <memory>
#include <vector>

#include <boost/container/flat_map.hpp>

namespace shardyard {

class presence_level {
public:
  explicit presence_level(std::size_t max_users = 2048) : max_users_(max_users) {}

  /// One presence where it came. The block is shared.
  struct shown_event {
    std::shared_ptr<const event_block> block;
    std::uint32_t index = 0;

    std::string_view data() const { return block->data(block->entries[index]); }
  };

  /// `from` showed `event` (PRESENCE_UPDATE). Copies that agree byte for byte, as nearly all do, are
  /// forgotten at once.
  void seen(side from, snowflake user, const shown_event& event);

  /// To be called now and then. What the other side has not shown for one such interval is compared by its
  /// content, and gets bytes of its own when that differs: a presence must not keep the block that brought
  /// it, which may be a megabyte.
  void let_blocks_go();

  /// Events of `to` whose user's last presence has other content at the other side. Forgets everything.
  std::vector<shown_event> take_differences(side to);

  bool empty() const { return users_.empty(); }
  std::size_t
  bytes() const; ///< of the table and the presences in it, blocks that are let go of soon left out
  std::uint64_t dropped() const { return dropped_; } ///< presences left out because of the bound

private:
  struct last_shown {
    std::shared_ptr<const event_block> block; ///< none: nothing since both agreed
    std::uint32_t index = 0;
    std::uint32_t size : 30 = 0; ///< of the bytes, so that to forget them does not mean to look at them
    std::uint32_t looks : 2 = 0; ///< calls of let_blocks_go since; own_bytes: has bytes of its own
    std::uint64_t hash = 0;      ///< of the bytes as they came

    std::string_view data() const { return block->data(block->entries[index]); }
  };
  using user_state = std::array<last_shown, 2>;

  static constexpr std::uint32_t own_bytes = 3;
  static constexpr std::size_t most_blocks = 256; ///< presences that still share their block

  static bool agree(const user_state& x);
  void forget(last_shown& x);
  void detach(last_shown& x);
  void detach_all();

  // Sorted, since most guilds have none or one at a time: a hash table starts with more than a kilobyte.
  boost::container::flat_map<snowflake, user_state> users_;
  std::size_t max_users_;
  std::size_t kept_bytes_ = 0;
  std::size_t sharing_ = 0;
  std::uint64_t dropped_ = 0;
};

} // namespace shardyard
