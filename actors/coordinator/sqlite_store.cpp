#include "actors/coordinator/sqlite_store.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

namespace shardyard {

namespace {

constexpr int application_id = 0x53594a31; // "SYJ1", shown by file(1) and checked at opening
constexpr int table_schema_version = 1;

constexpr const char* schema = R"(
CREATE TABLE cluster (only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT NOT NULL, epoch INTEGER NOT NULL,
                      revision INTEGER NOT NULL);
CREATE TABLE rows (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL, epoch INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE VIEW plans AS SELECT value->>'id' AS id, value->>'state' AS state, value->'from'->>'shard_count' AS old_count,
  value->'to'->>'shard_count' AS new_count, value->>'paused' AS paused, value->>'pause_reason' AS pause_reason,
  datetime((value->>'created_ms') / 1000, 'unixepoch') AS created, revision, epoch FROM rows WHERE key GLOB 'plan/*';
CREATE VIEW units AS SELECT rows.value->>'id' AS plan, u.key AS unit, u.value->>'state' AS state,
  datetime((u.value->>'entered_ms') / 1000, 'unixepoch') AS entered, u.value->>'restarts' AS restarts,
  u.value->>'accepted' AS accepted, u.value->>'closed' AS closed
  FROM rows, json_each(rows.value, '$.units') AS u WHERE rows.key GLOB 'plan/*';
CREATE VIEW permits AS SELECT value->>'id' AS id, value->>'topology' AS topology, value->>'shard_id' AS shard_id,
  value->>'shard_count' AS shard_count, value->>'purpose' AS purpose, value->>'state' AS state,
  datetime((value->>'granted_ms') / 1000, 'unixepoch') AS granted, value->>'violated' AS violated
  FROM rows WHERE key GLOB 'permit/*';
)";

/// Held from construction to destruction; the kernel frees it when the process dies.
class lock_file {
public:
  explicit lock_file(const std::filesystem::path& path)
      : fd_{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)} {
    if (fd_ < 0)
      throw store_error{"cannot open " + path.string() + ": " + std::strerror(errno)};
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      auto holder = read_pid();
      ::close(fd_);
      throw store_error{"the store is held by " + (holder.empty() ? "another process" : "process " + holder) +
                        " (lock " + path.string() +
                        "); stop that coordinator first, or point this one to another store"};
    }
    auto pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
      // The number is only for the error text of others.
    }
  }
  ~lock_file() { ::close(fd_); }
  lock_file(const lock_file&) = delete;
  lock_file& operator=(const lock_file&) = delete;

private:
  std::string read_pid() const {
    char text[32] = {};
    auto size = ::pread(fd_, text, sizeof text - 1, 0);
    std::string result{text, static_cast<std::size_t>(std::max<::ssize_t>(size, 0))};
    return result.substr(0, result.find_first_not_of("0123456789"));
  }

  int fd_;
};

class database {
public:
  explicit database(const std::filesystem::path& path) : path_{path.string()} {
    auto flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    auto rc = sqlite3_open_v2(path_.c_str(), &db_, flags, nullptr);
    if (rc != SQLITE_OK) {
      auto text = error();
      sqlite3_close(db_);
      throw store_error{"cannot open the store " + path_ + ": " + text};
    }
    sqlite3_busy_timeout(db_, 2000);
  }
  ~database() { sqlite3_close(db_); }
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  sqlite3* get() const { return db_; }
  std::string error() const { return sqlite3_errmsg(db_); }
  [[noreturn]] void fail(const char* doing) const {
    throw store_error{"the store " + path_ + " failed while " + doing + ": " + error()};
  }
  void run(const char* sql, const char* doing) const {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      fail(doing);
  }

private:
  std::string path_;
  sqlite3* db_ = nullptr;
};

class statement {
public:
  statement(const database& db, const char* sql) : db_{db} {
    if (sqlite3_prepare_v2(db.get(), sql, -1, &stmt_, nullptr) != SQLITE_OK)
      db.fail("preparing a statement");
  }
  ~statement() { sqlite3_finalize(stmt_); }
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;

  statement& bind(int i, std::string_view text) {
    sqlite3_bind_text(stmt_, i, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    return *this;
  }
  statement& bind(int i, std::uint64_t n) {
    sqlite3_bind_int64(stmt_, i, static_cast<sqlite3_int64>(n));
    return *this;
  }
  /// True: a row is there.
  bool step(const char* doing) {
    auto rc = sqlite3_step(stmt_);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
      db_.fail(doing);
    return rc == SQLITE_ROW;
  }
  std::uint64_t number(int i) const { return static_cast<std::uint64_t>(sqlite3_column_int64(stmt_, i)); }
  std::string text(int i) const {
    auto bytes = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, i));
    return bytes ? std::string{bytes, static_cast<std::size_t>(sqlite3_column_bytes(stmt_, i))}
                 : std::string{};
  }

private:
  const database& db_;
  sqlite3_stmt* stmt_ = nullptr;
};

/// Rolled back unless committed.
class transaction {
public:
  explicit transaction(const database& db) : db_{db} {
    db_.run("BEGIN IMMEDIATE", "beginning a transaction");
  }
  ~transaction() {
    if (!done_)
      sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  void commit() {
    db_.run("COMMIT", "committing");
    done_ = true;
  }

private:
  const database& db_;
  bool done_ = false;
};

std::uint64_t header_value(const database& db, const char* sql) {
  statement s{db, sql};
  return s.step("reading the header") ? s.number(0) : 0;
}

std::string random_id() {
  std::random_device random;
  std::string result;
  for (int i = 0; i < 16; ++i)
    result += "0123456789abcdef"[random() % 16];
  return result;
}

class sqlite_store : public store {
public:
  sqlite_store(const std::filesystem::path& path, const std::string& cluster_id, std::uint64_t least_epoch)
      : path_{path.string()}, lock_{path.string() + ".lock"}, db_{path} {
    check_kind();
    db_.run("PRAGMA journal_mode = WAL", "switching to write-ahead logging");
    db_.run("PRAGMA synchronous = FULL", "asking for durable writes");
    acquire(cluster_id, least_epoch);
  }

  const std::string& cluster_id() const override { return cluster_id_; }
  std::uint64_t epoch() const override { return epoch_; }

  std::optional<stored_row> get(std::string_view key) override {
    statement s{db_, "SELECT value, revision FROM rows WHERE key = ?1"};
    s.bind(1, key);
    if (!s.step("reading"))
      return std::nullopt;
    return stored_row{std::string{key}, s.text(0), s.number(1)};
  }

  std::vector<stored_row> list(std::string_view prefix) override {
    std::string end{prefix};
    ++end.back();
    statement s{db_, "SELECT key, value, revision FROM rows WHERE key >= ?1 AND key < ?2 ORDER BY key"};
    s.bind(1, prefix).bind(2, end);
    std::vector<stored_row> result;
    while (s.step("reading"))
      result.push_back({s.text(0), s.text(1), s.number(2)});
    return result;
  }

  commit_result commit(const std::vector<row_write>& writes) override {
    transaction t{db_};
    check_epoch();
    for (const auto& x : writes) {
      if (!x.expected)
        continue;
      auto row = get(x.key);
      if ((row ? row->revision : 0) != *x.expected)
        return {false, 0, x.key};
    }
    auto revision = next_revision();
    for (const auto& x : writes)
      write(x, revision);
    t.commit();
    return {true, revision, {}};
  }

private:
  void check_kind() {
    std::uint64_t tables = 0;
    try {
      tables = header_value(db_, "SELECT count(*) FROM sqlite_master");
    } catch (const store_error&) {
      throw store_error{path_ + " is no SQLite file or is damaged (" + db_.error() +
                        "); restore a copy, or move it away to begin a new cluster"};
    }
    if (tables == 0)
      return;
    if (header_value(db_, "PRAGMA application_id") != application_id)
      throw store_error{path_ + " belongs to another program; choose another [store] path"};
    auto version = header_value(db_, "PRAGMA user_version");
    if (version != table_schema_version)
      throw store_error{path_ + " has schema version " + std::to_string(version) + ", this program knows " +
                        std::to_string(table_schema_version) + "; use the program version that wrote it"};
  }

  void acquire(const std::string& cluster_id, std::uint64_t least_epoch) {
    transaction t{db_};
    if (header_value(db_, "PRAGMA user_version") == 0)
      create(cluster_id.empty() ? random_id() : cluster_id);
    statement{db_, "UPDATE cluster SET epoch = max(epoch + 1, ?1)"}
        .bind(1, least_epoch)
        .step("raising the epoch");
    statement s{db_, "SELECT id, epoch FROM cluster"};
    if (!s.step("reading the epoch"))
      throw store_error{path_ + " has lost its cluster row; restore a copy"};
    cluster_id_ = s.text(0);
    epoch_ = s.number(1);
    if (!cluster_id.empty() && cluster_id != cluster_id_)
      throw store_error{path_ + " belongs to cluster '" + cluster_id_ + "', the configuration says '" +
                        cluster_id + "'; correct [cluster] id or [store] path"};
    t.commit();
  }

  void create(const std::string& cluster_id) {
    db_.run(schema, "creating the schema");
    db_.run(("PRAGMA application_id = " + std::to_string(application_id)).c_str(), "creating the schema");
    db_.run(("PRAGMA user_version = " + std::to_string(table_schema_version)).c_str(), "creating the schema");
    statement{db_, "INSERT INTO cluster VALUES (1, ?1, 0, 0)"}
        .bind(1, cluster_id)
        .step("creating the cluster");
  }

  void check_epoch() {
    statement s{db_, "SELECT epoch FROM cluster"};
    auto now = s.step("reading the epoch") ? s.number(0) : 0;
    if (now != epoch_)
      throw store_error{"another coordinator has taken over (epoch " + std::to_string(now) + ", ours is " +
                        std::to_string(epoch_) + "); this one must stop"};
  }

  std::uint64_t next_revision() {
    statement s{db_, "UPDATE cluster SET revision = revision + 1 RETURNING revision"};
    s.step("numbering a write");
    return s.number(0);
  }

  void write(const row_write& x, std::uint64_t revision) {
    if (!x.value) {
      statement{db_, "DELETE FROM rows WHERE key = ?1"}.bind(1, x.key).step("removing a row");
      return;
    }
    statement s{
        db_,
        "INSERT INTO rows VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE SET value = excluded.value, "
        "revision = excluded.revision, epoch = excluded.epoch"};
    s.bind(1, x.key).bind(2, *x.value).bind(3, revision).bind(4, epoch_).step("writing a row");
  }

  std::string path_;
  lock_file lock_;
  database db_;
  std::string cluster_id_;
  std::uint64_t epoch_ = 0;
};

} // namespace

std::unique_ptr<store> open_sqlite_store(const std::filesystem::path& path, const std::string& cluster_id) {
  return std::make_unique<sqlite_store>(path, cluster_id, 0);
}

std::unique_ptr<store> take_over_sqlite_store(const std::filesystem::path& path,
                                              const std::string& cluster_id, std::chrono::seconds seconds) {
  if (!std::filesystem::exists(path))
    throw store_error{"there is no store to take over at " + path.string() +
                      "; copy it there, or start without --take-over to begin a new cluster"};
  return std::make_unique<sqlite_store>(path, cluster_id, static_cast<std::uint64_t>(seconds.count()));
}

} // namespace shardyard
