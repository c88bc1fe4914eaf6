// What the cluster knows of each gateway event: where its guild id stands and in which order class (lane) it
// belongs. One static table, used by the header scan in net/ and by the hand-over in actors/partition/.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace shardyard {

/// Order class of an event during a hand-over (docs/architecture.md, "Lanes").
enum class lane : std::uint8_t {
  anchor, ///< guild lane; makes a thing with a new snowflake, so it occurs once and can prove a common
          ///< position
  plain,  ///< guild lane; may repeat with equal content, never a proof
  keyed,  ///< has an id of its own and no order promise: union of both sessions, once per id
  state,  ///< latest value counts; taken from the lead only
  local,  ///< concerns one session only: never compared, never delivered as stream
};

/// Where in `d` the guild id stands (Gateway Events reference).
enum class guild_field : std::uint8_t { none, guild_id, id, meta };

/// Where in `d` the snowflake stands that names the occurrence: anchors and keyed events only.
enum class key_field : std::uint8_t { none, id, role_id };

struct event_type {
  std::string_view name;
  shardyard::lane lane;
  guild_field guild;
  key_field key;
};

/// Index into the table; names that it does not list share `unknown_event`.
using event_type_id = std::uint16_t;
inline constexpr event_type_id unknown_event = 0;

/// All known events; entry 0 stands for every unknown name and is treated as plain with an optional
/// `guild_id`.
std::span<const event_type> event_types();

/// Constant-time look-up by `t`. Thread-safe.
event_type_id find_event_type(std::string_view name);

inline const event_type& type_of(event_type_id id) {
  return event_types()[id];
}

} // namespace shardyard
