// A compaction of the position log in pieces, while events go on, sinks stall, the disk fails and the host
// dies: at any point the file gives back what a log that was never compacted would.
#include "actors/partition/position_log.hpp"
#include "tests/partition/cache_lines.hpp"
#include "tests/partition/partition_fixture.hpp"
#include "tests/shard/blocks.hpp"

#include <cerrno>
#include <fstream>
#include <optional>
#include <random>

namespace shardyard::testing {
namespace {

/// Fails when told to, in the middle of a write.
struct moody_disk final : disk {
  ssize_t write(int file, const void* bytes, std::size_t size) override {
    if (!broken)
      return disk::write(file, bytes, size);
    errno = ENOSPC;
    return size > 1 && !std::exchange(half, true) ? disk::write(file, bytes, size / 2) : -1;
  }
  int sync(int file) override { return broken ? -1 : disk::sync(file); }
  bool broken = false;
  bool half = false;
};

struct log_compaction : partition_rules {
  static constexpr int guilds = 12;

  scratch_folder folder;
  std::filesystem::path path = folder.path() / "positions.log";
  std::shared_ptr<moody_disk> device = std::make_shared<moody_disk>();
  std::optional<position_log> log;
  std::size_t committed = 0; ///< of w.log, which is never compacted
  test_shard a;
  int finished = 0, given_up = 0, crashes = 0;

  log_compaction() {
    w.settings.cache = cache_policy{};
    w.settings.cache->members = member_policy::seen;
    w.restart();
    open();
    a = w.start(old_shard, "A", all());
    for (auto guild : all())
      w.send(a, {guild_create(guild, 0, 10)});
    commit();
  }

  static std::vector<snowflake> all() {
    std::vector<snowflake> result;
    for (int i = 0; i < guilds; ++i)
      result.push_back(guild_no(static_cast<std::uint64_t>(i)));
    return result;
  }

  /// The file as the group's life begins with it.
  void open() {
    log.reset();
    log.emplace(path, device);
    ASSERT_TRUE(log->compact(w.log)) << log->error();
    committed = w.log.size();
  }

  /// Everything that the group has given out is in the file, or the disk is broken.
  bool commit() {
    w.log += w.group->take_log();
    auto was = log->compacting();
    auto ok = log->commit(std::string_view{w.log}.substr(committed));
    committed = w.log.size();
    note_end(was);
    return ok;
  }
  void note_end(bool was) {
    if (was && !log->compacting()) {
      ++given_up;
      w.group->end_compaction();
    }
  }
  void checkpoint() {
    w.group->checkpoint(w.now, true);
    commit();
  }

  bool begin() {
    checkpoint();
    if (log->pending_bytes() > 0)
      return false; // the disk is broken: as the group's actor, which waits until all is written
    auto state = w.group->begin_compaction();
    if (!state)
      return false;
    if (log->begin_compaction(*state))
      return true;
    w.group->end_compaction();
    return false;
  }
  void piece() {
    if (!commit() || !log->compacting())
      return;
    if (auto bytes = w.group->next_piece(1); !bytes.empty()) {
      log->add_piece(bytes);
      note_end(true);
    }
  }
  void finish() {
    if (!log->compacting() || !w.group->compaction_whole())
      return;
    w.group->checkpoint(w.now, true);
    if (!commit() || !log->compacting())
      return;
    if (log->finish_compaction())
      ++finished;
    else
      ++given_up;
    w.group->end_compaction();
  }

  static recovered_state state_in(std::string_view records) {
    std::size_t used = 0;
    auto state = decode_log(records, used);
    state.settle();
    return state;
  }
  std::string records_of_file() const {
    std::ifstream in{path, std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{in}, {}};
    return bytes.substr(std::min(bytes.size(), position_log::magic_bytes));
  }

  /// What the host would begin with if it died now.
  void expect_the_file_to_be_as_good_as_the_whole_log() {
    if (log->pending_bytes() > 0)
      return; // not written: nothing of it was given out either
    partition_group from_file{w.settings, state_in(records_of_file()), w.now};
    partition_group from_whole{w.settings, state_in(std::string_view{w.log}.substr(0, committed)), w.now};
    for (auto guild : all()) {
      auto mine = from_file.describe({{guild}, 0, 50}), whole = from_whole.describe({{guild}, 0, 50});
      ASSERT_EQ(mine.guilds[0].n, whole.guilds[0].n);
      ASSERT_EQ(mine.bytes, whole.bytes);
      ASSERT_EQ(describe(from_file, guild), describe(from_whole, guild));
    }
  }

  void die_and_come_back() {
    ++crashes;
    device->broken = device->half = false;
    commit();
    w.waiting.clear();
    w.crash();
    log.reset(); // and with it the second file, as the next start would remove it
    w.sink_stalled = false;
    w.log = records_of_file();
    w.restart();
    open();
    w.resync(a);
    w.take_acks(a);
    commit();
  }
};

TEST_F(log_compaction, in_pieces_keeps_what_happens_between_them) {
  for (int i = 0; i < 300; ++i)
    w.send(a, {topic(guild_no(static_cast<std::uint64_t>(i % guilds)), i)});
  ASSERT_TRUE(begin());
  int pieces = 0;
  while (!w.group->compaction_whole()) {
    w.send(a, {topic(guild_no(static_cast<std::uint64_t>(pieces % guilds)), 100 + pieces)});
    w.send(a, {joins(guild_no(static_cast<std::uint64_t>(guilds - 1 - pieces % guilds)), 500 + pieces)});
    piece();
    ++pieces;
    expect_the_file_to_be_as_good_as_the_whole_log();
  }
  EXPECT_EQ(pieces, guilds) << "one guild a piece, if a byte is asked for";
  auto before = log->size();
  finish();
  EXPECT_EQ(finished, 1);
  EXPECT_LT(log->size(), before);
  checkpoint();
  expect_the_file_to_be_as_good_as_the_whole_log();
}

TEST_F(log_compaction, is_not_over_before_what_its_caches_contain_is_accepted) {
  ASSERT_TRUE(begin());
  w.sink_stalled = true;
  w.send(a, {topic(guild_no(3), 9)});
  for (int i = 0; i < guilds; ++i)
    piece();
  EXPECT_TRUE(w.group->next_piece(1).empty());
  EXPECT_FALSE(w.group->compaction_whole());
  expect_the_file_to_be_as_good_as_the_whole_log();
  w.sink_stalled = false;
  w.settle();
  EXPECT_TRUE(w.group->compaction_whole());
  finish();
  EXPECT_EQ(finished, 1);
  expect_the_file_to_be_as_good_as_the_whole_log();
}

TEST_F(log_compaction, of_a_guild_that_is_left_meanwhile_brings_nothing_back) {
  ASSERT_TRUE(begin());
  w.send(a, {{"GUILD_DELETE", guild_no(0), 0, "{\"id\":\"" + std::to_string(guild_no(0)) + "\"}"}});
  while (!w.group->compaction_whole())
    piece();
  finish();
  expect_the_file_to_be_as_good_as_the_whole_log();
  die_and_come_back();
  EXPECT_EQ(describe(*w.group, guild_no(0)), "");
}

TEST_F(log_compaction, interrupted_anywhere_recovers_to_the_right_state) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random{seed};
  auto below = [&](std::uint64_t n) { return random() % n; };
  for (int i = 0; i < 6000 && !HasFatalFailure(); ++i) {
    auto guild = guild_no(below(guilds));
    auto number = static_cast<int>(below(1000));
    switch (below(16)) {
    case 0:
      w.sink_stalled = !w.sink_stalled;
      w.settle();
      break;
    case 1:
      checkpoint();
      break;
    case 2:
      if (!log->compacting())
        begin();
      break;
    case 3:
    case 4:
    case 5:
    case 6:
      piece();
      break;
    case 7:
      finish();
      break;
    case 8:
      if (below(8) == 0)
        device->broken = true;
      break;
    case 9:
      device->broken = device->half = false;
      break;
    case 10:
      w.send(a, {guild_create(guild, number, 10)});
      break;
    case 11:
      if (below(40) == 0)
        die_and_come_back();
      break;
    case 12:
      w.send(a, {joins(guild, number)});
      break;
    default:
      w.send(a, {topic(guild, number)});
    }
    commit();
    if (below(4) == 0)
      expect_the_file_to_be_as_good_as_the_whole_log();
  }
  device->broken = device->half = w.sink_stalled = false;
  w.settle();
  checkpoint();
  std::map<snowflake, std::string> before;
  for (auto guild : all())
    before[guild] = describe(*w.group, guild);
  die_and_come_back();
  for (auto guild : all())
    EXPECT_EQ(describe(*w.group, guild), before[guild]);
  EXPECT_GT(finished, 20);
  EXPECT_GT(given_up, 5);
  EXPECT_GT(crashes, 2);
}

} // namespace
} // namespace shardyard::testing
