#include "actors/node/jsonl_file.hpp"

#include "actors/node/jsonl_stream.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace shardyard {

std::unique_ptr<line_writer> open_line_writer(const std::string& path) {
  static constexpr std::string_view socket_prefix = "unix:";
  if (path == "-")
    return std::make_unique<jsonl_pipe>(STDOUT_FILENO, "stdout");
  if (path.starts_with(socket_prefix))
    return std::make_unique<jsonl_socket>(path.substr(socket_prefix.size()));
  return std::make_unique<jsonl_file>(path);
}

jsonl_file::jsonl_file(std::string path) : path_(std::move(path)) {
  open();
}

jsonl_file::~jsonl_file() {
  if (fd_ >= 0)
    ::close(fd_);
}

bool jsonl_file::fail(std::string_view doing) {
  auto reason =
      errno == EWOULDBLOCK ? "another process writes to it" : std::generic_category().message(errno);
  error_ = std::string{doing} + " '" + path_ + "': " + reason;
  return false;
}

bool jsonl_file::open() {
  std::error_code ignored; // a folder that cannot be made shows when the file is opened
  std::filesystem::create_directories(std::filesystem::path{path_}.parent_path(), ignored);
  auto fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0)
    return fail("cannot open");
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    fail("cannot lock");
    ::close(fd);
    return false;
  }
  fd_ = fd;
  error_.clear();
  return true;
}

std::size_t jsonl_file::try_write(std::string_view lines) {
  if (fd_ < 0 && !open())
    return 0;
  std::size_t taken = 0;
  while (taken < lines.size()) {
    auto got = ::write(fd_, lines.data() + taken, lines.size() - taken);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      fail("cannot write to");
      return taken;
    }
    taken += static_cast<std::size_t>(got);
  }
  error_.clear();
  return taken;
}

std::uint64_t jsonl_file::offset() const {
  struct stat status {};
  return fd_ >= 0 && ::fstat(fd_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

bool jsonl_file::sync() {
  if (fd_ < 0)
    return false;
  return ::fdatasync(fd_) == 0 || fail("cannot sync");
}

bool jsonl_file::reopen() {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
  return open();
}

} // namespace shardyard
