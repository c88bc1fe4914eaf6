#include "bench/scale/scale_node.hpp"

#include "actors/compat.hpp"
#include "actors/node/report_pace.hpp"

#include <caf/binary_serializer.hpp>

#include <random>

namespace shardyard::bench {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto node_beat = milliseconds(100);
constexpr auto lease_every = milliseconds(500);
constexpr auto whole_every = seconds(30); ///< as sent_rows of a real node does
constexpr std::uint64_t one_in = 64;      ///< weighing is slow: one message stands for as many

class scale_node {
public:
  static inline const char* name = "shardyard.bench.node";

  scale_node(node_actor::pointer self, std::string name, std::shared_ptr<scale_scene> scene)
      : self_{self}, scene_{std::move(scene)}, random_{std::hash<std::string>{}(name)} {
    card_.name = std::move(name);
    card_.incarnation = 1;
    card_.cluster = "scale";
    card_.host = "127.0.0.1";
    card_.port = 1;
  }

  node_actor::behavior_type make_behavior();

private:
  using time = caf::actor_clock::time_point;
  enum class deed { ask, identify, ready, close };
  struct hosted {
    shard_status status;
    std::uint64_t plan = 0, term = 0, ask = 0, permit = 0;
    bool closing = false;
  };

  time now() const { return self_->clock().now(); }
  milliseconds some(int from, int to) {
    return milliseconds{std::uniform_int_distribution{from, to}(random_)};
  }
  void later(milliseconds delay, const shard_key& shard, deed what) {
    due_.emplace(now() + delay, std::pair{shard, what});
  }
  template <class Message>
  void send(std::string_view kind, Message x) {
    ++scene_->messages[kind];
    compat::send(self_, scene_->coordinator, std::move(x));
  }
  template <class Message>
  void weigh(std::string_view kind, const Message& x) {
    if (weighed_++ % one_in != 0)
      return;
    caf::byte_buffer bytes;
    caf::binary_serializer sink{self_->system(), bytes};
    if (sink.apply(x))
      scene_->bytes[kind] += one_in * bytes.size();
  }

  void join();
  void begin(const start& x);
  void close(const drain& x);
  void act(const shard_key& shard, deed what);
  void ask(const shard_key& shard, hosted& x);
  void live(const shard_key& shard, hosted& x);
  void try_close(const shard_key& shard, hosted& x);
  void report();
  void tell_rows(node_report& picture, const group_place& place);
  void tell_all(node_report& picture, std::uint32_t group);
  void tell_changes(node_report& picture, std::uint32_t group);
  void tell_row(node_report& picture, std::uint32_t group, const shard_key& shard);
  void await_change(std::uint32_t index, const shard_key& shard);
  void tell_cursors();
  void tick_once();

  node_actor::pointer self_;
  std::shared_ptr<scale_scene> scene_;
  std::mt19937 random_;
  node_card card_;
  assignment known_;
  std::map<shard_key, hosted> shards_;
  std::multimap<time, std::pair<shard_key, deed>> due_;
  checkpoint_report unsent_;
  bool report_due_ = true;
  std::vector<hosted*> live_;
  std::map<time, std::vector<shard_key>> changing_; ///< rows that become others, when
  std::uint64_t reports_ = 0;
  std::size_t seen_ = 0; ///< of the scene's events
  time next_whole_{};
  std::uint64_t weighed_ = 0;
  time earliest_report_{}, next_report_{}, next_lease_{};
};

void scale_node::join() {
  ++scene_->messages["node_card"];
  compat::request_local(self_, scene_->coordinator, card_, caf::actor_cast<caf::strong_actor_ptr>(self_))
      .then([this](const assignment& x) { known_ = x; },
            [](const caf::error& why) { throw std::runtime_error("join: " + caf::to_string(why)); });
}

void scale_node::begin(const start& x) {
  if (shards_.contains(x.shard))
    return;
  auto& shard = shards_[x.shard];
  shard.status.shard = x.shard;
  shard.plan = x.plan;
  shard.term = x.term;
  report_due_ = true;
  later(some(0, 50), x.shard, deed::ask);
}

void scale_node::ask(const shard_key& shard, hosted& x) {
  ++scene_->messages["identify_request"];
  if (x.ask == 0)
    x.ask = random_();
  identify_request wish{known_.cluster_epoch, shard,
                        x.plan ? identify_purpose::reshard : identify_purpose::start, x.ask};
  compat::request_local(self_, scene_->coordinator, wish).then([this, shard](const identify_answer& answer) {
    auto found = shards_.find(shard);
    if (found == shards_.end())
      return;
    if (answer.verdict != identify_verdict::granted)
      return later(milliseconds{answer.after_ms}, shard, deed::ask);
    found->second.permit = answer.permit;
    found->second.status.phase = shard_phase::connecting;
    later(some(20, 120), shard, deed::identify);
  });
}

void scale_node::live(const shard_key& shard, hosted& x) {
  auto& status = x.status;
  status.phase = shard_phase::live;
  status.was_ready = true;
  status.guilds = scene_->cluster.guilds_of(shard);
  scene_->open.insert(shard);
  scene_->events.emplace_back(shard, scale_scene::event::opened);
  live_.push_back(&x);
  session_checkpoint row{shard, "0123456789abcdef0123456789abcdef", "wss://gateway.test", x.plan, 1, 0, {},
                         x.term};
  row.guilds.resize(status.guilds, ~snowflake{0} / 2);
  unsent_.rows.push_back(std::move(row));
  send("ready", ready{known_.cluster_epoch, shard, status.guilds, 0});
}

void scale_node::act(const shard_key& shard, deed what) {
  auto found = shards_.find(shard);
  if (found == shards_.end())
    return;
  auto& x = found->second;
  report_due_ = true;
  switch (what) {
  case deed::ask:
    return ask(shard, x);
  case deed::identify:
    ++scene_->identifies;
    ++x.status.identifies;
    x.status.phase = shard_phase::arriving;
    send("identify_sent", identify_sent{shard, x.permit, 0, false});
    return later(some(300, 2500), shard, deed::ready);
  case deed::ready:
    return live(shard, x);
  case deed::close:
    return try_close(shard, x);
  }
}

void scale_node::close(const drain& x) {
  auto found = shards_.find(x.shard);
  if (found == shards_.end() || found->second.closing)
    return;
  if (x.forget) {
    std::erase(live_, &found->second);
    shards_.erase(found);
    report_due_ = true;
    return;
  }
  found->second.closing = true;
  found->second.plan = x.plan;
  found->second.status.phase = shard_phase::draining;
  later(some(50, 300), x.shard, deed::close);
}

void scale_node::try_close(const shard_key& shard, hosted& x) {
  auto led = scene_->cluster.led(shard, now());
  x.closing = led == 0;
  x.status.phase = led ? shard_phase::live : shard_phase::closed;
  x.status.closed_plan = led ? 0 : x.plan;
  if (led == 0) {
    scene_->closed += scene_->open.erase(shard);
    scene_->events.emplace_back(shard, scale_scene::event::closed);
    std::erase(live_, &x);
  }
  send("done", done{x.plan, known_.cluster_epoch, shard, 1, 1, led});
}

/// All rows, or those that changed: a real node compares with what it has sent (sent_rows), this one knows
/// beforehand when a row becomes another one.
void scale_node::tell_rows(node_report& picture, const group_place& place) {
  auto index = scene_->group_index.at(place.id);
  if (picture.rows_after == 0)
    tell_all(picture, place.id);
  for (; seen_ < scene_->events.size(); ++seen_) {
    auto& [shard, what] = scene_->events[seen_];
    if (what == scale_scene::event::moves)
      await_change(index, shard);
    else if (picture.rows_after != 0 && what == scale_scene::event::closed)
      picture.rows_gone.push_back({place.id, shard});
    else if (picture.rows_after != 0)
      tell_row(picture, place.id, shard);
  }
  tell_changes(picture, place.id);
}

void scale_node::tell_all(node_report& picture, std::uint32_t group) {
  picture.handovers.reserve(scene_->open.size());
  for (auto& shard : scene_->open)
    tell_row(picture, group, shard);
}

void scale_node::tell_changes(node_report& picture, std::uint32_t group) {
  while (!changing_.empty() && changing_.begin()->first <= now()) {
    auto due = changing_.extract(changing_.begin());
    for (auto& shard : due.mapped()) {
      if (picture.rows_after != 0 && scene_->open.contains(shard))
        tell_row(picture, group, shard);
      await_change(scene_->group_index.at(group), shard);
    }
  }
}

void scale_node::tell_row(node_report& picture, std::uint32_t group, const shard_key& shard) {
  picture.handovers.push_back(scene_->cluster.row(scene_->group_index.at(group), shard, now()));
  picture.handovers.back().group = group;
}

void scale_node::await_change(std::uint32_t index, const shard_key& shard) {
  if (auto at = scene_->cluster.next_change(index, shard, now()))
    changing_[*at].push_back(shard);
}

void scale_node::report() {
  report_due_ = false;
  node_report picture;
  picture.node = card_.name;
  picture.incarnation = card_.incarnation;
  picture.cluster_epoch = known_.cluster_epoch;
  picture.plan = known_.plan;
  picture.number = ++reports_;
  for (auto& [key, shard] : shards_)
    picture.shards.push_back(shard.status);
  auto whole = !known_.plan || now() >= next_whole_;
  if (known_.plan && whole)
    next_whole_ = now() + whole_every;
  picture.rows_after = whole ? 0 : picture.number - 1;
  for (auto& place : known_.groups) {
    if (place.node != card_.name)
      continue;
    picture.groups.push_back({place.id, place.epoch, false, known_.plan});
    if (known_.plan)
      tell_rows(picture, place);
  }
  auto pace = pace_after(picture);
  earliest_report_ = now() + pace.after_change;
  next_report_ = now() + pace.at_latest;
  weigh("node_report", picture);
  send("node_report", std::move(picture));
}

void scale_node::tell_cursors() {
  auto step = static_cast<std::size_t>(1 / scene_->setup.cursor_moves);
  for (auto i = random_() % step; i < live_.size(); i += step) {
    auto& shard = *live_[i];
    if (shard.status.phase == shard_phase::live)
      unsent_.moves.push_back({shard.status.shard, shard.term, ++shard.status.s, 0});
  }
  if (unsent_.rows.empty() && unsent_.moves.empty())
    return;
  unsent_.node = card_.name;
  unsent_.incarnation = card_.incarnation;
  unsent_.cluster_epoch = known_.cluster_epoch;
  weigh("checkpoint_report", unsent_);
  send("checkpoint_report", std::exchange(unsent_, {}));
}

void scale_node::tick_once() {
  if (known_.cluster_epoch == 0)
    return;
  while (!due_.empty() && due_.begin()->first <= now()) {
    auto [shard, what] = due_.begin()->second;
    due_.erase(due_.begin());
    act(shard, what);
  }
  if (now() >= next_lease_) {
    next_lease_ = now() + lease_every;
    ++scene_->messages["lease_request"];
    compat::request_local(self_, scene_->coordinator,
                          lease_request{card_.name, card_.incarnation, known_.cluster_epoch, known_.revision})
        .then([](const lease_answer&) {});
  }
  tell_cursors();
  if (now() >= (report_due_ ? earliest_report_ : next_report_))
    report();
}

node_actor::behavior_type scale_node::make_behavior() {
  join();
  compat::send(self_, self_, tick{});
  auto count = [this](std::string_view kind) { ++scene_->messages[kind]; };
  return {
      [](const node_card& x, const caf::strong_actor_ptr&) -> caf::result<node_card> { return x; },
      [](find_coordinator) -> caf::result<caf::strong_actor_ptr, std::string, std::uint16_t> {
        return {caf::strong_actor_ptr{}, std::string{}, std::uint16_t{0}};
      },
      [](const find_partition_group&) -> caf::result<partition_group_actor> {
        return caf::make_error(caf::sec::runtime_error, "none");
      },
      [this, count](const assignment& x) {
        count("assignment");
        known_ = x;
        report_due_ = true;
      },
      [this, count](const start& x) {
        count("start");
        begin(x);
      },
      [this, count](const transfer& x) {
        count("transfer");
        if (scene_->cluster.transfer(x.shard, now()))
          for (auto& shard : scene_->cluster.cut_with(x.shard))
            scene_->events.emplace_back(shard, scale_scene::event::moves);
      },
      [this, count](const drain& x) {
        count("drain");
        close(x);
      },
      [count](const release_shard&) { count("release_shard"); },
      [count](const release_group&) { count("release_group"); },
      [count](const adopt_group&) { count("adopt_group"); },
      [count](const forget_copy&) { count("forget_copy"); },
      [](const fetch_copy&) -> caf::result<copy_piece> {
        return caf::make_error(caf::sec::runtime_error, "none");
      },
      [](const copy_append& x) {
        return copy_kept{x.id, x.epoch, 0};
      },
      [](const checkpoint_report&) {},
      [](const lease_request&) { return lease_answer{}; },
      [](const bot_presence&) {},
      [this](tick) {
        compat::send_after(self_, node_beat, self_, tick{});
        tick_once();
      },
  };
}

} // namespace

node_actor spawn_scale_node(caf::actor_system& system, const std::string& name,
                            std::shared_ptr<scale_scene> scene) {
  return system.spawn<node_actor::stateful_impl<scale_node>>(name, std::move(scene));
}

} // namespace shardyard::bench
