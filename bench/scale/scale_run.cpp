#include "bench/scale/scale_run.hpp"

#include "actors/compat.hpp"
#include "actors/coordinator/placed_group.hpp"
#include "bench/scale/scale_node.hpp"

#include <caf/scheduler/test_coordinator.hpp>

#include <boost/json.hpp>

#include <fstream>

#include <ctime>

namespace shardyard::bench {

namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

double thread_cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double peak_mib() {
  std::ifstream file{"/proc/self/status"};
  for (std::string word; file >> word;)
    if (double kib = 0; word == "VmHWM:" && file >> kib)
      return kib / 1024;
  return 0;
}

std::string_view name_of(caf::type_id_t type) {
  auto name = caf::query_type_name(type);
  return {name.data(), name.size()};
}

struct virtual_time : caf::actor_system_config {
  virtual_time() {
    static auto once = (register_local_messages(), true);
    static_cast<void>(once);
    set("caf.scheduler.policy", "testing");
  }
};

/// Runs messages one by one and books the CPU of those that the coordinator handles.
class timed_world {
public:
  timed_world() { jobs().clock().current_time += 1h; }

  /// An actor system waits for its actors.
  ~timed_world() {
    for (auto& x : kept_)
      caf::anon_send_exit(x, caf::exit_reason::kill);
    kept_.clear();
    run();
  }

  template <class Handle>
  Handle keep(Handle x) {
    kept_.push_back(caf::actor_cast<caf::strong_actor_ptr>(x));
    return x;
  }

  void watch(const local_coordinator_actor& x) {
    watched_ = dynamic_cast<caf::resumable*>(caf::actor_cast<caf::abstract_actor*>(x));
  }

  void run() {
    while (jobs().has_job())
      if (jobs().jobs.front() == watched_)
        run_watched();
      else
        jobs().run_once();
  }

  void pass(std::chrono::nanoseconds time) {
    run();
    auto end = now() + time;
    auto& timers = jobs().clock().schedule;
    while (!timers.empty() && timers.begin()->first <= end) {
      jobs().advance_time(std::max(caf::timespan{1}, timers.begin()->first - now()));
      run();
    }
    if (end > now())
      jobs().advance_time(end - now());
    run();
  }

  caf::actor_clock::time_point now() { return jobs().clock().now(); }
  double seconds() { return std::chrono::duration<double>(now().time_since_epoch()).count(); }

  admin_reply verb(const local_coordinator_actor& to, const std::string& name, std::uint32_t target = 0) {
    admin_request x;
    x.verb = name;
    x.target = target;
    caf::scoped_actor self{system};
    auto response = compat::request_local(self.ptr(), to, x);
    run();
    admin_reply result;
    response.receive([&](admin_reply& y) { result = std::move(y); },
                     [&](caf::error& why) { result.why = caf::to_string(why); });
    return result;
  }

  std::map<std::string_view, scale_cost> take() { return std::exchange(costs_, {}); }

private:
  virtual_time config_;

public:
  caf::actor_system system{config_};

private:
  caf::scheduler::test_coordinator& jobs() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }

  void run_watched() {
    auto* first = jobs().next_job<caf::scheduled_actor>().mailbox().peek();
    auto types = first ? first->payload.types() : caf::type_id_list{nullptr};
    auto kind = first && types.size() > 0 ? name_of(types[0]) : std::string_view{"other"};
    auto begin = thread_cpu_s();
    jobs().run_once();
    auto& cost = costs_[kind];
    cost.cpu_s += thread_cpu_s() - begin;
    ++cost.messages;
  }

  caf::resumable* watched_ = nullptr;
  std::vector<caf::strong_actor_ptr> kept_;
  std::map<std::string_view, scale_cost> costs_;
};

scale_cost sum_of(const std::map<std::string_view, scale_cost>& all) {
  scale_cost sum;
  for (auto& [kind, x] : all) {
    sum.messages += x.messages;
    sum.cpu_s += x.cpu_s;
  }
  return sum;
}

coordinator_setup setup_of(const scale_case& x, const std::string& folder) {
  coordinator_setup result;
  result.cluster = "scale";
  result.node = "host-00";
  result.store_path = folder + "/store.db";
  result.gateway_file = folder + "/gateway.json";
  result.partitions = x.partitions;
  result.min_nodes = x.nodes;
  result.shards = x.from;
  result.own_thread = false;
  return result;
}

gateway_news limits_of(const scale_case& x) {
  net::gateway_bot answer;
  answer.url = "wss://gateway.test";
  answer.shards = x.from;
  answer.total = answer.remaining = x.identifies_a_day;
  answer.max_concurrency = x.max_concurrency;
  return {std::make_shared<const net::gateway_bot_answer>(std::move(answer))};
}

json::object report_of(timed_world& world, const scale_scene& scene) {
  auto reply = world.verb(scene.coordinator, "report");
  if (!reply.ok)
    throw std::runtime_error("report: " + reply.why);
  return json::parse(reply.body).as_object();
}

/// Discord's words come first: without them no topology is founded.
void form_cluster(timed_world& world, scale_scene& scene, const std::shared_ptr<scale_scene>& shared) {
  compat::anon_send(scene.coordinator, limits_of(scene.setup));
  world.run();
  std::vector<node_weight> hosts;
  for (std::uint32_t i = 0; i < scene.setup.nodes; ++i) {
    auto name = "host-" + std::string(i < 10 ? "0" : "") + std::to_string(i);
    hosts.push_back({name, 1});
    world.keep(spawn_scale_node(world.system, name, shared));
  }
  auto groups = first_groups(scene.setup.partitions, hosts);
  std::vector<std::uint32_t> owners(scene.setup.partitions);
  for (std::uint32_t i = 0; i < groups.size(); ++i) {
    scene.group_index[groups[i].place.id] = i;
    for (auto partition : groups[i].place.partitions)
      owners[partition] = i;
  }
  scene.cluster.spread_guilds(owners, static_cast<std::uint32_t>(groups.size()));
}

template <class Condition>
void pass_until(timed_world& world, std::chrono::seconds limit, const char* what, Condition condition) {
  for (auto end = world.now() + limit; !condition(); world.pass(5s))
    if (world.now() >= end)
      throw std::runtime_error(std::string{"not in time: "} + what);
}

} // namespace

scale_figures run_scale(const scale_case& x, const std::string& folder) {
  auto cpu_before = thread_cpu_s();
  timed_world world;
  auto shared = std::make_shared<scale_scene>(scale_scene{.setup = x});
  auto& scene = *shared;
  scale_figures result;
  scene.coordinator = world.keep(spawn_coordinator(world.system, setup_of(x, folder)));
  world.watch(scene.coordinator);
  auto began = world.seconds();
  form_cluster(world, scene, shared);
  pass_until(world, 7200s, "all shards ready", [&] { return scene.open.size() == x.from; });
  world.pass(10s);
  result.start = sum_of(world.take());
  result.start_virtual_s = world.seconds() - began;

  scene.messages.clear();
  scene.bytes.clear();
  scene.identifies = 0;
  began = world.seconds();
  auto reply = world.verb(scene.coordinator, "reshard", x.to);
  if (!reply.ok)
    throw std::runtime_error("reshard: " + reply.why + "; " + reply.instead);
  pass_until(world, 7200s, "an IDENTIFY for each new shard", [&] { return scene.identifies >= x.to; });
  auto before = world.take();
  auto document = world.verb(scene.coordinator, "status");
  auto look = world.take();
  result.status_ms = look[name_of(caf::type_id_v<admin_request>)].cpu_s * 1000;
  result.status_bytes = document.body.size();
  pass_until(world, 7200s, "the plan's end", [&] { return scene.closed == x.from; });
  world.pass(5s);
  result.by_kind = world.take();
  for (auto& [kind, cost] : before) {
    result.by_kind[kind].cpu_s += cost.cpu_s;
    result.by_kind[kind].messages += cost.messages;
  }
  result.plan = sum_of(result.by_kind);
  result.plan_virtual_s = world.seconds() - began;
  result.sent = scene.messages;
  result.bytes = scene.bytes;
  result.identifies = scene.identifies;
  result.peak_mib = peak_mib();
  result.scene_cpu_s = thread_cpu_s() - cpu_before - result.start.cpu_s - result.plan.cpu_s;
  auto plan = report_of(world, scene);
  if (plan.at("state").as_string() != "done" || result.identifies != x.to)
    throw std::runtime_error("the plan ended as " + json::serialize(plan.at("state")) + " after " +
                             std::to_string(result.identifies) + " IDENTIFYs");
  return result;
}

} // namespace shardyard::bench
