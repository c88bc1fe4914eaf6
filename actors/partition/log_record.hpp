// The records of the position log and the state that they add up to. Owns the byte format: length, checksum,
// kind, fields, all little-endian; a record that does not fit its checksum ends the log.
#pragma once

#include "actors/partition/keyed_window.hpp"
#include "actors/partition/position.hpp"

#include <string_view>

namespace shardyard {

/// A session that positions refer to by number.
struct logged_session {
  std::uint32_t number = 0;
  side at = side::first; ///< side of its topology
  event_source from;
  std::uint64_t stray_s = 0; ///< newest sequence handled that belongs to no scope of its own
  bool closed =
      false; ///< its shard was closed by a plan. A lost session looks alive until its successor is named
};

/// A change of lead, logged before its control line goes to a sink. Valid as soon as a sink has seen this
/// epoch.
struct logged_cut {
  scope at;
  std::uint64_t n = 0;     ///< the guild's delivery number at the cut
  std::uint64_t epoch = 0; ///< of the new lead
  cut_kind kind = cut_kind::anchor;
  bool weak = false;
  side to = side::first;
  std::uint32_t session = 0;     ///< the new lead's
  std::uint64_t through_s = 0;   ///< what it had shown up to here is in `rest` or was covered by the old lead
  std::vector<event_block> rest; ///< what it had shown beyond the cut: acknowledged, so only the log has it
};

/// A keyed or de-duplicated delivery, logged before it goes to a sink. Valid when the scope has come to `n`;
/// before that, where nobody else takes numbers, it says whose this one is.
struct logged_key {
  scope at;
  std::uint64_t n = 0; ///< settled: 0, or not seen by the sinks yet
  bool repeat = false; ///< of the repeat window, not of the keyed window
  event_key key;
};

/// A guild is not available at a session, or is again: after a restart its coverage there must not be taken
/// for granted.
struct logged_outage {
  scope at;
  std::uint32_t session = 0;
  bool over = false;
};

/// What has become of a guild's cache.
enum class cache_step : std::uint8_t {
  whole,   ///< it is what `bytes` say (guild_cache::save)
  event,   ///< this delivery changed it
  dropped, ///< the bot has left the guild
};

/// A step of a guild's cache, logged before the delivery goes to a sink. Valid when the guild has come to
/// `n`.
struct logged_cache {
  snowflake guild = 0;
  std::uint64_t n = 0; ///< the state has the effect of all deliveries up to this one
  cache_step step = cache_step::whole;
  event_type_id type = unknown_event; ///< event: its type, and `bytes` its `d`
  std::string bytes;
};

/// Each appends one framed record to `log`.
void write_record(std::string& log, const logged_session& x);
void write_record(std::string& log, const position& x);
void write_record(std::string& log, const logged_cut& x);
void write_record(std::string& log, const logged_key& x);
void write_record(std::string& log, const logged_outage& x);
void write_record(std::string& log, const logged_cache& x);
/// As the record above, without a copy of the bytes.
void write_cache_step(std::string& log, snowflake guild, std::uint64_t n, cache_step step, event_type_id type,
                      std::string_view bytes);
void write_sink_offset(std::string& log, std::string_view sink, std::string_view offset);

/// What a line that a sink has kept says about itself (the envelope of the jsonl sink).
struct delivered_line {
  snowflake guild = 0;
  snowflake channel = 0; ///< guild-less events: the channel, if they name one
  std::uint64_t n = 0;
  std::uint64_t epoch = 0;
  event_source from;
  std::uint64_t s = 0;
  std::string t;
  bool control = false; ///< SHARDYARD_CUT, SHARDYARD_GAP
};

/// Everything that outlives a node.
struct recovered_state {
  std::map<std::uint32_t, logged_session> sessions;
  std::map<scope, position> positions;
  std::map<std::pair<scope, std::uint64_t>, logged_cut> cuts; ///< by scope and epoch
  std::vector<logged_key> keys;
  std::map<std::pair<scope, std::uint32_t>, logged_outage> outages; ///< that are not over
  std::map<snowflake, std::vector<logged_cache>> caches; ///< steps in their order; settled: a whole one first
  std::map<std::string, std::string> sinks;              ///< opaque offset of each sink
  std::uint64_t records = 0;
  std::uint64_t torn_bytes = 0; ///< cut off behind the last good record

  /// One line of a sink's own tail: overrides what is older. With several sinks use the one that is furthest
  /// behind; the others refuse numbers that they have. Call for every line in file order.
  void apply_tail(const delivered_line& line);

  /// Drops what no sink has seen: keys and steps of caches beyond the positions (of events without guild the
  /// keys stay, with their numbers), cuts whose control line was not accepted (their old lead sends its
  /// unacknowledged events again) save swaps, which are redone. Call after the last apply_tail.
  void settle();

  /// As records, for a compaction. The log itself adds the sinks.
  std::string encode() const;
};

/// Reads framed records. `used` is the size of the good part.
recovered_state decode_log(std::string_view bytes, std::size_t& used);

} // namespace shardyard
