#include "actors/shard/checkpoint_file.hpp"

#include <sqlite3.h>

#include <cstring>
#include <string_view>
#include <utility>

namespace shardyard {

namespace {

// Two tables, so that a moving cursor does not rewrite the list of guilds.
constexpr const char* schema = R"(
  CREATE TABLE session (
    topology INTEGER, shard INTEGER, shard_count INTEGER,
    session_id TEXT NOT NULL, resume_url TEXT NOT NULL, plan INTEGER NOT NULL, guilds BLOB NOT NULL,
    term INTEGER NOT NULL,
    PRIMARY KEY (topology, shard, shard_count)) WITHOUT ROWID;
  CREATE TABLE position (
    topology INTEGER, shard INTEGER, shard_count INTEGER,
    cursor INTEGER NOT NULL, newest_ms INTEGER NOT NULL,
    PRIMARY KEY (topology, shard, shard_count)) WITHOUT ROWID;
  PRAGMA user_version = 2;
)";
constexpr int schema_version = 2;

std::string_view text_at(sqlite3_stmt* row, int column) {
  auto* text = static_cast<const char*>(sqlite3_column_blob(row, column));
  return {text ? text : "", static_cast<std::size_t>(sqlite3_column_bytes(row, column))};
}

void bind_shard(sqlite3_stmt* x, const shard_key& shard) {
  sqlite3_bind_int64(x, 1, shard.topology);
  sqlite3_bind_int64(x, 2, shard.id);
  sqlite3_bind_int64(x, 3, shard.count);
}

void bind_text(sqlite3_stmt* x, int index, const std::string& text) {
  sqlite3_bind_text(x, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

} // namespace

void checkpoint_file::closer::operator()(sqlite3* db) const {
  sqlite3_close(db);
}
void checkpoint_file::closer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

checkpoint_file::checkpoint_file(const std::filesystem::path& path) : path_(path) {
  sqlite3* db = nullptr;
  auto code = sqlite3_open_v2(path.c_str(), &db,
                              SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK)
    fail();
  set_up();
  put_session_ = prepare("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  put_position_ = prepare("INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?, ?)");
  move_position_ = prepare("UPDATE position SET cursor = ?4, newest_ms = ?5 "
                           "WHERE topology = ?1 AND shard = ?2 AND shard_count = ?3");
  forget_session_ = prepare("DELETE FROM session WHERE topology = ? AND shard = ? AND shard_count = ?");
  forget_position_ = prepare("DELETE FROM position WHERE topology = ? AND shard = ? AND shard_count = ?");
}

checkpoint_file::~checkpoint_file() {
  flush();
}

std::vector<session_checkpoint> checkpoint_file::sessions() const {
  auto rows =
      prepare("SELECT topology, shard, shard_count, session_id, resume_url, plan, guilds, cursor, newest_ms, "
              "term FROM session JOIN position USING (topology, shard, shard_count) ORDER BY 1, 2, 3");
  std::vector<session_checkpoint> result;
  auto* row = rows.get();
  int code = SQLITE_OK;
  while ((code = sqlite3_step(row)) == SQLITE_ROW) {
    session_checkpoint x;
    x.shard.topology = static_cast<std::uint32_t>(sqlite3_column_int64(row, 0));
    x.shard.id = static_cast<std::uint32_t>(sqlite3_column_int64(row, 1));
    x.shard.count = static_cast<std::uint32_t>(sqlite3_column_int64(row, 2));
    x.session_id = text_at(row, 3);
    x.resume_url = text_at(row, 4);
    x.plan = static_cast<std::uint64_t>(sqlite3_column_int64(row, 5));
    auto guilds = text_at(row, 6);
    x.guilds.resize(guilds.size() / sizeof(snowflake));
    if (!x.guilds.empty())
      std::memcpy(x.guilds.data(), guilds.data(), x.guilds.size() * sizeof(snowflake));
    x.cursor = static_cast<std::uint64_t>(sqlite3_column_int64(row, 7));
    x.newest_ms = sqlite3_column_int64(row, 8);
    x.term = static_cast<std::uint64_t>(sqlite3_column_int64(row, 9));
    result.push_back(std::move(x));
  }
  if (code != SQLITE_DONE)
    fail();
  return result;
}

void checkpoint_file::put(session_checkpoint checkpoint) {
  change x;
  auto shard = checkpoint.shard;
  x.whole = std::move(checkpoint);
  changes_[shard] = std::move(x);
}

void checkpoint_file::advance(const shard_key& shard, std::uint64_t cursor, std::int64_t newest_ms) {
  auto& x = changes_[shard];
  if (x.gone)
    return;
  x.moved = true;
  x.cursor = cursor;
  x.newest_ms = newest_ms;
}

void checkpoint_file::forget(const shard_key& shard) {
  change x;
  x.gone = true;
  changes_[shard] = std::move(x);
}

bool checkpoint_file::flush() {
  if (changes_.empty())
    return true;
  try {
    run("BEGIN IMMEDIATE");
    for (auto& [shard, x] : changes_)
      write(shard, x);
    run("COMMIT");
  } catch (const checkpoint_error& error) {
    problem_ = error.what();
    if (!sqlite3_get_autocommit(db_.get()))
      sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    return false;
  }
  changes_.clear();
  problem_.clear();
  return true;
}

void checkpoint_file::run(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    fail();
}

checkpoint_file::statement checkpoint_file::prepare(const char* sql) const {
  sqlite3_stmt* result = nullptr;
  if (sqlite3_prepare_v2(db_.get(), sql, -1, &result, nullptr) != SQLITE_OK)
    fail();
  return statement(result);
}

void checkpoint_file::set_up() {
  // Exclusive: a second process must fail at the door, not RESUME the same sessions.
  run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN "
      "EXCLUSIVE; COMMIT;");
  auto version = prepare("PRAGMA user_version");
  if (sqlite3_step(version.get()) != SQLITE_ROW)
    fail();
  auto found = sqlite3_column_int(version.get(), 0);
  version.reset();
  if (found == 0)
    run(("BEGIN;" + std::string(schema) + "COMMIT;").c_str());
  else if (found != schema_version)
    throw checkpoint_error("checkpoints " + path_.string() + " have version " + std::to_string(found) +
                           ", this program reads " + std::to_string(schema_version) +
                           ": start the program that wrote them, or move the file away (its "
                           "sessions then begin anew by IDENTIFY)");
}

void checkpoint_file::write(const shard_key& shard, const change& x) {
  if (x.gone) {
    bind_shard(forget_session_.get(), shard);
    step(forget_session_);
    bind_shard(forget_position_.get(), shard);
    step(forget_position_);
    return;
  }
  if (x.whole)
    write_whole(*x.whole);
  if (x.moved) {
    bind_shard(move_position_.get(), shard);
    sqlite3_bind_int64(move_position_.get(), 4, static_cast<sqlite3_int64>(x.cursor));
    sqlite3_bind_int64(move_position_.get(), 5, x.newest_ms);
    step(move_position_);
  }
}

void checkpoint_file::write_whole(const session_checkpoint& x) {
  auto* session = put_session_.get();
  bind_shard(session, x.shard);
  bind_text(session, 4, x.session_id);
  bind_text(session, 5, x.resume_url);
  sqlite3_bind_int64(session, 6, static_cast<sqlite3_int64>(x.plan));
  sqlite3_bind_blob(session, 7, x.guilds.empty() ? static_cast<const void*>("") : x.guilds.data(),
                    static_cast<int>(x.guilds.size() * sizeof(snowflake)), SQLITE_STATIC);
  sqlite3_bind_int64(session, 8, static_cast<sqlite3_int64>(x.term));
  step(put_session_);
  auto* position = put_position_.get();
  bind_shard(position, x.shard);
  sqlite3_bind_int64(position, 4, static_cast<sqlite3_int64>(x.cursor));
  sqlite3_bind_int64(position, 5, x.newest_ms);
  step(put_position_);
}

void checkpoint_file::step(const statement& x) {
  auto code = sqlite3_step(x.get());
  sqlite3_reset(x.get());
  if (code != SQLITE_DONE)
    fail();
}

void checkpoint_file::fail() const {
  auto code = db_ ? sqlite3_errcode(db_.get()) : SQLITE_NOMEM;
  auto text = "checkpoints " + path_.string() + ": " + (db_ ? sqlite3_errmsg(db_.get()) : "out of memory");
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
    text += ": another process holds the file; is this node running already?";
  else if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
    text += ": move the file away to start without it; its sessions then begin anew by IDENTIFY";
  else if (code == SQLITE_FULL || code == SQLITE_IOERR)
    text += ": check the disk";
  else if (code == SQLITE_CANTOPEN)
    text += ": check that the folder exists and may be written";
  throw checkpoint_error(text);
}

} // namespace shardyard
