// The copy of a position log on a second host, while the log's own disk refuses what it is given: a host that
// adopts the group from the copy must find everything there that a shard was told it may forget.
#include "actors/node/kept_copies.hpp"
#include "actors/partition/position_log.hpp"
#include "tests/actors/full_disk_scene.hpp"

#include <fstream>

namespace shardyard::testing {
namespace {

/// A node as far as it keeps copies.
using keeper_actor = caf::typed_actor<caf::result<copy_kept>(copy_append)>;

struct keeper_record {
  explicit keeper_record(std::filesystem::path folder) : copies(std::move(folder)) {}
  kept_copies copies;
  std::size_t appends = 0;
  bool away = false;
};

node_actor spawn_keeper(caf::actor_system& system, std::shared_ptr<keeper_record> record) {
  auto keeper = system.spawn([record](keeper_actor::pointer) -> keeper_actor::behavior_type {
    return {[record](const copy_append& x) -> caf::result<copy_kept> {
      if (record->away)
        return caf::make_error(caf::sec::runtime_error, "away");
      ++record->appends;
      return record->copies.append(x);
    }};
  });
  return caf::actor_cast<node_actor>(caf::actor_cast<caf::strong_actor_ptr>(keeper));
}

struct a_copy_of_a_full_disks_log : full_disk_scene {
  std::shared_ptr<keeper_record> kept = std::make_shared<keeper_record>(folder.path() / "copies");
  node_actor keeper = w.keep(spawn_keeper(w.system, kept));

  void keep_a_copy() {
    w.send(caf::actor_cast<local_partition_group_actor>(group), copy_keeper{"b", keeper});
  }

  /// Ten events that are delivered, and whose positions the disk refuses.
  void ten_refused_events() {
    log_disk->full = true;
    for (int i = 0; i < 10; ++i)
      events();
    w.pass(1s);
    ASSERT_EQ(sink->sequences.size(), 11u);
    ASSERT_EQ(heard->acknowledged(), 2u);
  }
  std::string log_records() const {
    std::ifstream in{folder.path() / position_log_name({1, 1, "a", {0, 1}}), std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{in}, {}};
    return bytes.substr(position_log::magic_bytes);
  }
  /// Acknowledged to the shard, and found by whoever reads the copy.
  void expect_in_the_copy(std::uint64_t through) {
    EXPECT_EQ(heard->acknowledged(), through);
    auto copy = kept->copies.read(1, 1).value_or(""), log = log_records();
    EXPECT_TRUE(copy == log) << "the copy has " << copy.size() << " bytes, the log " << log.size();
  }
};

TEST_F(a_copy_of_a_full_disks_log, is_not_begun_before_the_disk_has_taken_what_it_refused) {
  begin();
  ten_refused_events();
  keep_a_copy();
  w.pass(5s);
  EXPECT_EQ(kept->appends, 0u) << "what the log lacks the copy would lack for good";
  log_disk->full = false;
  w.pass(1s);
  expect_in_the_copy(12);
  events();
  w.pass(1s);
  expect_in_the_copy(13);
}

TEST_F(a_copy_of_a_full_disks_log, that_was_lost_meanwhile_is_begun_again_with_what_the_disk_refused) {
  begin();
  keep_a_copy();
  w.pass(1s);
  expect_in_the_copy(2);
  kept->away = true;
  events();
  w.pass(1s); // now the copy is lost, and due a second later
  log_disk->full = true;
  for (int i = 0; i < 10; ++i)
    events();
  w.pass(5s);
  kept->away = false;
  auto before = kept->appends;
  w.pass(5s);
  EXPECT_EQ(kept->appends, before);
  log_disk->full = false;
  w.pass(2s);
  expect_in_the_copy(13);
}

TEST_F(a_copy_of_a_full_disks_log, that_is_whole_goes_on_with_what_the_disk_refused) {
  begin();
  keep_a_copy();
  ten_refused_events();
  log_disk->full = false;
  w.pass(1s);
  expect_in_the_copy(12);
}

} // namespace
} // namespace shardyard::testing
