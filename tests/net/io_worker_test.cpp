// What is posted to an io thread: by whom does not matter, and nothing of it outlives the thread.
#include "net/io_worker.hpp"

#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <future>

namespace shardyard::net {
namespace {

/// Does something when the worker ends.
struct client final : io_client {
  explicit client(std::function<void()> f) : at_the_end(std::move(f)) {}
  void abandon() override { at_the_end(); }
  std::function<void()> at_the_end;
};

/// Posts itself until a timer of the same thread has had its turn.
struct restless : std::enable_shared_from_this<restless> {
  explicit restless(io_worker& on) : on(on), timer(on.context(), std::chrono::milliseconds{1}) {}

  void begin() {
    timer.async_wait([me = shared_from_this()](auto) { me->over = true; });
    go_on();
  }
  void go_on() {
    if (over)
      return done.set_value();
    on.post([me = shared_from_this()] { me->go_on(); });
  }

  io_worker& on;
  asio::steady_timer timer;
  bool over = false;
  std::promise<void> done;
};

TEST(io_worker, does_what_its_own_thread_posts_before_what_another_posts_later) {
  io_worker subject;
  std::vector<int> order;
  std::promise<void> done;
  subject.post([&] {
    subject.post([&] { order.push_back(1); });
    std::thread{[&] {
      subject.post([&] {
        order.push_back(2);
        done.set_value();
      });
    }}.join();
  });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(io_worker, lets_sockets_and_timers_have_their_turn_between_posts_without_end) {
  io_worker subject;
  auto work = std::make_shared<restless>(subject);
  auto done = work->done.get_future();
  subject.post([work] { work->begin(); });
  EXPECT_EQ(done.wait_for(std::chrono::seconds{20}), std::future_status::ready);
}

TEST(io_worker, does_what_was_posted_before_its_end_and_drops_what_comes_with_it_and_after_it) {
  io_worker subject;
  auto held = std::make_shared<int>(0);
  auto one = std::make_shared<client>([&] { subject.post([held] { *held += 10; }); });
  subject.enrol(one);
  subject.post([held] { ++*held; });
  subject.stop();
  subject.post([held] { *held += 100; });
  EXPECT_EQ(*held, 1);
  one.reset();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(io_worker, ends_its_clients_and_is_held_by_no_work_when_threads_post_meanwhile) {
  for (int round = 0; round < 200; ++round) {
    auto subject = std::make_shared<io_worker>();
    std::weak_ptr<io_worker> watch = subject;
    std::atomic<bool> abandoned = false, posting = false;
    auto one = std::make_shared<client>([&] { abandoned = true; });
    subject->enrol(one);
    std::thread other{[subject, &posting] {
      posting = true;
      for (int i = 0; i < 100; ++i)
        subject->post([subject] {});
    }};
    while (!posting)
      std::this_thread::yield();
    subject->stop();
    EXPECT_TRUE(abandoned);
    other.join();
    subject.reset();
    EXPECT_TRUE(watch.expired());
  }
}

} // namespace
} // namespace shardyard::net
