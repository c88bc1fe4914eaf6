// A shard before it has a socket: what it asks of the coordinator and what it gives back.
#include "actors/shard/link_news.hpp"
#include "actors/shard/shard_actor.hpp"
#include "tests/actors/world.hpp"

namespace shardyard::testing {
namespace {

/// Answers when the test says so.
struct slow_ledger {
  std::vector<identify_request> asked;
  std::vector<caf::typed_response_promise<identify_answer>> promises;
  std::vector<std::uint64_t> returned;

  void grant(std::size_t which, std::uint64_t permit) {
    promises[which].deliver(
        identify_answer{identify_verdict::granted, asked[which].ask, permit, 10'000, {}, {}});
  }
};

using slow_coordinator = coordinator_actor::extend<
    // Grant the ask of this index.
    caf::result<void>(std::uint16_t)>;

slow_coordinator spawn_slow_coordinator(caf::actor_system& system, std::shared_ptr<slow_ledger> ledger) {
  return system.spawn([ledger](slow_coordinator::pointer self) -> slow_coordinator::behavior_type {
    self->attach_functor([ledger] { ledger->promises.clear(); });
    return {
        [](const node_card&, const caf::strong_actor_ptr&) -> caf::result<assignment> {
          return assignment{};
        },
        [self, ledger](const identify_request& x) -> caf::result<identify_answer> {
          ledger->asked.push_back(x);
          ledger->promises.push_back(self->make_response_promise<identify_answer>());
          return ledger->promises.back();
        },
        [](const identify_sent&) {},
        [ledger](const permit_returned& x) { ledger->returned.push_back(x.permit); },
        [](const ready&) {},
        [](const done&) {},
        [](const node_report&) {},
        [](const checkpoint_report&) {},
        [](const shard_released&) {},
        [](const lease_request&) { return lease_answer{}; },
        [](const mix_report&) {},
        [](const endpoint_report&) {},
        [](const admin_request&) -> caf::result<admin_reply> { return admin_reply{}; },
        [](tick) {},
        [ledger](std::uint16_t which) { ledger->grant(which, 40u + which); },
    };
  });
}

struct a_shard : ::testing::Test {
  std::shared_ptr<slow_ledger> ledger = std::make_shared<slow_ledger>();
  world w;
  slow_coordinator coordinator = w.keep(spawn_slow_coordinator(w.system, ledger));
  shard_actor shard = spawn();

  shard_actor spawn() {
    auto table = std::make_shared<route_table>();
    table->coordinator = coordinator;
    shard_setup setup;
    setup.shard = {1, 0, 1};
    setup.door = std::make_shared<io_door>(1);
    setup.routes = {table};
    setup.listener = w.keep(w.system.spawn(
        [](shard_listener::pointer) -> shard_listener::behavior_type { return {[](const shard_news&) {}}; }));
    return w.keep(spawn_shard(w.system, std::move(setup)));
  }
};

TEST_F(a_shard, that_is_closed_while_it_asks_gives_the_permit_back) {
  w.run();
  ASSERT_EQ(ledger->asked.size(), 1u);
  w.send(shard, drain{1, 1, {1, 0, 1}, true});
  w.send(coordinator, std::uint16_t{0});
  EXPECT_EQ(ledger->returned, std::vector<std::uint64_t>{40});
}

} // namespace
} // namespace shardyard::testing
