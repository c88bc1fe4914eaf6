// The session machine under inputs of every kind, in any order and at any time.
#include "tests/shard/session_driver.hpp"

#include <rapidcheck.h>

#include <random>

namespace shardyard::session {
namespace {

/// Random inputs, current and stale, in any order and at any time.
input random_input(driver& d, std::mt19937_64& random) {
  auto pick = [&](std::uint64_t n) { return random() % n; };
  auto link = pick(6) == 0 ? pick(d.link() + 2) : d.link();
  auto ask = pick(6) == 0 ? pick(d.last_ask() + 2) : d.last_ask();
  switch (pick(16)) {
  case 0:
    return start{pick(2) ? std::optional(resumable{"given", pick(2) ? "wss://r" : ""}) : std::nullopt,
                 purpose::start};
  case 1:
  case 2:
  case 3:
    return permit_granted{ask, random(), std::chrono::milliseconds(pick(20'000))};
  case 4:
    return permit_wait{ask, std::chrono::milliseconds(pick(8'000))};
  case 5:
    return permit_refused{ask, "why", "instead"};
  case 6:
  case 7:
    return hello{link, pick(1000)};
  case 8:
    return ready{link, "id" + std::to_string(random()), pick(3) ? "wss://r" : ""};
  case 9:
    return resumed{link};
  case 10:
    return reconnect{link};
  case 11:
    return invalid_session{link, pick(2) == 0};
  case 12:
    return closed{link, 4000, pick(3) == 0 ? reaction::identify : reaction::resume, ""};
  case 13:
    return connect_failed{link, "why", std::chrono::seconds(pick(3)), false};
  case 14:
    return replayed{link};
  default:
    return timer{};
  }
}

void feed_random(driver& d, std::mt19937_64& random) {
  d.pass(std::chrono::milliseconds(random() % (random() % 4 == 0 ? 40'000 : 300)));
  auto in = random_input(d, random);
  // What ends a link by itself ends it for the checker, too; what the machine must ignore does not.
  auto current = d.under_test().current_link();
  if (auto* x = std::get_if<closed>(&in); x && current == x->link)
    d.link_died(x->link);
  if (auto* x = std::get_if<connect_failed>(&in); x && current == x->link && d.in<connecting>())
    d.link_died(x->link);
  d.feed(in);
}

/// The peer and the ledger behave from now on.
void behave(driver& d) {
  if (d.in<idle>())
    d.feed(start{});
  for (int i = 0; i < 100 && !d.in<live>(); ++i) {
    if (d.in<asking>())
      d.grant(1'000'000'000 + i);
    else if (d.in<connecting>())
      d.feed(hello{d.link(), 3});
    else if (d.in<identifying>())
      d.feed(ready{d.link(), "good", "wss://good"});
    else if (d.in<resuming>())
      d.feed(resumed{d.link()});
    else
      d.expire();
  }
}

TEST(session_machine, keeps_its_promises_under_random_inputs_and_ends_live_when_they_become_good) {
  EXPECT_TRUE(rc::check([](std::uint64_t first_seed) {
    for (auto seed = first_seed * 50; seed < first_seed * 50 + 50; ++seed) {
      std::mt19937_64 random(seed);
      driver d(seed);
      for (int i = 0; i < 300; ++i)
        feed_random(d, random);
      behave(d);
      RC_ASSERT(d.in<live>() != nullptr);
      RC_ASSERT(d.under_test().known_session().has_value());
      RC_ASSERT(!::testing::Test::HasFailure());
    }
  }));
}

TEST(session_machine, is_silent_after_stop_whatever_comes) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    driver d(seed);
    for (int i = 0; i < 40; ++i)
      feed_random(d, random);
    d.feed(stop{4000});
    RC_ASSERT(!d.open());
    for (int i = 0; i < 60; ++i) {
      d.pass(1s);
      RC_ASSERT(d.feed(random_input(d, random)).empty());
    }
    RC_ASSERT(!::testing::Test::HasFailure());
  }));
}

} // namespace
} // namespace shardyard::session
