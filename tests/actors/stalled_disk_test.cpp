// A disk under the position log that stalls or is full: what waits for it and what must not.
#include "tests/actors/full_disk_scene.hpp"
#include "tests/actors/live_scene.hpp"

namespace shardyard::testing {
namespace {

/// Takes nothing until it is released.
class stalling_disk final : public disk {
public:
  ssize_t write(int file, const void* bytes, std::size_t size) override {
    pass();
    return disk::write(file, bytes, size);
  }
  int sync(int file) override {
    pass();
    return disk::sync(file);
  }
  void stall(bool on) {
    std::lock_guard lock{mutex_};
    stalled_ = on;
    changed_.notify_all();
  }
  void await_somebody() {
    std::unique_lock lock{mutex_};
    EXPECT_TRUE(changed_.wait_for(lock, 20s, [this] { return inside_ > 0; })) << "nobody writes to the log";
  }

private:
  void pass() {
    std::unique_lock lock{mutex_};
    ++inside_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !stalled_; });
    --inside_;
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stalled_ = false;
  int inside_ = 0;
};

struct a_stalled_disk : live_scene {
  std::shared_ptr<stalling_disk> stalling = std::make_shared<stalling_disk>();

  a_stalled_disk() : live_scene(quick_heartbeats()) {}
  ~a_stalled_disk() override { stalling->stall(false); }

  /// The simulated Discord drops who misses one of these.
  static sim::settings quick_heartbeats() {
    auto result = long_memory();
    result.heartbeat_interval = 600ms;
    return result;
  }
};

TEST_F(a_stalled_disk, delays_no_heartbeat_and_no_reading_and_loses_nothing) {
  auto setup = group_setup();
  setup.log_disk = stalling;
  spawn_group(std::move(setup));
  shard_key key{1, 0, 1};
  shard(key);
  await_ready(key);
  discord.rate(300);
  await_events(100);
  stalling->stall(true);
  stalling->await_somebody();
  // 600 events take three heartbeats.
  auto before = record->now().shards.at(key).events;
  auto delivered = record->now().events;
  record->await("a shard that reads on", [&](auto& x) { return x.shards.at(key).events >= before + 600; });
  EXPECT_EQ(record->now().shards.at(key).resumes, 0u);
  EXPECT_EQ(record->now().shards.at(key).phase, shard_phase::live);
  stalling->stall(false);
  discord.rate(0);
  // What the shard tells of itself is up to 100 ms old.
  record->await("what was read meanwhile", [&](auto& x) { return x.events >= delivered + 500; });
  expect_unbroken(record->now());
}

// ---- a disk that is full, in virtual time

struct a_full_disk : full_disk_scene {
  void interaction() {
    auto block = std::make_shared<event_block>(*make_block({{some_guild, ++s}}));
    block->entries[0].lane = lane::keyed;
    block->entries[0].key = 1000 + s;
    block->entries[0].type = find_event_type("INTERACTION_CREATE");
    w.send_as(shard, group, stream_block{++ordinal, stream, 1, block});
  }
};

TEST_F(a_full_disk, acknowledges_nothing_that_it_does_not_hold_and_delivers_on) {
  begin();
  log_disk->full = true;
  for (int i = 0; i < 100; ++i)
    events();
  w.pass(60s);
  EXPECT_EQ(sink->sequences.size(), 101u) << "their positions are written after them";
  EXPECT_EQ(heard->acknowledged(), 2u);
  EXPECT_LE(w.pending_timers(), 4u);
  log_disk->full = false;
  w.pass(1s);
  EXPECT_EQ(heard->acknowledged(), 102u);
}

TEST_F(a_full_disk, keeps_nothing_back_for_the_positions_of_what_is_delivered_already) {
  begin();
  log_disk->full = true;
  events();
  w.pass(1s); // its position is due, and cannot be written
  events();
  w.pass(1s);
  EXPECT_EQ(sink->sequences, (std::vector<std::uint64_t>{2, 3, 4}));
  EXPECT_EQ(heard->acknowledged(), 2u);
}

TEST_F(a_full_disk, keeps_back_what_must_be_written_before_it_is_delivered) {
  begin();
  log_disk->full = true;
  interaction();
  events();
  w.pass(60s);
  EXPECT_EQ(sink->sequences, std::vector<std::uint64_t>{2});
  log_disk->full = false;
  w.pass(1s);
  EXPECT_EQ(sink->sequences, (std::vector<std::uint64_t>{2, 3, 4}));
  EXPECT_EQ(sink->delivery_numbers, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(heard->acknowledged(), 4u);
}

TEST_F(a_full_disk, an_acknowledgement_of_an_older_stream_is_not_given_to_the_newer_one) {
  begin();
  log_disk->full = true;
  for (int i = 0; i < 10; ++i)
    events();
  w.pass(1s);
  stream = 2;
  ordinal = 0;
  s = 1;
  mark(mark_kind::resynced);
  log_disk->full = false;
  w.pass(1s);
  for (auto& x : heard->stream) {
    EXPECT_TRUE(x.stream != 2 || x.through <= 1) << x.through;
  }
}

TEST_F(a_full_disk, is_survived_by_what_was_acknowledged) {
  begin();
  log_disk->full = true;
  for (int i = 0; i < 10; ++i)
    events();
  w.pass(1s);
  w.end(group);
  log_disk->full = false;
  group = spawn(log_disk);
  stream = 2;
  ordinal = 0;
  s = 2; // what was acknowledged
  mark(mark_kind::resynced);
  for (int i = 0; i < 10; ++i)
    events();
  w.pass(1s);
  ASSERT_EQ(sink->sequences.size(), 21u);
  EXPECT_EQ(sink->delivery_numbers.back(), 11u) << "the ten that came again have their numbers again";
}

} // namespace
} // namespace shardyard::testing
