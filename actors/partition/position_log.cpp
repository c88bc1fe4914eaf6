#include "actors/partition/position_log.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace shardyard {
namespace {

constexpr std::string_view magic = "SHYDPOS1";

std::string read_all(int file, const std::filesystem::path& path) {
  std::string result;
  char chunk[1 << 16];
  for (;;) {
    auto got = ::read(file, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      throw std::system_error(errno, std::generic_category(), "cannot read position log " + path.string());
    if (got == 0)
      return result;
    result.append(chunk, static_cast<std::size_t>(got));
  }
}

// A rename is durable only when the folder is.
void sync_folder_of(const std::filesystem::path& path) {
  auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  if (auto file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); file >= 0) {
    ::fsync(file);
    ::close(file);
  }
}

} // namespace

ssize_t disk::write(int file, const void* bytes, std::size_t size) {
  return ::write(file, bytes, size);
}

int disk::sync(int file) {
  return ::fsync(file);
}

disk& real_disk() {
  static disk result;
  return result;
}

position_log::position_log(std::filesystem::path path, std::shared_ptr<disk> on)
    : path_(std::move(path)), own_disk_(std::move(on)), disk_(own_disk_ ? *own_disk_ : real_disk()) {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (file_ < 0)
    throw std::system_error(errno, std::generic_category(), "cannot open position log " + path_.string());
  try {
    auto bytes = read_all(file_, path_);
    auto head = std::string_view{bytes}.substr(0, magic.size());
    if (!magic.starts_with(head))
      throw std::runtime_error(path_.string() +
                               " is no position log; move it away to start without positions");
    std::size_t used = 0;
    if (head == magic) {
      recovered_ = decode_log(std::string_view{bytes}.substr(magic.size()), used);
      size_ = magic.size() + used;
    } else {
      recovered_.torn_bytes = bytes.size();
    }
    if (size_ < bytes.size() && ::ftruncate(file_, static_cast<off_t>(size_)) != 0)
      throw std::system_error(errno, std::generic_category(),
                              "cannot cut the torn tail of " + path_.string());
  } catch (...) {
    ::close(file_);
    throw;
  }
  if (size_ == 0)
    pending_ = magic;
  snapshot_size_ = size_;
  sinks_ = recovered_.sinks;
}

position_log::~position_log() {
  give_up_compaction();
  if (file_ >= 0)
    ::close(file_);
}

bool position_log::failed(const char* what) {
  error_ = std::string{what} + " " + path_.string() + ": " + std::strerror(errno);
  return false;
}

// Number of bytes written; less than all of them on an error (errno).
std::size_t position_log::write_all(int file, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    auto wrote = disk_.write(file, bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0)
      break;
    done += static_cast<std::size_t>(wrote);
  }
  return done;
}

bool position_log::write_pending() {
  auto done = write_all(file_, pending_);
  size_ += done;
  pending_.erase(0, done);
  if (!pending_.empty())
    return failed("cannot write position log");
  error_.clear();
  return true;
}

bool position_log::commit(std::string_view records, const std::vector<sink_offset>& offsets) {
  auto before = pending_.size();
  pending_ += records;
  for (auto& [sink, offset] : offsets) {
    sinks_[sink] = offset;
    write_sink_offset(pending_, sink, offset);
  }
  auto added = compacting() ? pending_.substr(before) : std::string{};
  auto ok = pending_.empty() || write_pending();
  if (compacting())
    write_fresh(added);
  return ok;
}

std::string position_log::records() const {
  std::string result(size_, '\0');
  std::size_t done = 0;
  while (done < result.size()) {
    auto got = ::pread(file_, result.data() + done, result.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      throw std::system_error(got < 0 ? errno : EIO, std::generic_category(),
                              "cannot read position log " + path_.string());
    done += static_cast<std::size_t>(got);
  }
  return result.erase(0, magic.size());
}

bool position_log::sync() {
  if (!commit({}))
    return false;
  if (disk_.sync(file_) != 0)
    return failed("cannot sync position log");
  return true;
}

std::filesystem::path position_log::fresh_path() const {
  auto result = path_;
  result += ".new";
  return result;
}

bool position_log::compact(std::string_view snapshot) {
  return begin_compaction(snapshot) && finish_compaction();
}

bool position_log::begin_compaction(std::string_view state) {
  give_up_compaction();
  fresh_ = ::open(fresh_path().c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
  if (fresh_ < 0)
    return failed("cannot create the compaction of");
  fresh_size_ = 0;
  std::string bytes{magic};
  bytes += state;
  for (auto& [sink, offset] : sinks_)
    write_sink_offset(bytes, sink, offset);
  return write_fresh(bytes);
}

bool position_log::write_fresh(std::string_view bytes) {
  fresh_size_ += bytes.size();
  if (write_all(fresh_, bytes) == bytes.size())
    return true;
  failed("cannot compact");
  give_up_compaction();
  return false;
}

// Synced piece by piece, so that the last sync does not wait for all of them.
bool position_log::add_piece(std::string_view records) {
  if (!compacting() || !write_fresh(records))
    return false;
  if (disk_.sync(fresh_) == 0)
    return true;
  failed("cannot compact");
  give_up_compaction();
  return false;
}

bool position_log::finish_compaction() {
  if (!compacting())
    return false;
  if (disk_.sync(fresh_) != 0 || ::rename(fresh_path().c_str(), path_.c_str()) != 0) {
    failed("cannot compact");
    give_up_compaction();
    return false;
  }
  sync_folder_of(path_);
  ::close(file_);
  file_ = std::exchange(fresh_, -1);
  size_ = snapshot_size_ = fresh_size_;
  pending_.clear(); // the new file has it
  error_.clear();
  return true;
}

void position_log::give_up_compaction() {
  if (!compacting())
    return;
  ::close(std::exchange(fresh_, -1));
  ::unlink(fresh_path().c_str());
}

} // namespace shardyard
