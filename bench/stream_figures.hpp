// What a client measures while it receives one stream: CPU of its process between the first and the last
// event, and the time from the server's stamp to the callback. Prints it as `name value` lines, the form that
// the suite reads.
#pragma once

#include "bench/clocks.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

namespace shardyard::bench {

/// Microseconds below which `share` of the delays (ns) lie. Sorts them.
inline double quantile_us(std::vector<std::int64_t>& delays, double share) {
  std::ranges::sort(delays);
  return static_cast<double>(
             delays[static_cast<std::size_t>(share * static_cast<double>(delays.size() - 1))]) /
         1e3;
}

class stream_figures {
public:
  /// Expects `events` events behind READY and the guilds' snapshots; the first `warm_up` do not count.
  stream_figures(std::uint64_t events, std::uint64_t warm_up, bool latency)
      : events_(events), warm_up_(warm_up), latency_(latency) {}

  /// True when this was the last event.
  bool event(std::string_view t, std::string_view d) {
    if (t == "READY" || t == "GUILD_CREATE")
      return false;
    ++seen_;
    if (seen_ == warm_up_ + 1) {
      begin_cpu_ = cpu_ns();
      begin_ = monotonic_ns();
    }
    if (latency_ && seen_ > warm_up_)
      note_latency(d);
    if (seen_ < events_)
      return false;
    cpu_ = cpu_ns() - begin_cpu_;
    wall_ = monotonic_ns() - begin_;
    return true;
  }

  void print() {
    auto counted = static_cast<double>(events_ - warm_up_ - 1);
    std::printf("cpu %.4f\n", static_cast<double>(cpu_) / 1e3 / counted); // ns per event = 1e-3 s per million
    std::printf("wall %.4f\n", static_cast<double>(wall_) / 1e3 / counted);
    if (!delays_.empty())
      std::printf("p50_us %.1f\np99_us %.1f\n", quantile_us(delays_, 0.50), quantile_us(delays_, 0.99));
    std::fflush(stdout);
  }

  /// The number behind `"sent_ns":` at the end of `d`; 0 when it is not there.
  static std::int64_t sent_ns(std::string_view d) {
    constexpr std::string_view key = R"("sent_ns":)";
    auto place = d.rfind(key);
    std::int64_t value = 0;
    if (place != d.npos)
      std::from_chars(d.data() + place + key.size(), d.data() + d.size(), value);
    return value;
  }

private:
  void note_latency(std::string_view d) {
    if (auto sent = sent_ns(d); sent != 0)
      delays_.push_back(monotonic_ns() - sent);
  }

  std::uint64_t events_;
  std::uint64_t warm_up_;
  bool latency_;
  std::uint64_t seen_ = 0;
  std::int64_t begin_cpu_ = 0;
  std::int64_t begin_ = 0;
  std::int64_t cpu_ = 0;
  std::int64_t wall_ = 0;
  std::vector<std::int64_t> delays_;
};

} // namespace shardyard::bench
