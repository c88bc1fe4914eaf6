#include "actors/partition/partition_group_actor.hpp"

#include "actors/compat.hpp"
#include "actors/partition/commit_queue.hpp"
#include "actors/partition/copy_stream.hpp"
#include "actors/partition/group_feeds_actor.hpp"
#include "actors/partition/group_sinks_actor.hpp"
#include "actors/partition/log_writer_actor.hpp"
#include "actors/partition/partition_group.hpp"
#include "actors/partition/report_rows.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <compare>
#include <deque>
#include <filesystem>
#include <map>

#include <time.h>

namespace shardyard {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr std::size_t batches_in_flight =
    64; ///< per sink; beyond that batches wait here and the shards run out of credit
constexpr auto ack_interval = milliseconds(50);
constexpr auto ack_patience =
    milliseconds(100); ///< beyond that, for what comes next to carry the acknowledgements; then a timer does
constexpr std::uint64_t ack_events = 512;
constexpr auto news_interval = milliseconds(200);
constexpr auto compaction_rest = milliseconds(1000);
constexpr std::size_t compaction_piece = 128u << 10; ///< bytes of caches, some milliseconds of work
constexpr auto restart_delay = milliseconds(300);    ///< before a shard is asked to begin its stream anew
constexpr auto lease_retry = milliseconds(50);       ///< while this node may not deliver
constexpr auto copy_timeout = std::chrono::seconds(3);
constexpr auto copy_retry = std::chrono::seconds(1);

std::int64_t boot_time_ns() {
  timespec at{};
  ::clock_gettime(CLOCK_BOOTTIME, &at);
  return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

std::size_t bytes_of(const sink_batch& batch) {
  std::size_t sum = 0;
  for (auto& block : batch.blocks)
    for (auto& entry : block.entries)
      sum += entry.d_size;
  return sum;
}

/// The user id in assignment::identity; 0 while it is not known.
snowflake user_of(const std::string& identity) {
  boost::json::error_code error;
  auto parsed = boost::json::parse(identity, error);
  auto id = parsed.find_pointer("/user/id", error);
  snowflake result = 0;
  if (id && id->is_string())
    std::from_chars(id->get_string().data(), id->get_string().data() + id->get_string().size(), result);
  return result;
}

struct partition_group_state {
  static inline const char* name = "shardyard.partition_group";

  /// Not given to the sinks yet.
  struct waiting_batch {
    sink_batch batch;
    std::uint64_t needs = 0; ///< of the log, see commit_queue
  };
  /// To a shard, when the log has what it relies on.
  template <class Answer>
  struct waiting_answer {
    stream_source_actor shard;
    Answer answer;
    std::uint64_t needs = 0;
  };
  struct inbound {
    std::uint64_t term = 0;   ///< of the shard's life
    std::uint64_t number = 0; ///< of the stream, within it
    bool restart_asked = false;
    stream_source_actor shard;
  };

  partition_group_state(local_partition_group_actor::pointer self, partition_group_setup setup,
                        opened_sinks opened, log_writer_actor log, std::unique_ptr<partition_group> group)
      : self(self),
        setup(std::move(setup)),
        sinks(std::move(opened.sinks)),
        again(std::move(opened.again)),
        log(std::move(log)),
        group(std::move(group)),
        feeds(self, watch, this->setup.cache.has_value(), [this] { progressed(); }) {
    durable = !sinks.empty() || this->setup.cache;
    feeds.remember(std::move(opened.recent));
  }

  local_partition_group_actor::behavior_type make_behavior();
  inbound* current(const shard_key& shard, std::uint64_t term, std::uint64_t number);
  template <class Take>
  void take(const shard_key& shard, std::uint64_t term, std::uint64_t stream, Take f);
  void carry_out();
  bool acknowledges_in_passing() const;
  void gather_log();
  void write_log();
  void written(const log_written& x);
  void compact();
  void compaction_over(const std::string& error);
  void answer_shards();
  void hand_to_sinks();
  void forget_taken();
  void forward_commands();
  void accepted(group_sink& by, const delivery_accepted& x);
  bool take_note();
  void progressed();
  caf::result<feed_opened> open_feed(const feed_request& x, const caf::strong_actor_ptr& sink);
  void follow(const assignment& x);
  void acknowledge();
  bool may_deliver() const;
  caf::result<std::string> release();
  void go_on_releasing();
  void begin_copy();
  void send_copy();
  std::uint64_t kept_twice() const;
  void tell_node();
  void on_tick();
  void arm();
  monotonic now() const { return self->clock().now().time_since_epoch(); }

  local_partition_group_actor::pointer self;
  partition_group_setup setup;
  std::vector<group_sink> sinks;  ///< the same ones for life
  std::vector<event_block> again; ///< for sinks that cannot tell whether they have it
  log_writer_actor log;
  commit_queue commits;
  std::uint64_t before_delivery = 0; ///< place in `commits` of the newest record that deliveries wait for
  std::unique_ptr<partition_group> group;
  std::map<shard_key, inbound> streams;
  std::deque<waiting_batch> waiting;
  std::deque<waiting_answer<drain_answer>> drains;
  std::vector<waiting_answer<stream_answer>>
      acks;                ///< of one acknowledge(); the next waits until they are out
  std::uint64_t given = 0; ///< newest batch given to the sinks
  std::deque<std::pair<std::uint64_t, std::size_t>>
      in_flight; ///< number and payload bytes of batches given and not taken
  std::size_t in_flight_bytes = 0;
  std::uint64_t taken = 0; ///< newest batch that all sinks have
  std::uint64_t unacknowledged = 0;
  bool durable = false; ///< some reader counts on stable delivery numbers, or the cache does: positions are
                        ///< logged before acknowledgement
  std::uint64_t plan = 0;
  clock::time_point next_ack{};
  compat::down_watch watch;
  group_feeds feeds;
  clock::time_point next_news{};
  clock::time_point next_compaction{};
  bool compacting = false; ///< the log's writer has begun
  std::optional<clock::time_point> armed;
  std::string trouble;
  copy_keeper keeper;
  copy_stream copy; ///< of the log, on the keeper
  bool copy_due = false;
  clock::time_point copy_at{};
  std::uint64_t copies_begun = 0;
  std::vector<caf::typed_response_promise<std::string>> releases; ///< not empty: nothing new is taken
};

/// The stream, if it is the newest of this shard; an answer to an older one is worthless.
partition_group_state::inbound* partition_group_state::current(const shard_key& shard, std::uint64_t term,
                                                               std::uint64_t number) {
  auto& x = streams[shard];
  auto order = std::pair{term, number} <=> std::pair{x.term, x.number};
  if (order < 0)
    return nullptr;
  if (order > 0)
    x = inbound{.term = term, .number = number};
  if (!x.shard)
    x.shard = caf::actor_cast<stream_source_actor>(self->current_sender());
  return &x;
}

template <class Take>
void partition_group_state::take(const shard_key& shard, std::uint64_t term, std::uint64_t stream, Take f) {
  auto* in = releases.empty() ? current(shard, term, stream) : nullptr;
  if (!in)
    return;
  if (!f() && !in->restart_asked) {
    in->restart_asked = true;
    compat::send_after(self, restart_delay, in->shard, stream_answer{setup.place.id, stream, 0, true});
  }
  carry_out();
}

/// What the rules have decided becomes true: first the log, then the sinks and the answers to the shards.
void partition_group_state::carry_out() {
  gather_log();
  if (auto batch = group->take_deliveries(); !batch.empty())
    waiting.push_back({{batch.number, std::move(batch.blocks)}, before_delivery});
  for (auto& answer : group->drain_answers())
    if (auto found = streams.find(answer.shard); found != streams.end() && found->second.shard) {
      drains.push_back({found->second.shard, std::move(answer), commits.newest()});
    }
  forward_commands();
  hand_to_sinks();
  if (unacknowledged >= ack_events || acknowledges_in_passing())
    acknowledge();
  write_log();
  send_copy();
  answer_shards();
  go_on_releasing();
  arm();
}

/// Events that keep coming acknowledge those before them, on the thread that is awake anyway.
bool partition_group_state::acknowledges_in_passing() const {
  return unacknowledged > 0 && given == taken && waiting.empty() && self->clock().now() >= next_ack;
}

/// Records of what the rules have decided: no delivery that follows goes out before them.
void partition_group_state::gather_log() {
  if (auto records = group->take_log(); !records.empty()) {
    commits.add(records);
    before_delivery = commits.newest();
  }
}

/// What does not arrive is asked again by the desk.
void partition_group_state::forward_commands() {
  for (auto& x : group->take_forwards())
    if (auto found = streams.find(x.shard); found != streams.end() && found->second.shard)
      compat::send(self, found->second.shard, std::move(x.command));
  for (auto& x : group->take_notes())
    spdlog::info("{}", x);
}

/// A compaction's pieces go behind all records given out before them, so they travel with these.
void partition_group_state::write_log() {
  if (copy_due && !commits.writing())
    begin_copy();
  if (commits.writing())
    return;
  log_append message;
  message.finish = compacting && releases.empty() && group->compaction_whole();
  if (message.finish)
    group->checkpoint(now(), true);
  if (compacting)
    commits.add(group->take_log());
  if (auto work = commits.next(now())) {
    copy.append(work->records, commits.newest());
    message.records = std::move(work->records);
    message.offsets = std::move(work->offsets);
  } else if (!compacting || !commits.idle()) {
    return;
  }
  if (compacting && !message.finish && releases.empty())
    message.piece = group->next_piece(compaction_piece);
  if (!commits.writing()) {
    if (message.piece.empty() && !message.finish)
      return;
    commits.snapshot_begun();
  }
  compat::request_local(self, log, std::move(message))
      .then([this](const log_written& x) { written(x); },
            [this](caf::error& error) { self->quit(std::move(error)); });
}

void partition_group_state::written(const log_written& x) {
  commits.written(x.ok, now());
  if (!x.ok && trouble != x.error)
    spdlog::critical("position log: {}; nothing is acknowledged, and no guild cut, until it can be written",
                     x.error);
  trouble = x.ok ? "" : x.error;
  if (compacting && !x.compacting)
    compaction_over(x.ok ? x.error : "");
  carry_out();
  if (x.wants_compaction)
    compact();
}

void partition_group_state::compact() {
  if (compacting || !commits.idle() || self->clock().now() < next_compaction)
    return;
  auto state = group->begin_compaction();
  if (!state)
    return;
  commits.snapshot_begun();
  compat::request_local(self, log, log_snapshot{std::move(*state)})
      .then(
          [this](const log_written& x) {
            commits.snapshot_over();
            compacting = x.compacting;
            if (!compacting)
              compaction_over(x.error);
            carry_out();
          },
          [this](caf::error& error) { self->quit(std::move(error)); });
}

void partition_group_state::compaction_over(const std::string& error) {
  compacting = false;
  group->end_compaction();
  copy_due = keeper.node != nullptr; // else the copy would only ever grow
  next_compaction = self->clock().now() + compaction_rest;
  if (!error.empty())
    spdlog::error("position log: {}", error);
}

void partition_group_state::answer_shards() {
  for (; !drains.empty() && drains.front().needs <= commits.safe(); drains.pop_front())
    compat::send(self, drains.front().shard, std::move(drains.front().answer));
  if (acks.empty() || acks.front().needs > kept_twice())
    return;
  for (auto& x : acks)
    compat::send(self, x.shard, std::move(x.answer));
  acks.clear();
}

void partition_group_state::hand_to_sinks() {
  while (!waiting.empty() && may_deliver() && waiting.front().needs <= commits.safe() &&
         given - taken < batches_in_flight && in_flight_bytes < setup.max_backlog_bytes) {
    auto batch = std::move(waiting.front().batch);
    waiting.pop_front();
    given = batch.number;
    in_flight.emplace_back(given, bytes_of(batch));
    in_flight_bytes += in_flight.back().second;
    for (auto& sink : sinks)
      compat::request_local(self, sink.actor, batch)
          .then([this, &sink](const delivery_accepted& x) { accepted(sink, x); },
                [](caf::error& error) { spdlog::error("a sink ended: {}", caf::to_string(error)); });
    if (feeds.idle())
      feeds.missed(given);
    else
      feeds.give(std::move(batch), taken);
    if (sinks.empty() && feeds.empty())
      take_note();
  }
}

void partition_group_state::forget_taken() {
  while (!in_flight.empty() && in_flight.front().first <= taken) {
    in_flight_bytes -= in_flight.front().second;
    in_flight.pop_front();
  }
}

void partition_group_state::accepted(group_sink& by, const delivery_accepted& x) {
  by.accepted = x.number;
  by.ahead.emplace_back(x.number, x.position);
  progressed();
}

/// Whether sinks and feeds have come further, all of them.
bool partition_group_state::take_note() {
  auto all = feeds.accepted(given);
  for (auto& sink : sinks)
    all = std::min(all, sink.accepted);
  if (all <= taken)
    return false;
  taken = all;
  for (auto& sink : sinks)
    for (; !sink.ahead.empty() && sink.ahead.front().first <= taken; sink.ahead.pop_front())
      sink.position = sink.ahead.front().second;
  group->delivered(taken);
  forget_taken();
  return true;
}

void partition_group_state::progressed() {
  if (!take_note())
    return;
  ++unacknowledged; // what it brought can be acknowledged now
  carry_out();
}

/// The answer goes out before what is kept.
caf::result<feed_opened> partition_group_state::open_feed(const feed_request& x,
                                                          const caf::strong_actor_ptr& sink) {
  auto why = !sink               ? "a feed needs a sink"
             : !releases.empty() ? "the group is being released"
             : feeds.outdated(x) ? "a later life of this endpoint is fed already"
                                 : nullptr;
  if (why)
    return caf::make_error(caf::sec::runtime_error, why);
  auto promise = self->make_response_promise<feed_opened>();
  promise.deliver(feed_opened{setup.place.id, setup.place.epoch, feeds.whole(x.through)});
  durable = true;
  feeds.open(x, caf::actor_cast<sink_actor>(sink), taken, given);
  progressed();
  return promise;
}

void partition_group_state::follow(const assignment& x) {
  plan = x.plan;
  group->set_self(user_of(x.identity));
  group->retire_all_but(x.active_topology, x.other_topology, now());
}

void partition_group_state::acknowledge() {
  next_ack = self->clock().now() + ack_interval;
  if (!acks.empty())
    return;
  unacknowledged = 0;
  if (durable) {
    gather_log();
    group->checkpoint(now(), true); // tells what is delivered already, so nothing waits for it but the answer
    std::vector<sink_offset> offsets;
    for (auto& sink : sinks)
      if (!sink.path.empty())
        offsets.emplace_back(sink.path, std::to_string(sink.position));
    commits.add(group->take_log(), std::move(offsets));
  }
  for (auto& ack : group->take_acks())
    if (auto found = streams.find(ack.shard); found != streams.end() && found->second.shard)
      acks.push_back({found->second.shard,
                      {setup.place.id, found->second.number, ack.through, false},
                      commits.newest()});
}

// -- a second host, moves, leases
// -----------------------------------------------------------------------------------------

bool partition_group_state::may_deliver() const {
  return !setup.deliver_until || boot_time_ns() < setup.deliver_until->load(std::memory_order_relaxed);
}

/// What a shard may forget: written here and, while somebody keeps a copy, there. A host that dies then takes
/// nothing with it that its shards do not send again.
std::uint64_t partition_group_state::kept_twice() const {
  return copy.active() ? std::min(commits.safe(), copy.commit()) : commits.safe();
}

/// The log as the disk has it: none is written meanwhile, so that the copy goes on where this ends.
void partition_group_state::begin_copy() {
  if (self->clock().now() < copy_at)
    return;
  copy_due = false;
  commits.snapshot_begun();
  compat::request_local(self, log, log_request{})
      .then(
          [this, round = ++copies_begun](log_content& x) {
            commits.snapshot_over();
            if (round == copies_begun && x.ok)
              copy.begin(std::move(x.records), commits.safe());
            else if (!x.ok) {
              spdlog::error("position log: {}", x.records);
              copy_due = true;
              copy_at = self->clock().now() + copy_retry;
            }
            carry_out();
          },
          [this](caf::error& error) { self->quit(std::move(error)); });
}

void partition_group_state::send_copy() {
  auto piece = keeper.node ? copy.next() : std::nullopt;
  if (!piece)
    return;
  copy_append message{setup.node,    0,           setup.place.id,          setup.place.epoch,
                      piece->offset, piece->anew, std::move(piece->bytes), piece->until};
  auto gave_up = [this, name = keeper.name, round = copies_begun](const std::string& why) {
    if (round != copies_begun)
      return; // of a copy that was begun again since
    spdlog::warn("group {}: node {} keeps no copy of the positions ({}); begun again in a second",
                 setup.place.id, name, why);
    copy.stop();
    copy_due = true;
    copy_at = self->clock().now() + copy_retry;
    carry_out();
  };
  compat::request(self, keeper.node, copy_timeout, std::move(message))
      .then(
          [this, round = copies_begun, gave_up](const copy_kept& x) {
            if (round != copies_begun)
              return;
            if (!copy.kept(x.bytes))
              return gave_up("it has another state");
            carry_out();
          },
          [gave_up](caf::error& error) { gave_up(caf::to_string(error)); });
}

caf::result<std::string> partition_group_state::release() {
  auto promise = self->make_response_promise<std::string>();
  releases.push_back(promise);
  acknowledge();
  carry_out();
  return promise;
}

void partition_group_state::go_on_releasing() {
  if (releases.empty() || given != taken || !waiting.empty() || !commits.idle())
    return;
  auto state = group->snapshot();
  if (!state)
    return;
  for (auto& promise : std::exchange(releases, {}))
    promise.deliver(*state);
  setup.deliver_until = std::make_shared<std::atomic<std::int64_t>>(0); // nothing follows the final state
}

void partition_group_state::tell_node() {
  next_news = self->clock().now() + news_interval;
  auto at = now();
  auto report = group->report(at);
  group_news news;
  news.id = setup.place.id;
  news.plan = plan;
  for (auto& shard : report.shards)
    news.handovers.push_back(row_of(shard, plan, at));
  for (auto& row : news.handovers)
    row.group = setup.place.id;
  auto& x = news.figures;
  x.guilds = report.guilds;
  x.uncached = report.uncached;
  x.delivered = report.delivered;
  x.compared = report.counters.compared;
  x.late = report.counters.late;
  x.lead_only = report.counters.lead_only;
  x.unverifiable = report.counters.unverifiable;
  x.inversions = report.counters.inversions;
  x.holds = report.held_delay.count();
  x.holds_released = report.counters.holds_released;
  x.gaps = report.gaps;
  x.breaches = report.breaches;
  x.overlap_bytes = report.overlap_bytes;
  x.undelivered = given - taken + waiting.size();
  x.voice_rejoined = report.voice_rejoined;
  x.added_delay = counts_of(report.delay);
  x.held_delay = counts_of(report.held_delay);
  compat::send(self, setup.listener, std::move(news));
}

void partition_group_state::arm() {
  auto due = std::min(next_news, clock::time_point{group->next_tick(now())});
  if (unacknowledged > 0 || given != taken)
    due = std::min(due, next_ack + ack_patience);
  if (!waiting.empty() && !may_deliver())
    due = std::min(due, self->clock().now() + lease_retry);
  if (copy_due)
    due = std::min(due, copy_at);
  if (auto retry = commits.retry_at())
    due = std::min(due, clock::time_point{*retry});
  due = std::max(due, self->clock().now());
  if (armed && *armed <= due)
    return;
  armed = due;
  compat::send_after(self, due - self->clock().now(), self, tick{});
}

void partition_group_state::on_tick() {
  auto at = self->clock().now();
  if (armed && at < *armed)
    return; // replaced by an earlier one that has been, and another is on its way
  armed.reset();
  if (clock::time_point{group->next_tick(now())} <= at)
    group->tick(now());
  if (at >= next_ack + ack_patience)
    acknowledge();
  if (at >= next_news)
    tell_node();
  feeds.tick(taken);
  carry_out();
}

local_partition_group_actor::behavior_type partition_group_state::make_behavior() {
  follow(setup.first);
  // The node is the only one that could stop this actor in order.
  watch.add(self, setup.listener, [this](const caf::error& reason) { self->quit(reason); });
  for (auto& sink : sinks)
    if (sink.ends_with_group)
      self->link_to(sink.actor);
  if (!again.empty())
    for (auto& sink : sinks)
      if (sink.path.empty())
        compat::request_local(self, sink.actor, sink_batch{0, again})
            .then([](const delivery_accepted&) {},
                  [](caf::error& error) { spdlog::error("a sink ended: {}", caf::to_string(error)); });
  again.clear();
  carry_out();
  return {
      [this](const stream_block& x) {
        if (x.block)
          take(x.block->from.shard, x.term, x.stream, [&] {
            unacknowledged += x.block->entries.size();
            return group->on_block(x.ordinal, x.block, now());
          });
      },
      [this](const stream_mark& x) {
        take(x.mark.from.shard, x.term, x.stream, [&] {
          ++unacknowledged;
          return group->on_mark(x.ordinal, x.mark, now());
        });
      },
      [this](const assignment& x) {
        follow(x);
        carry_out();
      },
      [this](const transfer& x) {
        if (x.accept)
          group->accept(x.plan, x.shard, !x.calls, now());
        else if (x.calls)
          group->only_calls_left(x.plan, x.shard);
        carry_out();
      },
      [this](const feed_request& x, const caf::strong_actor_ptr& sink) { return open_feed(x, sink); },
      [this](const guild_list_request& x) -> caf::result<guild_list> { return group->guilds(x); },
      [this](const snapshot_request& x) -> caf::result<snapshot_answer> { return group->describe(x); },
      [this](const bot_command& x) {
        if (!releases.empty())
          return; // the group's next life is told again
        group->command(x, now());
        carry_out();
      },
      [this](tick) { on_tick(); },
      [this](const release_group&) { return release(); },
      [this](const copy_keeper& x) {
        keeper = x;
        ++copies_begun;
        copy.stop();
        copy_due = x.node != nullptr;
        copy_at = {};
        carry_out();
      },
  };
}

} // namespace

std::string position_log_name(const group_place& x) {
  return "positions-" + std::to_string(x.id) + "-" + std::to_string(x.epoch) + ".log";
}

local_partition_group_actor spawn_partition_group(caf::actor_system& system, partition_group_setup setup) {
  std::filesystem::create_directories(setup.state_dir);
  auto log = std::make_unique<position_log>(
      std::filesystem::path{setup.state_dir} / position_log_name(setup.place), setup.log_disk);
  auto recovered = log->take_recovered();
  auto sinks =
      setup.shared ? use_sinks(*setup.shared, setup, recovered) : open_sinks(system, setup, recovered);
  recovered.settle();
  if (!log->compact(recovered.encode()))
    throw std::runtime_error("position log: " + log->error());
  partition_settings settings;
  settings.node = setup.node;
  settings.group = setup.place.id;
  settings.first_epoch = std::max<std::uint64_t>(1, setup.place.epoch);
  settings.partitions = setup.place.partitions;
  settings.partition_count = setup.partition_count;
  settings.tuning = setup.tuning;
  settings.exceptions_after = setup.exceptions_after;
  settings.voice = setup.voice;
  settings.guilds_intent = setup.guilds_intent;
  settings.cache = setup.cache;
  auto now = monotonic{system.clock().now().time_since_epoch()};
  auto group = std::make_unique<partition_group>(std::move(settings), std::move(recovered), now);
  auto writer = spawn_log_writer(system, std::move(log), setup.log_thread);
  return system.spawn<local_partition_group_actor::stateful_impl<partition_group_state>>(
      std::move(setup), std::move(sinks), std::move(writer), std::move(group));
}

} // namespace shardyard
