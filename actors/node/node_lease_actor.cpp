#include "actors/node/node_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace shardyard {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto ask_every = milliseconds(500);
constexpr auto lease_answer_timeout = seconds(2);
constexpr auto speak_after = seconds(2); ///< without an answer of the coordinator

} // namespace

lease::time boot_time() {
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  return seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec);
}

void node_state::ask_lease() {
  auto now = self->clock().now();
  if (now < next_lease || known.cluster_epoch == 0)
    return;
  next_lease = now + ask_every;
  auto sent = boot_time();
  lease_request question{setup.card.name, setup.card.incarnation, known.cluster_epoch, known.revision,
                         static_cast<std::uint64_t>(std::chrono::floor<milliseconds>(sent - spoke).count())};
  if (coordinator) {
    compat::request(self, coordinator, lease_answer_timeout, question)
        .then(
            [this, sent](const lease_answer& x) {
              if (x.verdict == lease_verdict::granted)
                leave.granted(sent, milliseconds(x.ttl_ms));
              else if (x.verdict == lease_verdict::fenced)
                begin_anew();
              publish_lease();
            },
            [](caf::error&) {});
    return;
  }
  for (auto& [name, peer] : peers) {
    if (!peer.handle || peer.card.weight == 0)
      continue;
    compat::request(self, peer.handle, lease_answer_timeout, question)
        .then(
            [this, sent, name = name](const lease_answer& x) {
              if (x.verdict == lease_verdict::granted)
                leave.vouched(name, sent, milliseconds(x.ttl_ms));
              publish_lease();
            },
            [](caf::error&) {});
  }
}

void node_state::publish_lease() {
  if (!setup.deliver_until)
    return;
  auto until = leave.until();
  setup.deliver_until->store(until.count(), std::memory_order_relaxed);
  auto may = boot_time() < until;
  if (may == may_deliver)
    return;
  may_deliver = may;
  if (groups.empty())
    return;
  if (may)
    spdlog::info("this node may deliver again");
  else
    spdlog::error("neither the coordinator nor a majority of the hosts was heard: this node delivers nothing "
                  "until it is; events are kept");
}

/// Only a node that has no coordinator itself speaks for others, and never for one that the last coordinator
/// had lost: that one may have been replaced since.
lease_answer node_state::speak_for(const lease_request& x) {
  auto lost = std::ranges::any_of(
      known.lost, [&x](auto& y) { return y.node == x.node && y.incarnation == x.incarnation; });
  if (coordinator || lost || known.cluster_epoch == 0 || x.cluster_epoch < known.cluster_epoch ||
      boot_time() < leave.last_grant() + speak_after)
    return {lease_verdict::silent, 0};
  spoke = boot_time();
  return {lease_verdict::granted, static_cast<std::uint32_t>(setup.lease_ttl.count())};
}

/// This incarnation was declared dead while it could not be reached: what it ran lives elsewhere now.
void node_state::begin_anew() {
  spdlog::error("this node was declared dead by the coordinator; it begins anew with empty hands");
  if (setup.begin_anew)
    setup.begin_anew();
  self->quit(caf::make_error(caf::sec::runtime_error, "declared dead"));
}

} // namespace shardyard
