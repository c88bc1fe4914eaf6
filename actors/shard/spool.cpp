#include "actors/shard/spool.hpp"

#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace shardyard {

namespace {

struct record_head {
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};

constexpr std::uint64_t largest_record = 1u << 30;
constexpr std::string_view suffix = ".spool";

bool write_all(int file, std::uint64_t offset, const record_head& head, std::string_view body) {
  auto done = std::size_t{0};
  auto total = sizeof head + body.size();
  while (done < total) {
    iovec parts[2] = {};
    int used = 0;
    if (done < sizeof head)
      parts[used++] = {const_cast<char*>(reinterpret_cast<const char*>(&head)) + done, sizeof head - done};
    auto skip = done > sizeof head ? done - sizeof head : 0;
    parts[used++] = {const_cast<char*>(body.data()) + skip, body.size() - skip};
    auto n = ::pwritev(file, parts, used, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

bool read_all(int file, std::uint64_t offset, char* to, std::size_t size) {
  while (size > 0) {
    auto n = ::pread(file, to, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n == 0)
      errno = EIO;
    if (n <= 0)
      return false;
    offset += static_cast<std::uint64_t>(n);
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

void delete_leftovers(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (entry.path().extension() == suffix)
      std::filesystem::remove(entry.path(), ignored);
}

} // namespace

spool::spool(spool_settings settings) : settings_(std::move(settings)) {
  delete_leftovers(settings_.folder);
}

spool::~spool() {
  clear();
}

spool::spool(spool&& other) noexcept
    : settings_(std::move(other.settings_)),
      segments_(std::exchange(other.segments_, {})),
      next_number_(other.next_number_),
      records_(std::exchange(other.records_, 0)),
      bytes_(std::exchange(other.bytes_, 0)),
      problem_(std::move(other.problem_)) {}

bool spool::append(std::string_view record) {
  auto needed = sizeof(record_head) + record.size();
  if (record.size() > largest_record || bytes_ + needed > settings_.max_bytes) {
    problem_ = "spool " + settings_.folder.string() + " is full: " + std::to_string(bytes_) + " of " +
               std::to_string(settings_.max_bytes) + " bytes used, " + std::to_string(needed) + " needed";
    return false;
  }
  if ((segments_.empty() || segments_.back().written >= settings_.segment_bytes) && !open_segment())
    return false;
  auto& last = segments_.back();
  record_head head{record.size(), XXH3_64bits(record.data(), record.size())};
  if (!write_all(last.file, last.written, head, record)) {
    fail("cannot write", last.path);
    // What was written of it lies beyond `written` and is overwritten by the next try; give the space back if
    // possible.
    [[maybe_unused]] auto cut = ::ftruncate(last.file, static_cast<off_t>(last.written));
    return false;
  }
  last.written += needed;
  bytes_ += needed;
  ++records_;
  problem_.clear();
  return true;
}

bool spool::take(std::string& record) {
  if (records_ == 0)
    return false;
  while (segments_.front().taken == segments_.front().written)
    drop_segment();
  auto& first = segments_.front();
  record_head head;
  if (!read_all(first.file, first.taken, reinterpret_cast<char*>(&head), sizeof head))
    return fail("cannot read", first.path);
  errno = EBADMSG;
  if (head.size > first.written - first.taken - sizeof head)
    return fail("damaged record in", first.path);
  record.resize(head.size);
  if (!read_all(first.file, first.taken + sizeof head, record.data(), record.size()))
    return fail("cannot read", first.path);
  errno = EBADMSG;
  if (XXH3_64bits(record.data(), record.size()) != head.checksum)
    return fail("damaged record in", first.path);
  first.taken += sizeof head + head.size;
  if (--records_ == 0 || (first.taken == first.written && segments_.size() > 1))
    drop_segment();
  problem_.clear();
  return true;
}

void spool::clear() {
  while (!segments_.empty())
    drop_segment();
  records_ = 0;
}

bool spool::open_segment() {
  std::error_code error;
  std::filesystem::create_directories(settings_.folder, error);
  segment next;
  next.path = settings_.folder / (std::to_string(next_number_) + std::string(suffix));
  next.file = ::open(next.path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (next.file < 0)
    return fail("cannot create", next.path);
  ++next_number_;
  segments_.push_back(std::move(next));
  return true;
}

void spool::drop_segment() {
  auto& first = segments_.front();
  ::close(first.file);
  std::error_code ignored;
  std::filesystem::remove(first.path, ignored);
  bytes_ -= first.written;
  segments_.pop_front();
}

bool spool::fail(std::string_view what, const std::filesystem::path& where) {
  problem_ = std::string(what) + " " + where.string() + ": " + std::strerror(errno);
  return false;
}

} // namespace shardyard
