// The copy of a position log on a second host, as the log's owner sees it: what was sent, what is confirmed,
// what has to go next. At most one append is under way; what comes meanwhile is gathered. Plain class.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace shardyard {

class copy_stream {
public:
  static constexpr std::size_t most_bytes = 512u << 10; ///< of one append

  struct piece {
    std::uint64_t offset = 0;
    bool anew = false;
    std::string bytes;
    std::uint64_t until = 0; ///< the copy begins anew in pieces: its size when whole
  };

  /// The copy begins again with `whole`, the log as it is now; everything up to `commit` is in it.
  void begin(std::string whole, std::uint64_t commit) {
    pending_ = std::move(whole);
    gone_ = 0;
    sent_ = confirmed_ = 0;
    end_ = whole_ = pending_.size();
    marks_ = {{end_, commit}};
    anew_ = true;
    in_flight_ = 0;
    waiting_ = false;
    active_ = true;
  }

  /// Nobody keeps a copy, or it was lost.
  void stop() { *this = {}; }
  bool active() const { return active_; }

  /// Records that the log now has; with them it has everything up to `commit`. Without records, what the
  /// commit brought is none of the copy's, and the commit is as safe as those before it.
  void append(std::string_view records, std::uint64_t commit) {
    if (!active_)
      return;
    pending_ += records;
    end_ += records.size();
    marks_.emplace_back(end_, commit);
    if (!anew_ && !waiting_)
      take_marks();
  }

  /// What to send now; none while an append is under way or when all is sent.
  std::optional<piece> next() {
    if (!active_ || waiting_ || (gone_ == pending_.size() && !anew_))
      return std::nullopt;
    auto most = sent_ < whole_ ? std::min<std::uint64_t>(most_bytes, whole_ - sent_) : most_bytes;
    piece result{sent_, std::exchange(anew_, false), pending_.substr(gone_, most), 0};
    if (sent_ < whole_ && whole_ > most_bytes)
      result.until = whole_;
    gone_ += result.bytes.size();
    // Not with each piece: a copy of many pieces would be moved as often.
    if (gone_ > pending_.size() / 2) {
      pending_.erase(0, gone_);
      gone_ = 0;
    }
    in_flight_ = result.bytes.size();
    waiting_ = true;
    return result;
  }

  /// The keeper has so many bytes. False: not what it should have; begin again.
  bool kept(std::uint64_t bytes) {
    if (!active_ || !waiting_)
      return true;
    if (bytes != sent_ + in_flight_)
      return false;
    waiting_ = false;
    sent_ = confirmed_ = bytes;
    in_flight_ = 0;
    take_marks();
    return true;
  }

  /// Everything up to this commit is on the second host.
  std::uint64_t commit() const { return commit_; }

private:
  void take_marks() {
    while (!marks_.empty() && marks_.front().first <= confirmed_) {
      commit_ = marks_.front().second;
      marks_.pop_front();
    }
  }

  std::string pending_;
  std::size_t gone_ = 0; ///< bytes at its beginning that were sent
  std::uint64_t sent_ = 0;
  std::uint64_t confirmed_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t whole_ = 0; ///< size at which the copy that was begun is whole
  std::size_t in_flight_ = 0;
  std::uint64_t commit_ = 0;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> marks_; ///< offset behind a commit, and its number
  bool anew_ = false;
  bool waiting_ = false;
  bool active_ = false;
};

} // namespace shardyard
