// The append log beside the partitions: what is read back after a crash at any byte, and what a compaction
// keeps.
#include "actors/partition/position_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace shardyard {
namespace {

using ::testing::IsEmpty;

constexpr scope logged_guild{scope_kind::guild, 81384788765712384};

struct position_logs : ::testing::Test {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("position_log." + std::to_string(::getpid()));
  std::filesystem::path path = folder / "positions.log";

  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string bytes() const {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  void write(std::string_view x) const {
    std::ofstream out{path, std::ios::binary | std::ios::trunc};
    out.write(x.data(), static_cast<std::streamsize>(x.size()));
  }
};

position position_of(std::uint64_t n, std::uint64_t epoch = 1) {
  position x;
  x.at = logged_guild;
  x.n = n;
  x.epoch = epoch;
  x.known = true;
  x.sides[0] = {1, n * 10, 3};
  return x;
}

logged_session session(std::uint32_t number, std::uint32_t topology) {
  return {number,
          topology == 1 ? side::first : side::second,
          {{topology, 0, 1}, "S" + std::to_string(number)},
          0,
          false};
}

event_block block_with(std::string d, std::uint64_t s) {
  event_block block;
  block.from = {{2, 0, 1}, "S2"};
  event_entry e;
  e.guild = logged_guild.id;
  e.s = s;
  e.d_size = static_cast<std::uint32_t>(d.size());
  block.bytes = std::make_shared<const std::string>(std::move(d));
  block.entries.push_back(e);
  return block;
}

std::vector<std::string> sample_records() {
  std::vector<std::string> result(6);
  write_record(result[0], session(1, 1));
  write_record(result[1], session(2, 2));
  write_record(result[2], position_of(5));
  write_record(
      result[3],
      logged_cut{logged_guild, 5, 2, cut_kind::anchor, false, side::second, 2, 8, {block_with("{}", 8)}});
  write_record(result[4], logged_key{logged_guild, 4, false, {3, 99}});
  write_record(result[5], position_of(7, 2));
  return result;
}

TEST_F(position_logs, everything_committed_is_read_back) {
  {
    position_log log{path};
    for (auto& x : sample_records())
      EXPECT_TRUE(log.commit(x));
    EXPECT_TRUE(log.commit({}, {{"file", "123"}}));
    EXPECT_TRUE(log.sync());
  }
  position_log log{path};
  auto state = log.take_recovered();
  EXPECT_EQ(state.records, 7u);
  EXPECT_EQ(state.torn_bytes, 0u);
  EXPECT_EQ(state.positions.at(logged_guild), position_of(7, 2));
  EXPECT_EQ(state.sessions.at(2).from.session_id, "S2");
  EXPECT_EQ(state.sinks.at("file"), "123");
  ASSERT_EQ(state.cuts.size(), 1u);
  auto& cut = state.cuts.begin()->second;
  ASSERT_EQ(cut.rest.size(), 1u);
  EXPECT_EQ(cut.rest[0].data(cut.rest[0].entries[0]), "{}");
  EXPECT_EQ(cut.rest[0].entries[0].s, 8u);
  EXPECT_EQ(cut.through_s, 8u);
  ASSERT_EQ(state.keys.size(), 1u);
  EXPECT_EQ(state.keys[0].key.id, 99u);
}

TEST_F(position_logs, a_file_cut_off_at_any_byte_gives_the_records_before_it_and_goes_on) {
  std::vector<std::size_t> ends;
  {
    position_log log{path};
    for (auto& x : sample_records()) {
      log.commit(x);
      ends.push_back(log.size());
    }
  }
  auto whole = bytes();
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    write(std::string_view{whole}.substr(0, size));
    auto good =
        static_cast<std::uint64_t>(std::ranges::count_if(ends, [&](auto end) { return end <= size; }));
    {
      position_log log{path};
      auto state = log.take_recovered();
      ASSERT_EQ(state.records, good) << "cut off at byte " << size;
      auto last = good == 0 ? std::min<std::size_t>(size, 8) : ends[good - 1];
      ASSERT_EQ(state.torn_bytes, size - (size >= 8 && good == 0 ? 8 : good == 0 ? 0 : last)) << size;
      std::string more;
      write_record(more, position_of(9, 3));
      ASSERT_TRUE(log.commit(more));
    }
    position_log again{path};
    auto state = again.take_recovered();
    ASSERT_EQ(state.records, good + 1) << "cut off at byte " << size;
    ASSERT_EQ(state.positions.at(logged_guild).n, 9u);
  }
}

TEST_F(position_logs, a_damaged_byte_ends_the_log_before_its_record) {
  std::vector<std::size_t> ends;
  {
    position_log log{path};
    for (auto& x : sample_records()) {
      log.commit(x);
      ends.push_back(log.size());
    }
  }
  auto whole = bytes();
  for (std::size_t at = 8; at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write(damaged);
    position_log log{path};
    auto before =
        static_cast<std::uint64_t>(std::ranges::count_if(ends, [&](auto end) { return end <= at; }));
    ASSERT_EQ(log.take_recovered().records, before) << "byte " << at;
  }
}

TEST_F(position_logs, another_kind_of_file_is_refused_and_left_alone) {
  write("{\"this\":\"is json\"}");
  EXPECT_THROW(position_log{path}, std::runtime_error);
  EXPECT_EQ(bytes(), "{\"this\":\"is json\"}");
}

TEST_F(position_logs, a_compaction_keeps_the_snapshot_the_sinks_and_what_follows) {
  {
    position_log log{path};
    for (auto& x : sample_records())
      log.commit(x);
    log.commit({}, {{"file", "55"}});
    std::string snapshot;
    write_record(snapshot, position_of(8, 2));
    ASSERT_TRUE(log.compact(snapshot));
    std::string more;
    write_record(more, session(3, 1));
    ASSERT_TRUE(log.commit(more));
  }
  position_log log{path};
  auto state = log.take_recovered();
  EXPECT_EQ(state.records, 3u);
  EXPECT_EQ(state.positions.at(logged_guild).n, 8u);
  EXPECT_EQ(state.sinks.at("file"), "55");
  EXPECT_TRUE(state.sessions.contains(3));
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".new"));
}

TEST_F(position_logs, a_path_that_cannot_be_opened_is_an_error_that_names_it) {
  try {
    position_log log{folder / "missing" / "positions.log"};
    FAIL() << "opened";
  } catch (const std::system_error& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr("missing/positions.log"));
  }
}

// A limit on the file's size stands for a full disk: write(2) takes a part and then fails.
TEST_F(position_logs, a_full_disk_loses_nothing_and_says_so) {
  {
    position_log log{path};
    std::string record;
    write_record(record, position_of(1));
    ASSERT_TRUE(log.commit(record));
    auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit old_limit{};
    ::getrlimit(RLIMIT_FSIZE, &old_limit);
    auto limit = old_limit;
    limit.rlim_cur = log.size() + 10;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    record.clear();
    write_record(record, position_of(2));
    auto first = log.commit(record);
    auto error = log.error();
    record.clear();
    write_record(record, position_of(3));
    auto second = log.commit(record);
    auto pending = log.pending_bytes();
    ::setrlimit(RLIMIT_FSIZE, &old_limit);
    std::signal(SIGXFSZ, old_handler);
    EXPECT_FALSE(first);
    EXPECT_FALSE(second);
    EXPECT_THAT(error, ::testing::HasSubstr("positions.log"));
    EXPECT_GT(pending, record.size());
    EXPECT_TRUE(log.commit({}));
    EXPECT_THAT(log.error(), IsEmpty());
  }
  position_log log{path};
  auto state = log.take_recovered();
  EXPECT_EQ(state.records, 3u);
  EXPECT_EQ(state.torn_bytes, 0u);
  EXPECT_EQ(state.positions.at(logged_guild).n, 3u);
}

// -- what the records add up to -----------------------------------------------

recovered_state state_of(const std::vector<std::string>& records) {
  std::string all;
  for (auto& x : records)
    all += x;
  std::size_t used = 0;
  return decode_log(all, used);
}

delivered_line line(std::uint64_t n, std::uint64_t epoch, std::uint32_t topology, std::uint64_t s,
                    std::string t) {
  return {logged_guild.id,           0, n, epoch, {{topology, 0, 1}, "S" + std::to_string(topology)}, s, t,
          t.starts_with("SHARDYARD")};
}

TEST(recovered_states, a_sink_that_has_more_than_the_log_is_believed) {
  auto state = state_of(sample_records());
  state.apply_tail(line(8, 2, 2, 40, "MESSAGE_CREATE"));
  state.apply_tail(line(9, 2, 2, 41, "INTERACTION_CREATE"));
  auto& x = state.positions.at(logged_guild);
  EXPECT_EQ(x.n, 9u);
  EXPECT_EQ(x.sides[1].session, 2u);
  EXPECT_EQ(x.sides[1].lane_s, 40u);
  EXPECT_EQ(x.sides[1].other_s, 41u);
}

TEST(recovered_states, an_older_line_changes_nothing) {
  auto state = state_of(sample_records());
  state.apply_tail(line(3, 1, 1, 20, "MESSAGE_CREATE"));
  EXPECT_EQ(state.positions.at(logged_guild), position_of(7, 2));
}

TEST(recovered_states, a_cut_that_no_sink_has_seen_is_undone) {
  auto records = sample_records();
  records.pop_back();
  auto state = state_of(records);
  state.settle();
  EXPECT_THAT(state.cuts, IsEmpty());
  EXPECT_EQ(state.positions.at(logged_guild).lead, side::first);
}

TEST(recovered_states, a_cut_line_in_the_sink_makes_the_cut_valid) {
  auto records = sample_records();
  records.pop_back();
  auto state = state_of(records);
  state.apply_tail(line(5, 2, 2, 0, "SHARDYARD_CUT"));
  state.settle();
  EXPECT_EQ(state.cuts.size(), 1u);
  EXPECT_EQ(state.positions.at(logged_guild).lead, side::second);
}

TEST(recovered_states, a_key_beyond_the_position_claims_its_number_and_was_not_delivered_as_far_as_is_known) {
  auto records = sample_records();
  write_record(records.emplace_back(), logged_key{logged_guild, 8, false, {3, 100}});
  auto state = state_of(records);
  state.settle();
  ASSERT_EQ(state.keys.size(), 2u);
  EXPECT_EQ(state.keys[0].key.id, 99u);
  EXPECT_EQ(state.keys[0].n, 0u);
  EXPECT_EQ(state.keys[1].n, 8u);
}

} // namespace
} // namespace shardyard
