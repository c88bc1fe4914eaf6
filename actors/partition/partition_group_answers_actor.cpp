// What a partition group tells: the shards, how far their streams are safe, and its node, how it is.
#include "actors/partition/partition_group_state.hpp"
#include "actors/partition/report_rows.hpp"

namespace shardyard {
namespace {

using std::chrono::milliseconds;

constexpr auto ack_interval = milliseconds(50);
constexpr auto ack_patience =
    milliseconds(100); ///< beyond that, for what comes next to carry the acknowledgements; then a timer does
constexpr std::uint64_t ack_events = 2048; ///< a quarter of what a shard sends ahead (stream_limits)
constexpr std::uint64_t ack_bytes = 1 << 20;
constexpr auto news_interval = milliseconds(200); ///< while a plan runs
constexpr auto figures_interval = milliseconds(500);

} // namespace

/// When a timer acknowledges what nothing else has.
partition_group_state::clock::time_point partition_group_state::ack_at_latest() const {
  return next_ack + ack_patience;
}

/// Or soon will be: a shard that waits for its credit sends nothing that would be answered in passing.
bool partition_group_state::a_credit_is_used_up() const {
  return (unacknowledged >= ack_events || unacknowledged_bytes >= ack_bytes) && acks.empty() &&
         group->acks_due();
}

/// Events that keep coming acknowledge those before them, on the thread that is awake anyway.
bool partition_group_state::acknowledges_in_passing(clock::time_point at) const {
  return unacknowledged > 0 && window.undelivered() == 0 && at >= next_ack;
}

void partition_group_state::answer_shards() {
  for (; !drains.empty() && drains.front().needs <= log.safe(); drains.pop_front())
    compat::send(self, drains.front().shard, std::move(drains.front().answer));
  if (acks.empty() || acks.front().needs > log.kept_twice())
    return;
  for (auto& x : acks)
    compat::send(self, x.shard, std::move(x.answer));
  acks.clear();
}

void partition_group_state::acknowledge(clock::time_point at) {
  next_ack = at + ack_interval;
  if (!acks.empty())
    return;
  if (durable) {
    gather_log();
    group->checkpoint(at.time_since_epoch(),
                      true); // tells what is delivered already, so nothing waits for it but the answer
    std::vector<sink_offset> offsets;
    for (auto& sink : sinks)
      if (!sink.path.empty())
        offsets.emplace_back(sink.path, std::to_string(sink.position));
    log.add(group->take_log(), std::move(offsets));
  }
  // What the sinks have not taken yet is still to be acknowledged, when they have.
  unacknowledged = group->unaccepted_events();
  unacknowledged_bytes = window.bytes_under_way();
  for (auto& ack : group->take_acks())
    if (auto* to = reachable(ack.shard))
      acks.push_back({to->shard, {setup.place.id, to->number, ack.through, false}, log.newest()});
}

void partition_group_state::tell_node() {
  next_news = self->clock().now() + (plan == 0 ? figures_interval : news_interval);
  auto at = now();
  auto report = group->report(at);
  group_news news;
  news.id = setup.place.id;
  news.plan = plan;
  for (auto& shard : report.shards)
    news.handovers.push_back(row_of(shard, plan, at));
  for (auto& row : news.handovers)
    row.group = setup.place.id;
  news.figures = figures_of(report);
  news.figures.undelivered = window.undelivered();
  compat::send(self, setup.listener, std::move(news));
}

} // namespace shardyard
