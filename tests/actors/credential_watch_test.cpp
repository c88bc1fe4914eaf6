// Where the bots' credentials are read again, with threads; what comes of it: bot_endpoint_test.cpp.
#include "actors/bot_session/switch_host.hpp"
#include "messages/system_config.hpp"
#include "tests/actors/world.hpp"

#include <atomic>
#include <future>

namespace shardyard::testing {
namespace {

class no_switch final : public switch_host {
public:
  void serve(bot_endpoint_actor) override {}
  void run(work) override {}
  void recommend(std::uint32_t) override {}
  void report() override {}
  void close() override {}
};

/// A file on a mount that does not answer until it is back.
struct hanging_file {
  std::vector<std::string> read() {
    if (!asked_.exchange(true))
      asked.set_value();
    back_.wait();
    return {};
  }

  std::promise<void> asked, back;

private:
  std::atomic<bool> asked_ = false;
  std::shared_future<void> back_ = back.get_future().share();
};

TEST(credential_watch, a_mount_that_hangs_holds_up_neither_the_endpoint_nor_the_scheduler) {
  register_once();
  hanging_file file;
  system_config one_worker{1};
  caf::actor_system system{one_worker};
  bot_endpoint_setup setup;
  setup.revoked = [&] { return file.read(); };
  auto endpoint = spawn_bot_endpoint(system, std::move(setup), std::make_shared<no_switch>());
  file.asked.get_future().wait();
  auto taken = false;
  caf::scoped_actor self{system};
  compat::request(self.ptr(), endpoint, 20s, sink_batch{})
      .receive([&](const delivery_accepted&) { taken = true; }, [](const caf::error&) {});
  EXPECT_TRUE(taken);
  file.back.set_value();
  caf::anon_send_exit(endpoint, caf::exit_reason::kill);
}

} // namespace
} // namespace shardyard::testing
