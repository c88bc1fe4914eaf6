// The part of an endpoint on the door's thread: work for the switch comes from whichever thread the actor is
// on.
#include "actors/bot_session/endpoint_core.hpp"
#include "actors/shard/link_news.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace shardyard {
namespace {

TEST(endpoint_core, does_its_work_in_the_order_in_which_it_was_given_by_any_threads) {
  bot_endpoint_setup setup;
  setup.io = std::make_shared<io_door>(1);
  setup.door.host = "127.0.0.1";
  setup.door.port = 0;
  setup.door.api_base = "http://127.0.0.1:9/api/v10";
  auto core = std::make_shared<endpoint_core>(std::move(setup));
  core->open();
  std::vector<int> order;
  std::promise<void> done;
  core->run([&](bot_switch&, bot_switch::time) {
    core->run([&](bot_switch&, bot_switch::time) { order.push_back(1); });
    std::thread{[&] {
      core->run([&](bot_switch&, bot_switch::time) {
        order.push_back(2);
        done.set_value();
      });
    }}.join();
  });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector{1, 2}));
  core->close();
}

} // namespace
} // namespace shardyard
