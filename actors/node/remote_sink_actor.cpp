#include "actors/node/remote_sink_actor.hpp"

#include "actors/compat.hpp"
#include "net/tcp_probe.hpp"

#include <caf/io/all.hpp>
#include <spdlog/spdlog.h>

#include <charconv>
#include <chrono>
#include <deque>

namespace shardyard {
namespace {

using std::chrono::milliseconds;

constexpr auto redial_delay = milliseconds(500);

// What this actor tells itself is private to it: its interface is a superset of sink_actor.
using remote_sink_actor = sink_actor::extend<
    // A dial is over: the bot's sink, or null and why.
    caf::result<void>(caf::strong_actor_ptr, std::string),
    // Dial.
    caf::result<void>(tick)>;

struct place {
  std::string host;
  std::uint16_t port = 0;
};

place parse(const std::string& address) {
  place result;
  auto colon = address.rfind(':');
  result.host = address.substr(0, colon);
  if (colon != address.npos)
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), result.port);
  return result;
}

/// In a thread of its own, since connecting blocks.
void dial(caf::actor_system& system, place at, remote_sink_actor to) {
  system.spawn<caf::detached>([at = std::move(at), to = std::move(to)](caf::blocking_actor* self) {
    auto why = net::tcp_probe(at.host, at.port, net::tcp_probe_deadline);
    caf::strong_actor_ptr found;
    if (why.empty()) {
      if (auto sink = self->system().middleman().remote_actor<sink_actor>(at.host, at.port))
        found = caf::actor_cast<caf::strong_actor_ptr>(*sink);
      else
        why = "no sink of this version: " + caf::to_string(sink.error());
    }
    compat::send(self, to, std::move(found), std::move(why));
  });
}

struct remote_sink_state {
  static inline const char* name = "shardyard.remote_sink";

  struct waiting {
    std::uint64_t ticket = 0;
    sink_batch batch;
    caf::typed_response_promise<delivery_accepted> promise;
  };

  remote_sink_state(remote_sink_actor::pointer self, std::string address)
      : self(self), address(std::move(address)) {}

  remote_sink_actor::behavior_type make_behavior() {
    compat::send(self, remote_sink_actor{self}, tick{});
    return {
        [this](const sink_batch& x) -> caf::result<delivery_accepted> {
          queue.push_back({++tickets, x, self->make_response_promise<delivery_accepted>()});
          auto promise = queue.back().promise;
          if (bot)
            pass_on(queue.back());
          return promise;
        },
        [this](const caf::strong_actor_ptr& found, const std::string& why) { dialled(found, why); },
        [this](tick) { dial(self->system(), parse(address), self); },
    };
  }

  void dialled(const caf::strong_actor_ptr& found, const std::string& why) {
    if (!found) {
      if (why != trouble)
        spdlog::warn("sink {}: {}; events are kept", address, why);
      trouble = why;
      compat::send_after(self, redial_delay, remote_sink_actor{self}, tick{});
      return;
    }
    trouble.clear();
    spdlog::info("sink {} takes events", address);
    bot = caf::actor_cast<sink_actor>(found);
    watch.add(self, bot, [this](const caf::error& why) {
      spdlog::warn("sink {} is gone ({}); events are kept", address, caf::to_string(why));
      bot = nullptr;
      compat::send_after(self, redial_delay, remote_sink_actor{self}, tick{});
    });
    for (auto& x : queue)
      pass_on(x);
  }

  // The connection ends with the bot's process, so there is no deadline: not answering pushes back.
  void pass_on(const waiting& x) {
    compat::request_local(self, bot, x.batch)
        .then([this, ticket = x.ticket](const delivery_accepted& answer) { answered(ticket, answer); },
              [](caf::error&) {});
  }

  /// An answer to a batch that was sent twice comes twice.
  void answered(std::uint64_t ticket, const delivery_accepted& answer) {
    auto found = std::ranges::find(queue, ticket, &waiting::ticket);
    if (found == queue.end())
      return;
    found->promise.deliver(answer);
    queue.erase(found);
  }

  remote_sink_actor::pointer self;
  std::string address;
  sink_actor bot; ///< null: away
  std::deque<waiting> queue;
  std::uint64_t tickets = 0;
  compat::down_watch watch;
  std::string trouble;
};

} // namespace

sink_actor spawn_remote_sink(caf::actor_system& system, const std::string& address) {
  return system.spawn<remote_sink_actor::stateful_impl<remote_sink_state>>(address);
}

} // namespace shardyard
