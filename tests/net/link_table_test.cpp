#include "net/link_table.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <vector>

namespace shardyard::net {
namespace {

using std::chrono::milliseconds;
using time_point = link_table::time;

/// Two nodes that dial each other as they like, with what CAF makes of it (libcaf_io, basp/instance.cpp): a
/// node knows the other by one connection; whichever handshake comes second is ignored where it was accepted
/// and closes the connection where it was dialled; a connection that is known on one side only brings nothing
/// back and is closed there after three seconds.
class pair_of_nodes {
public:
  pair_of_nodes(unsigned seed, bool use_table) : random_(seed), use_table_(use_table) {
    for (int i : {0, 1}) {
      sides_[i].table = std::make_shared<link_table>(i == 0 ? "a" : "b");
      at(some(1500), [this, i] { look(i); });
    }
    if (coin())
      leave_one_behind(coin() ? 1 : 0);
  }

  void run(milliseconds length) {
    auto end = now_ + length;
    while (!events_.empty() && events_.begin()->first <= end) {
      now_ = events_.begin()->first;
      auto step = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      step();
    }
    now_ = end;
  }

  bool joined() const { return sides_[0].known && sides_[0].known == sides_[1].known; }

private:
  struct connection {
    int dialler = 0;
    std::array<bool, 2> open{true, true};
    std::array<link_table::held, 2> held;
  };
  struct side {
    std::shared_ptr<link_table> table;
    std::optional<int> known;
    bool dialling = false;
  };

  milliseconds some(int most) { return milliseconds{std::uniform_int_distribution<int>{0, most}(random_)}; }
  bool coin() { return some(1) == milliseconds{1}; }
  void at(milliseconds later, std::function<void()> step) { events_.emplace(now_ + later, std::move(step)); }
  milliseconds travel() { return some(40); }

  /// A connection of the time before, which `i` still takes for alive.
  void leave_one_behind(int i) {
    auto id = make(1 - i);
    auto& x = connections_[id];
    std::string why;
    if (use_table_)
      x.held[i] =
          sides_[i].table->accepted({name(1 - i), false}, closer(id, i), now_ - milliseconds{5000}, why);
    x.open[1 - i] = false;
    sides_[i].known = id;
    at(some(3000), [this, id, i] { close(id, i); });
  }

  static std::string name(int i) { return i == 0 ? "a" : "b"; }
  int make(int dialler) {
    connections_.push_back({});
    connections_.back().dialler = dialler;
    return static_cast<int>(connections_.size()) - 1;
  }
  link_table::end closer(int id, int i) {
    return [this, id, i] { at(milliseconds{1}, [this, id, i] { close(id, i); }); };
  }

  /// Closes one end; the other one hears of it.
  void close(int id, int i) {
    auto& x = connections_[id];
    if (!x.open[i])
      return;
    x.open[i] = false;
    x.held[i] = nullptr;
    if (sides_[i].known == id)
      sides_[i].known.reset();
    at(travel(), [this, id, i] { close(id, 1 - i); });
  }

  void look(int i) {
    at(milliseconds{300} + some(1200), [this, i] { look(i); });
    if (sides_[i].known || sides_[i].dialling)
      return;
    sides_[i].dialling = true;
    auto id = make(i);
    at(travel(), [this, id] { greet(id); });
  }

  void fail(int id) {
    auto i = connections_[id].dialler;
    sides_[i].dialling = false;
    close(id, i);
    close(id, 1 - i);
  }

  void greet(int id) {
    auto i = connections_[id].dialler;
    peer_greeting greeting{name(i), false};
    std::string why;
    if (use_table_ && !sides_[i].table->greet(name(1 - i), now_, greeting, why))
      return fail(id);
    at(travel(), [this, id, greeting] { accept(id, greeting); });
  }

  void accept(int id, const peer_greeting& greeting) {
    auto i = 1 - connections_[id].dialler;
    std::string why;
    if (use_table_) {
      connections_[id].held[i] = sides_[i].table->accepted(greeting, closer(id, i), now_, why);
      if (!connections_[id].held[i])
        return fail(id);
    }
    at(travel(), [this, id] { enter(id); });
  }

  void enter(int id) {
    auto i = connections_[id].dialler;
    if (!connections_[id].open[i])
      return fail(id);
    if (use_table_) {
      std::string why;
      connections_[id].held[i] = sides_[i].table->dialled(name(1 - i), closer(id, i), now_, why);
      if (!connections_[id].held[i])
        return fail(id);
    }
    sides_[i].dialling = false;
    if (sides_[i].known)
      return close(id, i);
    know(id, i);
    at(travel(), [this, id, i] {
      if (connections_[id].open[1 - i] && !sides_[1 - i].known)
        know(id, 1 - i);
    });
  }

  void know(int id, int i) {
    sides_[i].known = id;
    at(milliseconds{3000}, [this, id, i] {
      if (sides_[i].known == id && sides_[1 - i].known != id)
        close(id, i);
    });
  }

  std::mt19937 random_;
  bool use_table_;
  time_point now_{std::chrono::hours(1)};
  std::multimap<time_point, std::function<void()>> events_;
  std::array<side, 2> sides_;
  std::vector<connection> connections_;
};

int not_joined(bool use_table, milliseconds after) {
  auto result = 0;
  for (unsigned seed = 1; seed <= 5000; ++seed) {
    pair_of_nodes nodes{seed, use_table};
    nodes.run(after);
    result += nodes.joined() ? 0 : 1;
  }
  return result;
}

TEST(link_table, two_nodes_that_dial_each_other_at_any_moments_end_with_one_connection_that_both_use) {
  EXPECT_EQ(not_joined(true, milliseconds{12'000}), 0);
}

TEST(link_table, without_it_they_may_miss_each_other_for_long) {
  EXPECT_GT(not_joined(false, milliseconds{12'000}), 50);
}

/// A node's table at one moment, and how many connections it has ended.
struct table_of {
  explicit table_of(const std::string& node) : table(std::make_shared<link_table>(node)) {}

  auto accepts(const std::string& peer, bool linked = false) {
    return table->accepted(
        {peer, linked}, [this] { ++ended; }, now, why);
  }
  auto dials(const std::string& peer) {
    return table->dialled(
        peer, [this] { ++ended; }, now, why);
  }

  std::shared_ptr<link_table> table;
  time_point now{std::chrono::hours(1)};
  std::string why;
  int ended = 0;
};

TEST(link_table, who_has_lost_a_connection_is_let_in_once_the_older_one_is_closed) {
  table_of a{"a"};
  auto old = a.accepts("b");
  ASSERT_TRUE(old);
  a.now += link_table::fresh;
  EXPECT_FALSE(a.accepts("b"));
  EXPECT_EQ(a.ended, 1);
  EXPECT_EQ(a.why, "an earlier connection with it is ended first");
  EXPECT_TRUE(a.accepts("c")) << "another node";
  old = nullptr;
  EXPECT_TRUE(a.accepts("b"));
}

TEST(link_table, who_says_that_it_has_a_connection_is_let_in_and_the_other_one_stays) {
  table_of a{"a"};
  auto first = a.dials("b");
  peer_greeting greeting;
  EXPECT_FALSE(a.table->greet("b", a.now, greeting, a.why)) << "the other side may not know it yet";
  a.now += link_table::fresh;
  ASSERT_TRUE(a.table->greet("b", a.now, greeting, a.why));
  EXPECT_TRUE(greeting.linked);
  EXPECT_EQ(greeting.node, "a");
  EXPECT_TRUE(a.accepts("b", true));
  EXPECT_EQ(a.ended, 0);
}

TEST(link_table, of_two_that_cross_the_one_stays_that_the_lesser_name_has_dialled) {
  table_of lesser{"a"};
  auto from_b = lesser.accepts("b");
  EXPECT_TRUE(lesser.dials("b"));
  EXPECT_EQ(lesser.ended, 1);
  table_of greater{"b"};
  auto from_a = greater.accepts("a");
  EXPECT_FALSE(greater.dials("a"));
  EXPECT_EQ(greater.ended, 0);
}

} // namespace
} // namespace shardyard::net
