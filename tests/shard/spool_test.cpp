#include "actors/shard/spool.hpp"

#include "tests/shard/blocks.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <csignal>
#include <deque>
#include <fstream>
#include <random>

#include <sys/resource.h>

namespace shardyard {
namespace {

std::filesystem::path only_segment(const scratch_folder& folder) {
  for (auto& entry : std::filesystem::directory_iterator(folder.path()))
    return entry.path();
  return {};
}

/// Files of this process cannot grow beyond `bytes` while this lives: a disk that is full in the middle of a
/// write.
class disk_full_at {
public:
  explicit disk_full_at(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    auto limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~disk_full_at() { ::setrlimit(RLIMIT_FSIZE, &before_); }

private:
  rlimit before_{};
};

TEST(spool, returns_what_it_took_in_order) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    scratch_folder folder;
    spool s({folder.path(), 1u << 20, 4096});
    std::deque<std::string> expected;
    std::string record;
    for (int i = 0; i < 300; ++i) {
      if (random() % 5 < 3) {
        expected.emplace_back(random() % 2000, static_cast<char>('a' + random() % 26));
        RC_ASSERT(s.append(expected.back()));
      } else {
        RC_ASSERT(s.take(record) == !expected.empty());
        if (!expected.empty()) {
          RC_ASSERT(record == expected.front());
          expected.pop_front();
        }
      }
      RC_ASSERT(s.records() == expected.size());
    }
  }));
}

TEST(spool, deletes_a_segment_when_its_last_record_was_taken) {
  scratch_folder folder;
  spool s({folder.path(), 1u << 20, 1000});
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(s.append(std::string(990, 'x')));
  EXPECT_EQ(folder.files(), 10u);
  std::string record;
  for (int i = 0; i < 9; ++i)
    ASSERT_TRUE(s.take(record));
  EXPECT_EQ(folder.files(), 1u);
  ASSERT_TRUE(s.take(record));
  EXPECT_EQ(folder.files(), 0u);
  EXPECT_EQ(s.bytes(), 0u);
}

TEST(spool, beyond_its_bound_it_refuses_and_says_so_and_keeps_what_it_has) {
  scratch_folder folder;
  spool s({folder.path(), 3000, 1000});
  ASSERT_TRUE(s.append(std::string(2000, 'x')));
  EXPECT_FALSE(s.append(std::string(2000, 'y')));
  EXPECT_NE(s.problem().find("is full"), std::string::npos);
  std::string record;
  ASSERT_TRUE(s.take(record));
  EXPECT_EQ(record, std::string(2000, 'x'));
  EXPECT_TRUE(s.append(std::string(2000, 'y')));
  EXPECT_EQ(s.problem(), "");
}

TEST(spool, a_write_error_in_the_middle_of_a_record_harms_no_other_record) {
  scratch_folder folder;
  spool s({folder.path(), 1u << 20, 1u << 20});
  ASSERT_TRUE(s.append("first"));
  {
    disk_full_at bound(200);
    EXPECT_FALSE(s.append(std::string(1000, 'y')));
    EXPECT_NE(s.problem().find("cannot write"), std::string::npos);
  }
  ASSERT_TRUE(s.append("third"));
  std::string record;
  ASSERT_TRUE(s.take(record));
  EXPECT_EQ(record, "first");
  ASSERT_TRUE(s.take(record));
  EXPECT_EQ(record, "third");
}

TEST(spool, a_folder_that_cannot_be_made_is_reported) {
  scratch_folder folder;
  std::ofstream(folder.path() / "file") << "x";
  spool s({folder.path() / "file" / "spool", 1u << 20, 1000});
  EXPECT_FALSE(s.append("x"));
  EXPECT_NE(s.problem().find("cannot create"), std::string::npos);
}

TEST(spool, a_damaged_record_is_not_passed_on) {
  scratch_folder folder;
  spool s({folder.path(), 1u << 20, 1u << 20});
  ASSERT_TRUE(s.append("something"));
  std::fstream(only_segment(folder), std::ios::in | std::ios::out).seekp(-1, std::ios::end) << 'X';
  std::string record;
  EXPECT_FALSE(s.take(record));
  EXPECT_NE(s.problem().find("damaged"), std::string::npos);
  EXPECT_EQ(s.records(), 1u);
}

TEST(spool, a_segment_cut_short_is_reported) {
  scratch_folder folder;
  spool s({folder.path(), 1u << 20, 1u << 20});
  ASSERT_TRUE(s.append("something"));
  std::filesystem::resize_file(only_segment(folder), 20);
  std::string record;
  EXPECT_FALSE(s.take(record));
  EXPECT_NE(s.problem().find("cannot read"), std::string::npos);
}

TEST(spool, files_of_an_earlier_life_are_deleted_and_others_are_not) {
  scratch_folder folder;
  std::ofstream(folder.path() / "7.spool") << "old";
  std::ofstream(folder.path() / "notes.txt") << "mine";
  spool s({folder.path(), 1u << 20, 1000});
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "7.spool"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "notes.txt"));
}

} // namespace
} // namespace shardyard
