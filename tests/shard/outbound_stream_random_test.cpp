// A stream under random restarts, bounds and acknowledgements, beside a list of what must come.
#include "tests/shard/stream_items.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>
#include <map>
#include <random>

namespace shardyard {
namespace {

/// A group that may restart at any time, beside a list of what must come.
class random_group {
public:
  random_group(std::uint64_t seed, std::filesystem::path folder)
      : random_(seed), stream_(draw_limits(), {std::move(folder), 5'000 + random_() % 40'000, 4'000}) {}

  void step() {
    switch (random_() % 10) {
    case 0:
    case 1:
    case 2:
    case 3:
      push();
      break;
    case 4:
    case 5:
    case 6:
      send();
      break;
    case 7:
    case 8:
      acknowledge();
      break;
    default:
      if (random_() % 5 == 0)
        restart();
    }
    check();
  }

  /// The group takes and acknowledges everything; nothing may be missing at the end.
  void drain() {
    while (!expected_.empty() || !stream_.empty()) {
      auto before = expected_.size();
      while (send()) {
      }
      RC_ASSERT(stream_.acked(sent_through_));
      forget(sent_through_);
      check();
      RC_ASSERT(expected_.size() < before);
    }
    RC_ASSERT(!stream_.full());
    RC_ASSERT(stream_.bytes_held() == 0u);
  }

private:
  struct wanted {
    std::string text;
    std::string session; ///< empty: a mark
    std::uint64_t first_s = 0;
  };

  stream_limits draw_limits() {
    stream_limits limits;
    limits.credit_events = 1 + random_() % 20;
    limits.credit_bytes = 200 + random_() % 4000;
    limits.memory_bytes = 500 + random_() % 8000;
    return limits;
  }

  void push() {
    stream_item item;
    wanted next;
    if (random_() % 8 == 0) {
      if (random_() % 3 == 0)
        session_ = "s" + std::to_string(++sessions_), s_ = 0;
      item = make_mark(mark_kind::flushed, std::to_string(random_()));
    } else {
      std::vector<test_event> events;
      for (auto n = 1 + random_() % 4; n > 0; --n)
        events.push_back({random_() % 9, s_ += 1 + random_() % 3, std::string(random_() % 800, 'x')});
      next.session = session_;
      next.first_s = events.front().s;
      item = make_block(events, session_);
    }
    next.text = text_of(item);
    expected_.push_back(next);
    stream_.push(std::move(item));
  }

  bool send() {
    auto next = stream_.next_to_send();
    if (!next)
      return false;
    RC_ASSERT(next->ordinal == sent_through_ + 1);
    auto at = next->ordinal - acked_through_ - 1;
    RC_ASSERT(at < expected_.size());
    RC_ASSERT(text_of(next->item) == expected_[at].text);
    sent_through_ = next->ordinal;
    return true;
  }

  void acknowledge() {
    auto through = acked_through_ + random_() % (sent_through_ - acked_through_ + 2);
    RC_ASSERT(stream_.acked(through) == (through <= sent_through_));
    if (through <= sent_through_)
      forget(through);
  }

  void forget(std::uint64_t through) {
    for (; acked_through_ < through; ++acked_through_)
      expected_.pop_front();
  }

  void restart() {
    auto mark = make_mark(mark_kind::resynced, std::to_string(random_()));
    if (!expected_.empty() && expected_.front().text.starts_with("mark 1 "))
      expected_.pop_front();
    expected_.push_front({text_of(stream_item{mark}), "", 0});
    stream_.restart(mark);
    acked_through_ = sent_through_ = 0;
  }

  void check() {
    std::map<std::string, std::uint64_t> lowest;
    for (auto& x : expected_)
      if (!x.session.empty())
        lowest.try_emplace(x.session, x.first_s);
    for (int i = 0; i <= sessions_; ++i) {
      auto session = "s" + std::to_string(i);
      auto told = stream_.oldest_unacked_s(session);
      RC_ASSERT(told.has_value() == lowest.contains(session));
      if (told)
        RC_ASSERT(*told <= lowest[session]);
    }
  }

  std::mt19937_64 random_;
  outbound_stream stream_;
  std::deque<wanted> expected_;
  std::uint64_t acked_through_ = 0;
  std::uint64_t sent_through_ = 0;
  std::string session_ = "s0";
  int sessions_ = 0;
  std::uint64_t s_ = 0;
};

TEST(outbound_stream,
     under_random_restarts_bounds_and_acknowledgements_nothing_is_lost_doubled_or_reordered) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    scratch_folder folder;
    {
      random_group group(seed, folder.path());
      for (int i = 0; i < 400; ++i)
        group.step();
      group.drain();
    }
    RC_ASSERT(folder.files() == 0u);
  }));
}

} // namespace
} // namespace shardyard
