// A coordinator on a store of its own and nodes that only remember what they are told.
#pragma once

#include "actors/coordinator/coordinator_actor.hpp"
#include "tests/actors/world.hpp"
#include "tests/shard/blocks.hpp"

#include <boost/json.hpp>

#include <csignal>

#include <sys/resource.h>

namespace shardyard::testing {

struct orders {
  std::vector<assignment> assignments;
  std::vector<start> starts;
  std::vector<transfer> transfers;
  std::vector<drain> drains;
  std::vector<release_shard> releases;
  std::vector<release_group> group_releases;
  std::vector<adopt_group> adoptions;
  std::vector<find_partition_group> group_asks;
  std::size_t coordinator_asks = 0;

  // What it answers to those.
  coordinator_actor coordinator;
  std::string hint_host;
  std::uint16_t hint_port = 0;
  bool hangs = false;
};

inline node_actor spawn_node_record(caf::actor_system& system, std::shared_ptr<orders> record) {
  return system.spawn([record](node_actor::pointer self) -> node_actor::behavior_type {
    return {
        [](const node_card& x, const caf::strong_actor_ptr&) -> caf::result<node_card> { return x; },
        [record, self](find_coordinator) -> caf::result<caf::strong_actor_ptr, std::string, std::uint16_t> {
          ++record->coordinator_asks;
          if (record->hangs) {
            auto never = self->make_response_promise<caf::strong_actor_ptr, std::string, std::uint16_t>();
            self->run_delayed(std::chrono::hours(1), [never] {});
            return never;
          }
          return {caf::actor_cast<caf::strong_actor_ptr>(record->coordinator), record->hint_host,
                  record->hint_port};
        },
        [record](const find_partition_group& x) -> caf::result<partition_group_actor> {
          record->group_asks.push_back(x);
          return caf::make_error(caf::sec::runtime_error, "none");
        },
        [record](const assignment& x) { record->assignments.push_back(x); },
        [record](const start& x) { record->starts.push_back(x); },
        [record](const transfer& x) { record->transfers.push_back(x); },
        [record](const drain& x) { record->drains.push_back(x); },
        [record](const release_shard& x) { record->releases.push_back(x); },
        [record](const release_group& x) { record->group_releases.push_back(x); },
        [record](const adopt_group& x) { record->adoptions.push_back(x); },
        [](const forget_copy&) {},
        [](const fetch_copy&) -> caf::result<copy_piece> {
          return caf::make_error(caf::sec::runtime_error, "none");
        },
        [](const copy_append& x) {
          return copy_kept{x.id, x.epoch, 0};
        },
        [](const checkpoint_report&) {},
        [](const lease_request&) { return lease_answer{}; },
        [](const bot_presence&) {},
        [](tick) {},
    };
  });
}

/// While it lives, no file of this process takes another byte.
class full_disk {
public:
  full_disk() {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    auto none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~full_disk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  full_disk(const full_disk&) = delete;
  full_disk& operator=(const full_disk&) = delete;

private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

struct fake_node {
  node_card card;
  std::shared_ptr<orders> told = std::make_shared<orders>();
  node_actor handle;
};

using joined = std::variant<assignment, std::string>;

inline bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

struct coordinator_scene : ::testing::Test {
  scratch_folder folder;
  world w;
  std::uint32_t max_concurrency = 1;
  coordinator_setup setup = default_setup();
  local_coordinator_actor coordinator = w.keep(spawn_coordinator(w.system, setup));

  coordinator_setup default_setup() const {
    coordinator_setup x;
    x.cluster = "c1";
    x.node = "a";
    x.store_path = (folder.path() / "store.db").string();
    x.gateway_file = (folder.path() / "gateway.json").string();
    x.partitions = 4;
    x.shards = 2;
    x.own_thread = false;
    return x;
  }

  /// The process ends and another one takes the store over.
  void restart() {
    w.end(coordinator);
    coordinator = w.keep(spawn_coordinator(w.system, setup));
    w.run(); // its first tick comes before anybody joins
  }

  fake_node node(std::string name, std::uint64_t incarnation = 1) {
    fake_node x;
    x.card.name = std::move(name);
    x.card.incarnation = incarnation;
    x.card.cluster = "c1";
    x.card.host = "127.0.0.1";
    x.card.port = 1;
    x.handle = w.keep(spawn_node_record(w.system, x.told));
    return x;
  }

  joined join(const fake_node& x) {
    return w.ask<assignment>(coordinator, x.card, caf::actor_cast<caf::strong_actor_ptr>(x.handle));
  }
  static std::string why_not(const joined& x) {
    return std::holds_alternative<std::string>(x) ? std::get<std::string>(x) : "";
  }

  void discord_says(net::gateway_bot_answer x) {
    w.send(coordinator, gateway_news{std::make_shared<const net::gateway_bot_answer>(std::move(x))});
  }
  void discord_is_well(std::uint32_t remaining = 1000) {
    discord_says(net::gateway_bot{.url = "wss://gateway.test",
                                  .shards = 5,
                                  .remaining = remaining,
                                  .max_concurrency = max_concurrency});
  }

  identify_answer permit(const shard_key& shard, std::uint64_t ask,
                         identify_purpose purpose = identify_purpose::start) {
    identify_request x;
    x.cluster_epoch = 1;
    x.shard = shard;
    x.purpose = purpose;
    x.ask = ask;
    auto answer = w.ask<identify_answer>(coordinator, x);
    EXPECT_TRUE(std::holds_alternative<identify_answer>(answer)) << std::get<std::string>(answer);
    return std::get<identify_answer>(answer);
  }

  /// Asks, waits as told, asks again, until granted; then uses the permit at once. When that was.
  caf::actor_clock::time_point identify(const shard_key& shard, std::uint64_t ask) {
    for (int i = 0; i < 1000; ++i) {
      auto answer = permit(shard, ask);
      EXPECT_EQ(answer.ask, ask);
      if (answer.verdict == identify_verdict::granted) {
        w.send(coordinator, identify_sent{shard, answer.permit, 0, false});
        return w.now();
      }
      w.pass(std::chrono::milliseconds{answer.after_ms});
    }
    ADD_FAILURE() << "no permit for " << to_string(shard);
    return w.now();
  }

  admin_reply verb(std::string name, std::uint32_t target = 0) {
    admin_request x;
    x.verb = std::move(name);
    x.target = target;
    auto answer = w.ask<admin_reply>(coordinator, x);
    EXPECT_TRUE(std::holds_alternative<admin_reply>(answer)) << std::get<std::string>(answer);
    return std::get<admin_reply>(answer);
  }
  boost::json::object status() { return boost::json::parse(verb("status").body).as_object(); }

  /// The node says that it runs these shards.
  void report(const fake_node& x, const assignment& under, std::vector<shard_key> shards,
              bool all_guilds = true) {
    node_report picture;
    picture.node = x.card.name;
    picture.incarnation = x.card.incarnation;
    picture.cluster_epoch = under.cluster_epoch;
    for (auto& place : under.groups)
      if (place.node == x.card.name)
        picture.groups.push_back({place.id, place.epoch, false, under.plan});
    for (auto& shard : shards) {
      shard_status row;
      row.shard = shard;
      row.phase = all_guilds ? shard_phase::live : shard_phase::arriving;
      row.was_ready = all_guilds;
      row.guilds = 10;
      picture.shards.push_back(row);
    }
    w.send(coordinator, picture);
  }

  /// One node, two shards live.
  fake_node running_cluster() {
    discord_is_well();
    auto a = node("a");
    auto first = join(a);
    EXPECT_EQ(why_not(first), "");
    w.pass(3s);
    report(a, a.told->assignments.back(), {{1, 0, 2}, {1, 1, 2}});
    return a;
  }
};

} // namespace shardyard::testing
