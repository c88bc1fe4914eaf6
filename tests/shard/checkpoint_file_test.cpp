#include "actors/shard/checkpoint_file.hpp"

#include "tests/shard/blocks.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <csignal>
#include <fstream>
#include <map>
#include <random>

#include <sys/wait.h>
#include <unistd.h>

namespace shardyard {
namespace {

session_checkpoint sample(std::uint32_t id, std::uint64_t cursor = 7) {
  return {{1, id, 8},          "session" + std::to_string(id), "wss://resume", 3, cursor, 1'700'000'000'000,
          {11, 12, 1ULL << 63}};
}

std::string error_of(const std::filesystem::path& path) {
  try {
    checkpoint_file file(path);
  } catch (const checkpoint_error& error) {
    return error.what();
  }
  return "";
}

TEST(checkpoint_file, what_was_flushed_is_read_back) {
  scratch_folder folder;
  auto path = folder.path() / "sessions.db";
  {
    checkpoint_file file(path);
    file.put(sample(0));
    file.put(sample(1));
    ASSERT_TRUE(file.flush());
    file.advance({1, 1, 8}, 99, 5);
    ASSERT_TRUE(file.flush());
  }
  checkpoint_file file(path);
  auto moved = sample(1, 99);
  moved.newest_ms = 5;
  EXPECT_EQ(file.sessions(), (std::vector{sample(0), moved}));
}

TEST(checkpoint_file, a_forgotten_session_is_gone_and_its_late_cursor_changes_nothing) {
  scratch_folder folder;
  checkpoint_file file(folder.path() / "sessions.db");
  file.put(sample(0));
  file.flush();
  file.forget({1, 0, 8});
  file.advance({1, 0, 8}, 50, 0);
  ASSERT_TRUE(file.flush());
  file.advance({1, 0, 8}, 51, 0);
  ASSERT_TRUE(file.flush());
  EXPECT_TRUE(file.sessions().empty());
}

TEST(checkpoint_file, a_new_session_of_a_shard_replaces_the_old_one) {
  scratch_folder folder;
  checkpoint_file file(folder.path() / "sessions.db");
  file.put(sample(0, 1000));
  file.flush();
  auto next = sample(0, 1);
  next.session_id = "other";
  file.put(next);
  file.flush();
  EXPECT_EQ(file.sessions(), std::vector{next});
}

TEST(checkpoint_file, equals_a_map_after_random_changes_and_reopening) {
  // Opening and closing wait for the device, so few rounds.
  for (int round = 0; round < 10; ++round) {
    auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    scratch_folder folder;
    std::map<shard_key, session_checkpoint> expected;
    for (int life = 0; life < 3; ++life) {
      checkpoint_file file(folder.path() / "sessions.db");
      for (int i = 0; i < 60; ++i) {
        shard_key shard{1, static_cast<std::uint32_t>(random() % 5), 8};
        auto known = expected.find(shard);
        switch (random() % 4) {
        case 0:
          file.put(expected[shard] = sample(shard.id, random() % 1000));
          break;
        case 1:
          file.forget(shard);
          expected.erase(shard);
          break;
        case 2:
          file.advance(shard, random() % 1000 + i, i);
          file.advance(shard, 2000 + i, i);
          if (known != expected.end())
            known->second.cursor = 2000 + i, known->second.newest_ms = i;
          break;
        default:
          ASSERT_TRUE(file.flush());
        }
      }
      ASSERT_TRUE(file.flush());
      std::vector<session_checkpoint> wanted;
      for (auto& [shard, x] : expected)
        wanted.push_back(x);
      ASSERT_EQ(file.sessions(), wanted);
    }
  }
}

TEST(checkpoint_file, a_process_killed_while_writing_loses_nothing_that_it_had_flushed) {
  scratch_folder folder;
  auto path = folder.path() / "sessions.db";
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    checkpoint_file file(path);
    for (std::uint32_t id = 0; id < 8; ++id)
      file.put(sample(id, 0));
    for (std::uint64_t cursor = 1;; ++cursor) {
      for (std::uint32_t id = 0; id < 8; ++id)
        file.advance({1, id, 8}, cursor, 0);
      if (!file.flush() || ::write(told[1], &cursor, sizeof cursor) != sizeof cursor)
        ::_exit(1);
    }
  }
  ::close(told[1]);
  std::uint64_t flushed = 0;
  while (flushed < 2000 && ::read(told[0], &flushed, sizeof flushed) == sizeof flushed) {
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  while (::read(told[0], &flushed, sizeof flushed) == sizeof flushed) {
  }
  ::close(told[0]);
  ASSERT_GE(flushed, 2000u);
  checkpoint_file file(path);
  auto sessions = file.sessions();
  ASSERT_EQ(sessions.size(), 8u);
  for (auto& x : sessions)
    EXPECT_TRUE(x.cursor == flushed || x.cursor == flushed + 1) << x.cursor << " after " << flushed;
}

TEST(checkpoint_file, a_torn_tail_costs_the_torn_flush_and_nothing_else) {
  scratch_folder folder;
  auto path = folder.path() / "sessions.db";
  checkpoint_file file(path);
  for (std::uint32_t id = 0; id < 4; ++id)
    file.put(sample(id, 0));
  file.flush();
  auto log = path.string() + "-wal";
  auto begun = std::filesystem::file_size(log);
  for (std::uint64_t cursor = 1; cursor <= 20; ++cursor) {
    for (std::uint32_t id = 0; id < 4; ++id)
      file.advance({1, id, 8}, cursor, 0);
    file.flush();
  }
  auto end = std::filesystem::file_size(log);
  ASSERT_GT(end, begun);
  std::uint64_t last = 0;
  for (auto size = begun; size <= end;
       size += 1 + (size == end ? 0 : std::min<std::uintmax_t>(997, end - size - 1))) {
    auto copy = folder.path() / "copy.db";
    std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::copy_file(log, copy.string() + "-wal",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(copy.string() + "-wal", size);
    checkpoint_file torn(copy);
    auto sessions = torn.sessions();
    ASSERT_EQ(sessions.size(), 4u) << size;
    for (auto& x : sessions)
      EXPECT_EQ(x.cursor, sessions[0].cursor) << "half a flush at " << size;
    EXPECT_GE(sessions[0].cursor, last);
    last = sessions[0].cursor;
  }
  EXPECT_EQ(last, 20u);
}

TEST(checkpoint_file, a_second_process_is_refused_with_a_reason) {
  scratch_folder folder;
  checkpoint_file file(folder.path() / "sessions.db");
  EXPECT_NE(error_of(folder.path() / "sessions.db").find("running already"), std::string::npos);
}

TEST(checkpoint_file, a_file_that_is_something_else_is_refused_with_advice_and_left_alone) {
  scratch_folder folder;
  auto path = folder.path() / "sessions.db";
  std::ofstream(path) << std::string(5000, 'x');
  EXPECT_NE(error_of(path).find("move the file away"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(path), 5000u);
}

TEST(checkpoint_file, a_file_of_another_version_is_refused) {
  scratch_folder folder;
  auto path = folder.path() / "sessions.db";
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "PRAGMA user_version = 7", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  EXPECT_NE(error_of(path).find("version 7"), std::string::npos);
}

TEST(checkpoint_file, a_missing_folder_is_named) {
  EXPECT_NE(error_of("/nowhere/sessions.db").find("folder exists"), std::string::npos);
}

} // namespace
} // namespace shardyard
