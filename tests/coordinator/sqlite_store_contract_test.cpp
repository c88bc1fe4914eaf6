#include "actors/coordinator/sqlite_store.hpp"
#include "tests/coordinator/store_contract.hpp"

#include <filesystem>
#include <sqlite3.h>
#include <unistd.h>

namespace shardyard::testing {
namespace {

namespace fs = std::filesystem;

struct sqlite_place {
  sqlite_place() { fs::create_directories(folder); }
  ~sqlite_place() { fs::remove_all(folder); }

  static std::string missing() { return {}; }
  std::unique_ptr<store> begin_term() { return open_sqlite_store(folder / "cluster.db"); }
  /// The file lock keeps a second opener out, so the epoch is raised behind its back.
  void overtake(store&) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((folder / "cluster.db").c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, "UPDATE cluster SET epoch = epoch + 1", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
  }

  fs::path folder = fs::temp_directory_path() /
                    ("shardyard-store-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
  static inline int count = 0;
};

INSTANTIATE_TYPED_TEST_SUITE_P(sqlite, store_contract, sqlite_place);

using namespace std::chrono_literals;

TEST(take_over, raises_the_epoch_above_that_of_every_term_since_the_copy) {
  sqlite_place here, there;
  here.begin_term()->commit({{"a", "1", 0}});
  fs::copy_file(here.folder / "cluster.db", there.folder / "cluster.db");
  std::uint64_t last = 0;
  for (int terms = 0; terms < 5; ++terms)
    last = here.begin_term()->epoch();
  auto taken = take_over_sqlite_store(there.folder / "cluster.db", {}, 1'800'000'000s);
  EXPECT_GT(taken->epoch(), last);
  EXPECT_EQ(taken->get("a")->value, "1");
  auto first = taken->epoch();
  taken.reset();
  EXPECT_EQ(there.begin_term()->epoch(), first + 1);
  EXPECT_GT(take_over_sqlite_store(there.folder / "cluster.db", {}, 1'700'000'000s)->epoch(), first + 1)
      << "a clock that was set back lowers nothing";
}

TEST(take_over, leaves_the_lock_of_a_living_coordinator_alone) {
  sqlite_place here;
  auto held = here.begin_term();
  EXPECT_THROW(take_over_sqlite_store(here.folder / "cluster.db", {}, 1'800'000'000s), store_error);
  EXPECT_TRUE(held->commit({{"a", "1", 0}}).written);
}

TEST(take_over, makes_no_new_cluster) {
  sqlite_place here;
  EXPECT_THROW(take_over_sqlite_store(here.folder / "cluster.db", {}, 1'800'000'000s), store_error);
  EXPECT_FALSE(fs::exists(here.folder / "cluster.db"));
}

} // namespace
} // namespace shardyard::testing
