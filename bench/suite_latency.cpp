#include "bench/node_run.hpp"
#include "bench/row_makers.hpp"
#include "bench/stream_figures.hpp"
#include "bench/suite_runs.hpp"

#include <array>
#include <map>
#include <stdexcept>
#include <thread>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace shardyard::bench {
namespace {

// The reader behind a jsonl sink: takes lines from a Unix socket and notes how long each was on its way.
class line_reader {
public:
  explicit line_reader(const std::string& path) : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_, 1) != 0)
      throw std::runtime_error{"cannot listen on " + path};
    thread_ = std::thread{[this] { read(); }};
  }

  ~line_reader() {
    shutdown(listener_, SHUT_RDWR);
    finish();
    close(listener_);
  }

  /// To be called when the sender has ended.
  std::vector<std::int64_t>& finish() {
    if (thread_.joinable())
      thread_.join();
    return delays_;
  }

private:
  void read() {
    auto connection = accept(listener_, nullptr, nullptr);
    std::string buffer;
    std::array<char, 65536> room;
    for (;;) {
      auto size = ::read(connection, room.data(), room.size());
      if (size <= 0)
        break;
      auto now = monotonic_ns();
      buffer.append(room.data(), static_cast<std::size_t>(size));
      std::size_t start = 0;
      for (auto end = buffer.find('\n'); end != buffer.npos; start = end + 1, end = buffer.find('\n', start))
        if (auto sent = stream_figures::sent_ns(std::string_view{buffer}.substr(start, end - start));
            sent != 0)
          delays_.push_back(now - sent);
      buffer.erase(0, start);
    }
    close(connection);
  }

  int listener_;
  std::thread thread_;
  std::vector<std::int64_t> delays_;
};

// From the server's send to the reader behind a node's jsonl sink.
readings node_delays(const bench_ground& ground, const stream_request& request, int run) {
  constexpr auto warm_up = 1'000;
  auto path = ground.scratch + "/events-" + std::to_string(run) + ".sock";
  line_reader reader{path};
  {
    node_run node{ground, {.sink = "kind = \"jsonl\"\npath = \"unix:" + path + "\""}};
    node.stream_cpu(request);
  }
  auto& delays = reader.finish();
  if (delays.size() != request.events)
    throw std::runtime_error{"the sink got " + std::to_string(delays.size()) + " of " +
                             std::to_string(request.events) + " events"};
  delays.erase(delays.begin(), delays.begin() + warm_up);
  return {{"p50_us", quantile_us(delays, 0.50)}, {"p99_us", quantile_us(delays, 0.99)}};
}

} // namespace

void run_latency(const bench_ground& ground, figure_table& table) {
  stream_request request{ground.quick ? 10'000U : 25'000U, 4, 5'000, true};
  auto rounds = ground.quick ? 3 : 5;
  std::map<std::string, std::vector<double>> floor;
  std::map<std::string, std::vector<double>> link;
  std::map<std::string, std::vector<double>> sink;
  auto keep = [](auto& all, const readings& x) {
    for (auto& [name, value] : x)
      all[name].push_back(value);
  };
  std::string note = ground.shardyard.empty() ? "the program shardyard is not built" : "";
  // Turns alternate, since what a wake-up costs changes with whatever else the machine does.
  for (int run = 0; run < rounds; ++run) {
    keep(floor, ground.run_own("bench_floor", transport::zstd_stream, request));
    keep(link, ground.run_own("bench_link", transport::zstd_stream, request));
    if (!note.empty())
      continue;
    try {
      keep(sink, node_delays(ground, request, run));
    } catch (const std::exception& e) {
      note = e.what();
    }
  }
  for (auto* which : {"p50_us", "p99_us"}) {
    auto name = "latency at 5,000 events/s, " + std::string{which, 3};
    auto unit = "us from send to receiver";
    auto base = median(floor.at(which));
    table.add({name + ", floor loop", unit, base, {}, {}, {}});
    table.add({name + ", one gateway link", unit, median(link.at(which)), base, {}, {}});
    figure row{name + ", node to reader of a jsonl sink", unit, {}, base, 2.0, note};
    if (note.empty())
      row.value = median(sink.at(which));
    table.add(row);
  }
}

} // namespace shardyard::bench
