#include "actors/node/kept_copies.hpp"

#include "tests/shard/blocks.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <fstream>
#include <random>
#include <system_error>

namespace shardyard {
namespace {

copy_append append_of(std::uint64_t offset, std::string bytes, bool anew = false, std::uint64_t epoch = 1) {
  return {"a", 1, 7, epoch, offset, anew, std::move(bytes)};
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

TEST(kept_copies, a_final_state_is_read_back_also_after_a_restart) {
  scratch_folder folder;
  {
    kept_copies copies{folder.path() / "copies"};
    copies.put_final(7, 3, "state");
    EXPECT_EQ(copies.read(7, 3), "state");
  }
  kept_copies copies{folder.path() / "copies"};
  EXPECT_EQ(copies.read(7, 3), "state");
  EXPECT_EQ(copies.list(), (std::vector<group_copy>{{7, 3, 5, true}}));
}

TEST(kept_copies, an_empty_state_is_a_state) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  copies.put_final(7, 3, "");
  EXPECT_EQ(kept_copies{folder.path()}.read(7, 3), "");
}

TEST(kept_copies, what_is_not_kept_is_not_found) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  copies.put_final(7, 3, "state");
  EXPECT_FALSE(copies.read(7, 2));
  EXPECT_FALSE(copies.read(8, 3));
  EXPECT_FALSE(copies.piece({7, 4, 0}));
}

TEST(kept_copies, appends_add_up_and_tell_the_size) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  EXPECT_EQ(copies.append(append_of(0, "abc", true)).bytes, 3u);
  EXPECT_EQ(copies.append(append_of(3, "de")).bytes, 5u);
  EXPECT_EQ(copies.read(7, 1), "abcde");
  EXPECT_EQ(copies.list(), (std::vector<group_copy>{{7, 1, 5, false}}));
}

TEST(kept_copies, an_append_behind_a_hole_changes_nothing_and_tells_where_to_go_on) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  copies.append(append_of(0, "abc", true));
  EXPECT_EQ(copies.append(append_of(4, "e")).bytes, 3u);
  EXPECT_EQ(copies.read(7, 1), "abc");
}

TEST(kept_copies, an_append_to_a_copy_that_is_not_here_keeps_nothing_under_its_name) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  EXPECT_EQ(copies.append(append_of(4, "e")).bytes, 0u);
  EXPECT_TRUE(copies.list().empty()) << "the coordinator would have a group adopted from it";
  EXPECT_FALSE(copies.read(7, 1));
  EXPECT_FALSE(copies.piece({7, 1, 0}));
}

TEST(kept_copies, an_append_that_is_repeated_is_taken_once) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  copies.append(append_of(0, "abc", true));
  copies.append(append_of(3, "de"));
  EXPECT_EQ(copies.append(append_of(3, "de")).bytes, 5u);
  EXPECT_EQ(copies.read(7, 1), "abcde");
}

TEST(kept_copies, a_copy_that_begins_anew_forgets_what_it_was) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  copies.append(append_of(0, "long ago", true));
  EXPECT_EQ(copies.append(append_of(0, "new", true)).bytes, 3u);
  EXPECT_EQ(kept_copies{folder.path()}.read(7, 1), "new");
}

TEST(kept_copies, a_copy_goes_on_after_a_restart_where_it_was) {
  scratch_folder folder;
  kept_copies{folder.path()}.append(append_of(0, "abc", true));
  kept_copies copies{folder.path()};
  EXPECT_EQ(copies.append(append_of(3, "de")).bytes, 5u);
  EXPECT_EQ(copies.read(7, 1), "abcde");
}

TEST(kept_copies, a_final_state_replaces_the_copy_and_is_not_appended_to) {
  scratch_folder folder;
  {
    kept_copies copies{folder.path()};
    copies.append(append_of(0, "a longer copy", true));
    copies.put_final(7, 1, "final");
    EXPECT_EQ(copies.append(append_of(5, "more")).bytes, 5u);
    EXPECT_EQ(copies.append(append_of(0, "anew", true)).bytes, 5u);
    EXPECT_EQ(copies.read(7, 1), "final");
  }
  kept_copies copies{folder.path()};
  EXPECT_EQ(copies.read(7, 1), "final");
  EXPECT_EQ(copies.list(), (std::vector<group_copy>{{7, 1, 5, true}}));
}

TEST(kept_copies, epochs_of_a_group_are_kept_apart) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  copies.append(append_of(0, "one", true, 1));
  copies.append(append_of(0, "two", true, 2));
  EXPECT_EQ(copies.read(7, 1), "one");
  EXPECT_EQ(copies.read(7, 2), "two");
}

TEST(kept_copies, forgetting_reaches_older_epochs_of_that_group_alone_and_frees_the_disk) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  copies.append(append_of(0, "copy", true, 2));
  copies.put_final(7, 1, "x");
  copies.put_final(7, 2, "x");
  copies.put_final(7, 3, "later");
  copies.put_final(8, 1, "other");
  copies.forget(7, 2);
  copies.forget(7, 2);
  EXPECT_FALSE(copies.read(7, 2));
  EXPECT_EQ(folder.files(), 2u);
  EXPECT_EQ(kept_copies{folder.path()}.list(), (std::vector<group_copy>{{7, 3, 5, true}, {8, 1, 5, true}}));
}

TEST(kept_copies, a_final_state_that_was_not_written_to_its_end_is_not_taken_for_one) {
  scratch_folder folder;
  std::ofstream(folder.path() / "group-7-1.final.part") << "half";
  std::ofstream(folder.path() / "group-x.final") << "other";
  std::ofstream(folder.path() / "notes.txt") << "other";
  EXPECT_TRUE(kept_copies{folder.path()}.list().empty());
  EXPECT_EQ(content_of(folder.path() / "notes.txt"), "other");
}

TEST(kept_copies, a_large_state_is_fetched_in_pieces) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  std::string state;
  for (std::size_t i = 0; state.size() < 2 * kept_copies::piece_bytes + 5; ++i)
    state += std::to_string(i * i);
  copies.put_final(7, 1, state);
  std::string fetched;
  for (;;) {
    auto piece = copies.piece({7, 1, fetched.size()});
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->offset, fetched.size());
    EXPECT_EQ(piece->total, state.size());
    EXPECT_LE(piece->bytes.size(), kept_copies::piece_bytes);
    if (piece->bytes.empty())
      break;
    fetched += piece->bytes;
  }
  EXPECT_EQ(fetched, state);
}

TEST(kept_copies, a_piece_from_behind_the_end_is_empty) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  copies.put_final(7, 1, "abc");
  for (auto offset : {std::uint64_t{3}, std::uint64_t{4}, ~std::uint64_t{0}}) {
    auto piece = copies.piece({7, 1, offset});
    ASSERT_TRUE(piece) << offset;
    EXPECT_EQ(piece->bytes, "") << offset;
  }
}

TEST(kept_copies, an_append_that_the_disk_refuses_is_an_error_and_nothing_is_kept_under_its_name) {
  scratch_folder folder;
  kept_copies copies{folder.path()};
  std::filesystem::create_directory(folder.path() / "group-7-1.copy");
  EXPECT_THROW(copies.append(append_of(0, "abc", true)), std::system_error);
  EXPECT_TRUE(copies.list().empty());
}

/// A growing log, its sender, and a copy at the far end of a link that loses appends and answers and repeats
/// them in order, as a connection does that breaks.
class random_copying {
public:
  random_copying(std::uint64_t seed, std::filesystem::path folder)
      : random_(seed), folder_(std::move(folder)) {}

  void run() {
    for (int i = 0; i < 50; ++i)
      step();
    while (copied_ != log_.size() || anew_)
      send(false);
    RC_ASSERT(copies_.read(7, 1) == log_);
    RC_ASSERT(copies_.list() == (std::vector<group_copy>{{7, 1, log_.size(), false}}));
    RC_ASSERT(kept_copies{folder_}.read(7, 1) == log_);
  }

private:
  void step() {
    switch (random_() % 12) {
    case 0: // a compaction
      log_ = std::string(random_() % 50, static_cast<char>('A' + random_() % 26));
      anew_ = true;
      break;
    case 1:
      copies_ = kept_copies{folder_};
      break;
    case 2:
    case 3:
    case 4:
      log_.append(1 + random_() % 40, static_cast<char>('a' + random_() % 26));
      break;
    default:
      send(random_() % 3 == 0);
    }
    check();
  }

  void send(bool answer_lost) {
    auto from = anew_ ? 0 : copied_;
    auto x = append_of(from, log_.substr(from, 1 + random_() % 30), anew_);
    if (answer_lost && random_() % 2 == 0)
      return; // the append itself is lost
    auto answer = copies_.append(x);
    while (random_() % 4 == 0)
      RC_ASSERT(copies_.append(x).bytes == answer.bytes);
    if (answer_lost)
      return;
    copied_ = answer.bytes;
    anew_ = false;
  }

  /// Between compactions the copy is always a beginning of the log.
  void check() {
    auto copy = copies_.read(7, 1);
    if (copy && !anew_)
      RC_ASSERT(log_.starts_with(*copy));
  }

  std::mt19937_64 random_;
  std::filesystem::path folder_;
  kept_copies copies_{folder_};
  std::string log_;
  std::uint64_t copied_ = 0;
  bool anew_ = true;
};

TEST(kept_copies, with_lost_and_repeated_appends_and_restarts_the_copy_ends_equal_to_its_source) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    scratch_folder folder;
    random_copying{seed, folder.path()}.run();
  }));
}

} // namespace
} // namespace shardyard
