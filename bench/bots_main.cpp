// Bots as a program. Prints `ready` when each has its guilds, with the JSON bytes they got so far, and obeys
// lines on its standard input: `take N` is answered with `taken P50_US P99_US` when each bot got N events
// more; `stall` makes all of them stop to read. Ends with its standard input.
#include "bench/bot_line.hpp"
#include "bench/stream_figures.hpp"

#include <algorithm>
#include <iostream>
#include <memory>

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

using namespace shardyard::bench;

namespace {

constexpr std::int64_t beat_ns = 20'000'000'000;

class herd {
public:
  herd(std::uint16_t port, transport mode, std::size_t bots, int receive_buffer) {
    for (std::size_t i = 0; i < bots; ++i)
      lines_.push_back(std::make_unique<bot_line>(port, mode, receive_buffer));
  }

  /// One wait for input. False when standard input has ended.
  bool turn() {
    std::vector<pollfd> all{{STDIN_FILENO, POLLIN, 0}};
    if (!stalled_)
      for (auto& line : lines_)
        all.push_back({line->fd(), POLLIN, 0});
    poll(all.data(), all.size(), 1000);
    for (std::size_t i = 1; i < all.size(); ++i)
      if (all[i].revents != 0)
        lines_[i - 1]->read();
    if (monotonic_ns() > next_beat_) {
      next_beat_ = monotonic_ns() + beat_ns;
      for (auto& line : lines_)
        line->heartbeat();
    }
    tell();
    return all[0].revents == 0 || obey();
  }

private:
  void tell() {
    if (!told_ready_ && std::ranges::all_of(lines_, [](auto& x) { return x->ready(); })) {
      told_ready_ = true;
      std::uint64_t bytes = 0;
      for (auto& line : lines_)
        bytes += line->bytes();
      std::cout << "ready " << bytes << std::endl;
    }
    if (!taking_ || !std::ranges::all_of(lines_, [&](auto& x) { return x->events() >= goal_; }))
      return;
    taking_ = false;
    std::vector<std::int64_t> delays;
    for (auto& line : lines_) {
      delays.insert(delays.end(), line->delays().begin(), line->delays().end());
      line->delays().clear();
    }
    if (delays.empty())
      std::cout << "taken" << std::endl;
    else
      std::cout << "taken " << quantile_us(delays, 0.50) << ' ' << quantile_us(delays, 0.99) << std::endl;
  }

  bool obey() {
    std::string verb;
    if (!(std::cin >> verb))
      return false;
    if (verb == "stall")
      stalled_ = true;
    std::uint64_t count = 0;
    if (verb == "take" && std::cin >> count) {
      goal_ += count;
      taking_ = true;
    }
    return true;
  }

  std::vector<std::unique_ptr<bot_line>> lines_;
  std::int64_t next_beat_ = monotonic_ns() + beat_ns;
  std::uint64_t goal_ = 0;
  bool told_ready_ = false;
  bool taking_ = false;
  bool stalled_ = false;
};

} // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  std::string compress = "none";
  std::size_t bots = 1;
  int receive_buffer = 0;
  CLI::App app{"Bots that count what they get"};
  app.add_option("--port", port)->required();
  app.add_option("--compress", compress, "none or zstd");
  app.add_option("--bots", bots, "how many");
  app.add_option("--receive-buffer", receive_buffer, "bytes of each socket; 0: as the system does");
  CLI11_PARSE(app, argc, argv);
  try {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    herd all{port, transport_from(compress), bots, receive_buffer};
    while (all.turn()) {
    }
  } catch (const std::exception& e) {
    std::cout << "failed " << e.what() << std::endl;
    return 1;
  }
}
