// One gateway_link into a counting callback: what net/ costs without any actor. Prints `ready` and then its
// figures, or holds idle shards (`--idle`).
#include "bench/memory.hpp"
#include "bench/stream_figures.hpp"
#include "bench/wire_encoder.hpp"
#include "net/gateway_link.hpp"
#include "net/io_thread.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

using namespace shardyard;

net::compression compression_of(bench::transport x) {
  switch (x) {
  case bench::transport::none:
    return net::compression::none;
  case bench::transport::zlib_stream:
    return net::compression::zlib_stream;
  case bench::transport::zstd_stream:
    break;
  }
  return net::compression::zstd_stream;
}

// Waits of the main thread for what happens on the link's thread.
class milestones {
public:
  void reach(const std::string& failure = {}) {
    std::lock_guard lock{mutex_};
    ++reached_;
    failure_ = failure_.empty() ? failure : failure_;
    changed_.notify_all();
  }

  void await(std::uint32_t count) {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, std::chrono::seconds(60),
                           [&] { return reached_ >= count || !failure_.empty(); }))
      throw std::runtime_error{"nothing happens any more"};
    if (!failure_.empty())
      throw std::runtime_error{failure_};
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint32_t reached_ = 0;
  std::string failure_;
};

class counting_owner : public net::link_events {
public:
  counting_owner(bench::stream_figures* figures, milestones& ready, milestones& done, std::uint32_t id,
                 std::uint32_t count)
      : figures_(figures), ready_(ready), done_(done), id_(id), count_(count) {}

  void on_hello(std::chrono::milliseconds) override {
    net::identify_payload payload;
    payload.token = "bench";
    payload.intents = 53608447;
    payload.shard_id = id_;
    payload.shard_count = count_;
    link->identify(payload);
  }

  void on_events(event_block block) override {
    for (auto& entry : block.entries) {
      auto name = block.name(entry);
      if (name == "GUILD_CREATE" && --missing_guilds_ == 0)
        ready_.reach();
      if (figures_ != nullptr && figures_->event(name, block.data(entry)))
        done_.reach();
    }
  }

  void on_ready(net::ready_view view) override {
    missing_guilds_ = view.guilds.size();
    if (missing_guilds_ == 0)
      ready_.reach();
  }

  void on_resumed(std::uint64_t) override {}
  void on_reconnect() override {}
  void on_invalid_session(bool) override {}
  void on_heartbeat_ack(std::uint64_t) override {}
  void on_closed(const net::close_reason& reason) override {
    ready_.reach("closed: " + reason.text);
    done_.reach("closed: " + reason.text);
  }

  std::unique_ptr<net::gateway_link> link;

private:
  bench::stream_figures* figures_;
  milestones& ready_;
  milestones& done_;
  std::uint32_t id_;
  std::uint32_t count_;
  std::size_t missing_guilds_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  std::string ca;
  std::string compress = "zstd";
  std::uint64_t events = 100'000;
  std::uint64_t warm_up = 1000;
  std::uint32_t idle = 0;
  bool latency = false;
  CLI::App app{"One gateway_link into a counting callback"};
  app.add_option("--port", port)->required();
  app.add_option("--ca", ca)->required();
  app.add_option("--compress", compress, "none, zlib or zstd");
  app.add_option("--events", events, "events of the stream");
  app.add_option("--warm-up", warm_up, "events that do not count");
  app.add_option("--idle", idle, "only hold this many shards, until standard input ends");
  app.add_flag("--latency", latency, "the events are stamped");
  CLI11_PARSE(app, argc, argv);
  try {
    net::link_settings settings;
    settings.url = "wss://127.0.0.1:" + std::to_string(port);
    settings.ca_file = ca;
    settings.compress = compression_of(bench::transport_from(compress));
    bench::stream_figures figures{events, warm_up, latency};
    milestones ready;
    milestones done;
    net::io_thread thread;
    std::vector<std::shared_ptr<counting_owner>> owners;
    auto count = idle == 0 ? 1 : idle;
    for (std::uint32_t id = 0; id < count; ++id) {
      owners.push_back(
          std::make_shared<counting_owner>(idle == 0 ? &figures : nullptr, ready, done, id, count));
      // The link calls back only after its owner knows it: both run on the link's thread.
      thread.post([owner = owners.back(), &thread, settings] {
        owner->link = std::make_unique<net::gateway_link>(thread, settings, owner);
      });
    }
    ready.await(count);
    std::cout << "ready" << std::endl;
    if (idle != 0) {
      std::cout << "memory_kib " << bench::private_kib() << std::endl;
      std::cin.get();
    } else {
      done.await(1);
      figures.print();
    }
    std::quick_exit(0);
  } catch (const std::exception& e) {
    std::cerr << "bench_link: " << e.what() << std::endl;
    std::quick_exit(1);
  }
}
