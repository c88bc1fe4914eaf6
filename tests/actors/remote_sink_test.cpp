// A sink in the bot's own process, over a real connection between two actor systems.
#include "actors/node/remote_sink_actor.hpp"
#include "messages/system_config.hpp"
#include "tests/actors/world.hpp"
#include "tests/shard/blocks.hpp"

#include <caf/io/all.hpp>

#include <condition_variable>
#include <mutex>

namespace shardyard::testing {
namespace {

/// What the bot was given; it answers when it may.
class bot_story {
public:
  void heard(std::uint64_t number) {
    std::lock_guard lock{mutex_};
    numbers_.push_back(number);
    changed_.notify_all();
  }
  bool await(std::size_t count) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, 20s, [&] { return numbers_.size() >= count; });
  }
  std::vector<std::uint64_t> numbers() {
    std::lock_guard lock{mutex_};
    return numbers_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint64_t> numbers_;
};

/// A process of the bot: its own actor system with a published sink.
class bot_process {
public:
  bot_process(std::shared_ptr<bot_story> story, std::uint16_t port, bool answers) {
    auto sink = system_.spawn([story, answers](sink_actor::pointer self) -> sink_actor::behavior_type {
      return {[self, story, answers](const sink_batch& x) -> caf::result<delivery_accepted> {
        story->heard(x.number);
        EXPECT_EQ(text_of(x.blocks.at(0)), "s1: 400/7={\"a\":1}");
        if (answers)
          return delivery_accepted{x.number, 0};
        return self->make_response_promise<delivery_accepted>();
      }};
    });
    auto opened = system_.middleman().publish(sink, port, "127.0.0.1", true);
    EXPECT_TRUE(opened) << to_string(opened.error());
    port_ = opened ? *opened : 0;
    sink_ = caf::actor_cast<caf::strong_actor_ptr>(sink);
  }
  ~bot_process() { caf::anon_send_exit(sink_, caf::exit_reason::kill); }
  std::uint16_t port() const { return port_; }

private:
  system_config config_{1};
  caf::actor_system system_{config_};
  caf::strong_actor_ptr sink_;
  std::uint16_t port_ = 0;
};

struct a_remote_sink : ::testing::Test {
  struct registered {
    registered() { register_once(); }
  } first;
  std::shared_ptr<bot_story> story = std::make_shared<bot_story>();
  system_config config{1};
  caf::actor_system system{config};
  caf::scoped_actor self{system};

  std::vector<caf::strong_actor_ptr> kept;

  sink_actor spawn(std::uint16_t port) {
    auto sink = spawn_remote_sink(system, "127.0.0.1:" + std::to_string(port));
    kept.push_back(caf::actor_cast<caf::strong_actor_ptr>(sink));
    return sink;
  }
  ~a_remote_sink() override {
    for (auto& x : kept)
      caf::anon_send_exit(x, caf::exit_reason::kill);
  }

  auto give(const sink_actor& sink, std::uint64_t number) {
    return self->request(sink, 20s, sink_batch{number, {*make_block({{400, 7, "{\"a\":1}"}})}});
  }
  template <class Response>
  void expect_accepted(Response response, std::uint64_t number) {
    response.receive([&](const delivery_accepted& x) { EXPECT_EQ(x.number, number); },
                     [](caf::error& error) { ADD_FAILURE() << to_string(error); });
  }
};

TEST_F(a_remote_sink, hands_batches_to_the_bot_in_order_and_passes_its_answers_back) {
  bot_process bot{story, 0, true};
  auto sink = spawn(bot.port());
  for (std::uint64_t n = 1; n <= 5; ++n)
    expect_accepted(give(sink, n), n);
  EXPECT_EQ(story->numbers(), (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
}

TEST_F(a_remote_sink, gives_what_a_dead_bot_did_not_answer_to_the_next_one) {
  auto bot = std::make_unique<bot_process>(story, 0, false);
  auto port = bot->port();
  auto sink = spawn(port);
  auto one = give(sink, 1);
  auto two = give(sink, 2);
  ASSERT_TRUE(story->await(2));
  bot.reset();
  bot = std::make_unique<bot_process>(story, port, true);
  expect_accepted(std::move(one), 1);
  expect_accepted(std::move(two), 2);
  EXPECT_EQ(story->numbers(), (std::vector<std::uint64_t>{1, 2, 1, 2}));
}

} // namespace
} // namespace shardyard::testing
