// The unit that travels from a shard to its partitions and on to the sinks: one immutable buffer of payload
// bytes, shared by reference count inside a process, and an index of the events in it.
#pragma once

#include "messages/event_type.hpp"
#include "messages/ids.hpp"
#include "messages/shared_string.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

/// Bits of event_entry::flags.
enum event_flag : std::uint16_t {
  unavailable_flag =
      1,         ///< GUILD_CREATE / GUILD_DELETE with `unavailable: true`: an outage, not a membership change
  late_flag = 2, ///< delivered after its place, because only the shadow session had it
  cut_flag = 4,  ///< not an event: the lead of the guild changed; `d` says how
  gap_flag = 8,  ///< not an event: a reported hole; `d` says between what and why
  snapshot_flag = 16, ///< made from a snapshot, not received as a dispatch: a presence that only the new lead
                      ///< has shown, or what changed while no session covered the guild
};

/// One dispatch. Offsets and sizes are bytes within event_block::bytes.
struct event_entry {
  snowflake guild = 0;        ///< 0: the event names no guild
  snowflake key = 0;          ///< anchors and keyed events: the snowflake that names the occurrence
  snowflake channel = 0;      ///< `channel_id` of events without guild and of MESSAGE_CREATE; others: 0
  std::uint64_t s = 0;        ///< sequence in its session
  std::uint64_t n = 0;        ///< delivery number of the guild; 0 until the partition delivers it
  std::uint64_t epoch = 0;    ///< guild epoch of the delivery
  std::uint32_t d_offset = 0; ///< the value of `d`, untouched
  std::uint32_t d_size = 0;
  std::uint32_t t_offset = 0; ///< the event name, without quotes
  std::uint16_t t_size = 0;
  event_type_id type = unknown_event;
  std::uint16_t flags = 0;
  shardyard::lane lane = shardyard::lane::plain;
  std::uint8_t reserved = 0;
  /// Answers to a bot's command: the session that it is for (messages/bots.hpp); 0: nobody's. An answer has
  /// no number of its own, `n` is the guild's newest then.
  std::uint32_t asker = 0;
};
static_assert(sizeof(event_entry) == 72);

/// The session that brought a block: which shard, and Discord's id of the session.
struct event_source {
  shard_key shard;
  shared_string session_id;

  auto operator<=>(const event_source&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, event_source& x) {
  return f.object(x).fields(f.field("shard", x.shard), f.field("session_id", x.session_id));
}

/// Events of one session in the order received. Copies share `bytes`, which nobody changes after
/// construction.
struct event_block {
  event_source from;
  std::int64_t received_ns = 0; ///< monotonic clock of the host that read the socket
  std::int64_t newest_ms =
      0; ///< Unix ms: newest snowflake among anchors and keyed events of the session so far; 0: none
  std::shared_ptr<const std::string> bytes;
  std::vector<event_entry> entries;

  std::string_view name(const event_entry& e) const { return view(e.t_offset, e.t_size); }
  std::string_view data(const event_entry& e) const { return view(e.d_offset, e.d_size); }

private:
  std::string_view view(std::size_t offset, std::size_t size) const {
    return std::string_view{*bytes}.substr(offset, size);
  }
};

/// The bytes and index of the entries of `block` alone, as one string each: what crosses hosts.
struct packed_events {
  std::string bytes;
  std::string index;
};
packed_events pack(const event_block& block);

/// Restores what `pack` made. False when the index does not fit the bytes: a peer may send anything.
bool unpack(packed_events packed, event_block& block);

template <class Inspector>
bool inspect(Inspector& f, event_block& x) {
  packed_events packed;
  if constexpr (!Inspector::is_loading)
    packed = pack(x);
  auto ok = f.object(x).fields(f.field("from", x.from), f.field("received", x.received_ns),
                               f.field("newest", x.newest_ms), f.field("bytes", packed.bytes),
                               f.field("index", packed.index));
  if constexpr (Inspector::is_loading)
    return ok && unpack(std::move(packed), x);
  return ok;
}

} // namespace shardyard
