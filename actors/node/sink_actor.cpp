#include "actors/node/sink_actor.hpp"

#include "actors/compat.hpp"
#include "actors/node/jsonl_line.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <deque>

namespace shardyard {
namespace {

constexpr auto retry_delay = std::chrono::milliseconds(20);

// The retry timer is private to the jsonl sink: its interface is a superset of sink_actor.
using jsonl_sink_actor = sink_actor::extend<caf::result<void>(tick)>;

struct jsonl_sink_state {
  static inline const char* name = "shardyard.jsonl_sink";

  struct waiting {
    caf::typed_response_promise<delivery_accepted> promise;
    std::uint64_t number;
    std::size_t end; // bytes of pending_ up to which this batch reaches
  };

  jsonl_sink_state(jsonl_sink_actor::pointer self, std::shared_ptr<line_writer> writer, std::string path)
      : self(self), writer(std::move(writer)), path(std::move(path)) {}

  jsonl_sink_actor::behavior_type make_behavior() {
    return {
        [this](const sink_batch& batch) -> caf::result<delivery_accepted> { return take(batch); },
        [this](tick) {
          retrying = false;
          write();
        },
    };
  }

  caf::result<delivery_accepted> take(const sink_batch& batch) {
    for (auto& block : batch.blocks)
      append_lines(pending, block);
    auto promise = self->make_response_promise<delivery_accepted>();
    queue.push_back({promise, batch.number, pending.size()});
    write();
    return promise;
  }

  void write() {
    while (written < pending.size()) {
      auto taken = writer->try_write(std::string_view{pending}.substr(written));
      if (taken == 0)
        break;
      written += taken;
    }
    while (!queue.empty() && queue.front().end <= written) {
      auto behind = written - queue.front().end; // of later batches, taken in the same call
      queue.front().promise.deliver(delivery_accepted{queue.front().number, writer->offset() - behind});
      queue.pop_front();
    }
    forget_written();
    tell_trouble();
    if (written < pending.size() && !retrying) {
      retrying = true;
      compat::send_after(self, retry_delay, self, tick{});
    }
  }

  void forget_written() {
    if (written < pending.size() && written < 1u << 20)
      return;
    pending.erase(0, written);
    for (auto& entry : queue)
      entry.end -= written;
    written = 0;
  }

  void tell_trouble() {
    auto error = std::string{writer->error()};
    if (error == trouble)
      return;
    if (error.empty())
      spdlog::info("sink {} accepts lines again", path);
    else
      spdlog::error("sink {} does not accept lines: {}; events are kept and offered again", path, error);
    trouble = std::move(error);
  }

  jsonl_sink_actor::pointer self;
  std::shared_ptr<line_writer> writer;
  std::string path;
  std::string pending; // lines not taken yet begin at written
  std::size_t written = 0;
  std::deque<waiting> queue;
  bool retrying = false;
  std::string trouble;
};

} // namespace

sink_actor spawn_jsonl_sink(caf::actor_system& system, std::unique_ptr<line_writer> writer,
                            std::string path) {
  using sink = jsonl_sink_actor::stateful_impl<jsonl_sink_state>;
  std::shared_ptr<line_writer> shared{std::move(writer)};
  if (shared->may_stall())
    return system.spawn<sink, caf::detached>(std::move(shared), std::move(path));
  return system.spawn<sink>(std::move(shared), std::move(path));
}

} // namespace shardyard
