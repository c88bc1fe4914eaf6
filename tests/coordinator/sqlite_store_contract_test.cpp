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

} // namespace
} // namespace shardyard::testing
