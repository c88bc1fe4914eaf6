#include "actors/partition/group_feeds_actor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace shardyard {

group_feeds::group_feeds(local_partition_group_actor::pointer self, compat::down_watch& watch,
                         bool keeps_recent, std::function<void()> progressed)
    : self_(self), watch_(watch), keeps_recent_(keeps_recent), progressed_(std::move(progressed)) {}

void group_feeds::remember(std::vector<event_block> earlier) {
  if (!keeps_recent_ || earlier.empty())
    return;
  ring_.add_earlier(std::move(earlier), now());
  ring_.trim(0, now());
}

bool group_feeds::outdated(const feed_request& x) const {
  auto known = feeds_.find(x.endpoint);
  return known != feeds_.end() && x.incarnation < known->second.incarnation;
}

void group_feeds::open(const feed_request& x, sink_actor sink, std::uint64_t taken, std::uint64_t given) {
  auto& to = feeds_[x.endpoint];
  to = {x.incarnation, ++lives_, std::move(sink), {}};
  // An endpoint that comes back is fed from the ring, too.
  keeps_recent_ = true;
  watch_.add(self_, to.sink, [this, name = x.endpoint, life = to.life](const caf::error& reason) {
    drop(name, life, caf::to_string(reason));
  });
  ring_.trim(taken, now());
  for (auto& piece : ring_.pieces())
    send(x.endpoint, to, {0, std::move(piece)}, taken);
  spdlog::info("endpoint {} is fed from batch {} on", x.endpoint, given + 1);
}

void group_feeds::give(sink_batch batch, std::uint64_t taken) {
  for (auto& [name, to] : feeds_)
    send(name, to, batch, batch.number - 1);
  ring_.add(batch.number, std::move(batch.blocks), now());
  ring_.trim(taken, now());
}

void group_feeds::send(const std::string& name, feed& to, sink_batch batch, std::uint64_t before) {
  auto ticket = to.progress.sent(before, now());
  compat::request_local(self_, to.sink, std::move(batch))
      .then(
          [this, name, life = to.life, ticket](const delivery_accepted&) {
            if (auto x = find(name, life)) {
              x->progress.answered(ticket);
              progressed_();
            }
          },
          [this, name, life = to.life](caf::error& error) { drop(name, life, caf::to_string(error)); });
}

group_feeds::feed* group_feeds::find(const std::string& name, std::uint64_t life) {
  auto found = feeds_.find(name);
  return found != feeds_.end() && found->second.life == life ? &found->second : nullptr;
}

void group_feeds::drop(const std::string& name, std::uint64_t life, const std::string& why) {
  if (!find(name, life))
    return;
  spdlog::warn("endpoint {} is fed no more: {}", name, why);
  feeds_.erase(name);
  progressed_();
}

std::uint64_t group_feeds::accepted(std::uint64_t given) const {
  auto result = given;
  for (auto& [_, x] : feeds_)
    result = std::min(result, x.progress.accepted(given));
  return result;
}

void group_feeds::tick(std::uint64_t taken) {
  std::vector<std::pair<std::string, std::uint64_t>> silent;
  for (auto& [name, x] : feeds_)
    if (x.progress.silent(now(), patience))
      silent.emplace_back(name, x.life);
  for (auto& [name, life] : silent)
    drop(name, life, "it has not answered for 5 s");
  ring_.trim(taken, now());
}

} // namespace shardyard
