// Shards and a partition group as they run in a node: real io threads, CAF's scheduler, a simulated Discord
// in the same process, and a sink that remembers. All waiting is in here and bounded. For what only threads
// can break; rules are tested in virtual time (world.hpp).
#pragma once

#include "actors/partition/partition_group_actor.hpp"
#include "actors/shard/link_news.hpp"
#include "actors/shard/shard_actor.hpp"
#include "messages/system_config.hpp"
#include "tests/actors/world.hpp"
#include "tests/client/driver.hpp"
#include "tests/shard/blocks.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

namespace shardyard::testing {

/// What the actors of a scene told, read by the test's thread.
class live_record {
public:
  struct story {
    std::map<snowflake, std::vector<std::uint64_t>> numbers; ///< n of each guild's deliveries, as they came
    std::size_t events = 0;
    group_news news;
    std::map<shard_key, shard_status> shards;
    std::set<shard_key> closed;
  };

  template <class Work>
  void change(Work work) {
    std::lock_guard lock{mutex_};
    work(story_);
    changed_.notify_all();
  }
  template <class Condition>
  bool await(const char* what, Condition holds) {
    std::unique_lock lock{mutex_};
    auto came = changed_.wait_for(lock, 30s, [&] { return holds(std::as_const(story_)); });
    EXPECT_TRUE(came) << "waited in vain for " << what;
    return came;
  }
  story now() {
    std::lock_guard lock{mutex_};
    return story_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  story story_;
};

inline sink_actor spawn_live_sink(caf::actor_system& system, std::shared_ptr<live_record> record) {
  return system.spawn([record](sink_actor::pointer) -> sink_actor::behavior_type {
    return {[record](const sink_batch& x) -> caf::result<delivery_accepted> {
      record->change([&](auto& story) {
        for (auto& block : x.blocks)
          for (auto& e : block.entries)
            if ((e.flags & (cut_flag | gap_flag)) == 0) {
              ++story.events;
              if (e.guild != 0)
                story.numbers[e.guild].push_back(e.n);
            }
      });
      return delivery_accepted{x.number, 0};
    }};
  });
}

/// Grants every IDENTIFY at once: the simulated Discord of these tests asks for no spacing.
inline coordinator_actor spawn_generous_coordinator(caf::actor_system& system,
                                                    std::shared_ptr<live_record> record) {
  return system.spawn([record](coordinator_actor::pointer) -> coordinator_actor::behavior_type {
    return {
        [](const node_card&, const caf::strong_actor_ptr&) -> caf::result<assignment> {
          return assignment{};
        },
        [permits = std::uint64_t{0}](const identify_request& x) mutable -> caf::result<identify_answer> {
          return identify_answer{identify_verdict::granted, x.ask, ++permits, 10'000, {}, {}};
        },
        [](const identify_sent&) {},
        [](const permit_returned&) {},
        [](const ready&) {},
        [record](const done& x) {
          if (x.refused_led == 0)
            record->change([&](auto& story) { story.closed.insert(x.shard); });
        },
        [](const node_report&) {},
        [](const checkpoint_report&) {},
        [](const shard_released&) {},
        [](const lease_request&) { return lease_answer{}; },
        [](const mix_report&) {},
        [](const endpoint_report&) {},
        [](const admin_request&) -> caf::result<admin_reply> { return admin_reply{}; },
        [](tick) {},
    };
  });
}

struct live_scene : ::testing::Test {
  scratch_folder folder;
  std::shared_ptr<live_record> record = std::make_shared<live_record>();
  client::discord discord;
  struct registered {
    registered() { register_once(); }
  } first;
  system_config config{2};
  caf::actor_system system{config};
  std::vector<caf::strong_actor_ptr> kept;
  std::shared_ptr<io_door> door = make_door();
  coordinator_actor coordinator = keep(spawn_generous_coordinator(system, record));
  partition_group_actor group;
  std::shared_ptr<const route_table> routes;

  explicit live_scene(const sim::settings& chosen = long_memory()) : discord(chosen) {}

  /// Keeps for a RESUME whatever a test's load brings.
  static sim::settings long_memory() {
    auto result = client::small_discord();
    result.replay_limit = 100'000;
    return result;
  }

  template <class Handle>
  Handle keep(Handle x) {
    kept.push_back(caf::actor_cast<caf::strong_actor_ptr>(x));
    return x;
  }

  std::shared_ptr<io_door> make_door() {
    auto result = std::make_shared<io_door>(2);
    result->link.compress = net::compression::zlib_stream;
    result->identify = [](const shard_key& shard) {
      net::identify_payload say;
      say.token = client::shard_client::token;
      say.intents = client::shard_client::intents;
      say.shard_id = shard.id;
      say.shard_count = shard.count;
      return say;
    };
    result->token = [] { return std::string{client::shard_client::token}; };
    result->spool_dir = (folder.path() / "spool").string();
    result->probe_interval = 200ms;
    return result;
  }

  partition_group_setup group_setup() {
    partition_group_setup setup;
    setup.node = "a";
    setup.place = {1, 1, "a", {0, 1, 2, 3}};
    setup.partition_count = 4;
    setup.state_dir = folder.path().string();
    setup.receivers = {keep(spawn_live_sink(system, record))};
    setup.listener =
        keep(system.spawn([record = record](group_listener::pointer) -> group_listener::behavior_type {
          return {[record](const group_news& x) { record->change([&](auto& story) { story.news = x; }); }};
        }));
    setup.tuning.quiet = 200ms;
    setup.tuning.freshness_ms = 100;
    return setup;
  }

  void spawn_group(partition_group_setup setup) {
    group = keep(spawn_partition_group(system, std::move(setup)));
    auto table = std::make_shared<route_table>();
    table->coordinator = coordinator;
    table->groups = {{1, 1, {0, 1, 2, 3}, group}};
    table->group_of = {0, 0, 0, 0};
    table->gateway_url = discord.server.gateway_url();
    table->moving = true;
    table->cluster_epoch = 1;
    routes = table;
  }

  shard_actor shard(const shard_key& key) {
    shard_setup setup;
    setup.term = 1;
    setup.shard = key;
    setup.cluster_epoch = 1;
    setup.door = door;
    setup.routes = {routes};
    setup.listener =
        keep(system.spawn([record = record](shard_listener::pointer) -> shard_listener::behavior_type {
          return {[record](const shard_news& x) {
            record->change([&](auto& story) { story.shards[x.status.shard] = x.status; });
          }};
        }));
    return keep(spawn_shard(system, std::move(setup)));
  }

  void await_ready(const shard_key& key) {
    record->await("a shard with all its guilds", [&](auto& story) {
      auto found = story.shards.find(key);
      return found != story.shards.end() && found->second.was_ready;
    });
  }
  void await_events(std::size_t more) {
    auto before = record->now().events;
    record->await("events at the sink", [&](auto& story) { return story.events >= before + more; });
  }

  ~live_scene() override {
    for (auto& x : kept)
      caf::anon_send_exit(x, caf::exit_reason::kill);
    kept.clear();
    group = nullptr;
    coordinator = nullptr;
    routes.reset();
    system.await_all_actors_done();
  }
};

/// Every guild's numbers rise by one: nothing lost, doubled or overtaken on the way to the sink.
inline void expect_unbroken(const live_record::story& story) {
  for (auto& [guild, numbers] : story.numbers)
    for (std::size_t i = 1; i < numbers.size(); ++i)
      ASSERT_EQ(numbers[i], numbers[i - 1] + 1) << "guild " << guild << ", delivery " << i;
}

} // namespace shardyard::testing
