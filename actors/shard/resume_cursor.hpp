// From which sequence a session is to be RESUMEd: behind it, everything is acknowledged by all partition
// groups. Owns the newest sequence received and the cursor of one session. Promises: the cursor never falls
// and never passes an unacknowledged event.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace shardyard {

/// How a sequence relates to what came before it in its session.
enum class arrival : std::uint8_t {
  fresh,     ///< the next one
  repeated,  ///< came before: a replay after RESUME, already held or acknowledged, not to be pushed again
  after_gap, ///< fresh, but at least one before it never came
};

/// Not thread-safe; a shard owns it. Fed in this order: `received`, push to the streams, `update`.
class resume_cursor {
public:
  /// A session begins. New by READY: `s` 0. Taken over from a checkpoint: `s` is its cursor.
  void begin(std::string session_id, std::uint64_t s) {
    session_id_ = std::move(session_id);
    newest_ = value_ = s;
  }

  /// One dispatch. The first of a new session sets the count: not every server begins at 1.
  arrival received(std::uint64_t s) {
    if (s <= newest_)
      return arrival::repeated;
    auto follows = newest_ == 0 || s == newest_ + 1;
    newest_ = s;
    return follows ? arrival::fresh : arrival::after_gap;
  }

  /// Moves the cursor. `lowest_unacknowledged`: over all groups, of this session; none when all is
  /// acknowledged.
  std::uint64_t update(std::optional<std::uint64_t> lowest_unacknowledged) {
    auto reached = newest_;
    if (lowest_unacknowledged)
      reached = std::min(newest_, *lowest_unacknowledged == 0 ? 0 : *lowest_unacknowledged - 1);
    return value_ = std::max(value_, reached);
  }

  /// The same, asking `oldest_unacked_s` of each stream in the range.
  template <class Streams>
  std::uint64_t update_from(const Streams& streams) {
    std::optional<std::uint64_t> lowest;
    for (auto& stream : streams)
      if (auto s = stream.oldest_unacked_s(session_id_); s && (!lowest || *s < *lowest))
        lowest = s;
    return update(lowest);
  }

  const std::string& session_id() const { return session_id_; }
  std::uint64_t newest() const { return newest_; }
  std::uint64_t value() const { return value_; }

private:
  std::string session_id_;
  std::uint64_t newest_ = 0;
  std::uint64_t value_ = 0;
};

} // namespace shardyard
