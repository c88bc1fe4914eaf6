// The log of what really happened, kept as a few bytes per row and told as the lines of GET /truth. Rows are
// only ever appended, so a reader may go on while the world does. Bounded by its byte_log: a log that outgrew
// it is gone as a whole and says so.
#pragma once

#include "sim/byte_log.hpp"
#include "sim/clock.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shardyard::sim {

class truth_log {
public:
  /// `digests`: keep the CRC-32 of each occurrence's `d`, written anew without needless escapes; 5 bytes more
  /// per row.
  explicit truth_log(bool enabled, byte_log::bounds bounds = {}, bool digests = false)
      : enabled_(enabled), digests_(digests), rows_(std::move(bounds)) {}

  /// A new occurrence; returns its number, which rises by one whether or not the log is kept. `d`: empty when
  /// each session gets one of its own.
  std::uint64_t happened(std::string_view name, snowflake guild, snowflake channel, std::string_view d = {});
  std::uint64_t newest() const { return newest_; }

  void session_ready(std::uint32_t session, std::string_view session_id, std::uint32_t shard_id,
                     std::uint32_t shard_count);
  void guild_shown(std::uint32_t session, snowflake guild, std::uint64_t after);
  void carried(std::uint32_t session, std::uint64_t s, std::uint64_t occurrence);
  void guild_lost(std::uint32_t session, snowflake guild, std::uint64_t after);
  void session_ended(std::uint32_t session, std::string_view reason);

  const byte_log& rows() const { return rows_; }

  /// Reads the log from its beginning to what it held when the reader was made.
  class reader {
  public:
    explicit reader(const truth_log& log) : log_(&log), rows_(log.rows_), end_(log.rows_.size()) {}

    /// Appends whole lines until `out` holds `limit` bytes or more; false when nothing is left.
    bool read(std::string& out, std::size_t limit);

    /// The log was given up before the reader came to its end; what was read is not all.
    bool failed() const { return rows_.failed(); }

  private:
    struct place {
      std::uint64_t s = 0;
      std::uint64_t occurrence = 0;
    };
    std::uint8_t byte();
    std::uint64_t number();
    std::string text();
    void line(std::string& out);

    const truth_log* log_;
    byte_log::reader rows_;
    std::uint64_t at_ = 0, end_;
    std::uint64_t newest_ = 0;
    std::unordered_map<std::uint32_t, place> places_;
  };

private:
  void byte(std::uint8_t value) { rows_.push(value); }
  void number(std::uint64_t value);
  void text(std::string_view value);

  /// Position of a snowflake or name in its table; `fresh` ones are appended.
  std::uint64_t intern(snowflake id);
  std::uint64_t intern(std::string_view name);

  struct place {
    std::uint64_t s = 0;
    std::uint64_t occurrence = 0;
  };
  bool enabled_, digests_;
  std::uint64_t newest_ = 0;
  byte_log rows_;
  std::unordered_map<snowflake, std::uint64_t> id_index_;
  std::deque<snowflake> ids_;
  std::deque<std::string> names_; // addresses stay, the index points into it
  std::unordered_map<std::string_view, std::uint64_t> name_index_;
  std::vector<place> places_;
};

} // namespace shardyard::sim
