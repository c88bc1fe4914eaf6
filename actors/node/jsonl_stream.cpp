#include "actors/node/jsonl_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace shardyard {
namespace {

// A pipe that poll() calls writable takes this much without waiting (POSIX: PIPE_BUF; 4096 on Linux).
constexpr std::size_t pipe_step = 4096;

bool is_regular(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

} // namespace

jsonl_pipe::jsonl_pipe(int fd, std::string name) : fd_(fd), regular_(is_regular(fd)), name_(std::move(name)) {
  std::signal(SIGPIPE, SIG_IGN);
}

bool jsonl_pipe::ready() {
  pollfd entry{fd_, POLLOUT, 0};
  return regular_ || ::poll(&entry, 1, 0) > 0; // POLLERR included: the write then tells what is wrong
}

std::size_t jsonl_pipe::try_write(std::string_view lines) {
  std::size_t taken = 0;
  error_.clear();
  while (taken < lines.size() && ready()) {
    auto size = regular_ ? lines.size() - taken : std::min(pipe_step, lines.size() - taken);
    auto got = ::write(fd_, lines.data() + taken, size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      if (errno != EAGAIN)
        error_ = "cannot write to " + name_ + ": " + std::generic_category().message(errno);
      break;
    }
    taken += static_cast<std::size_t>(got);
  }
  taken_ += taken;
  return taken;
}

jsonl_socket::jsonl_socket(std::string path) : path_(std::move(path)) {
  connect();
}

jsonl_socket::~jsonl_socket() {
  if (fd_ >= 0)
    ::close(fd_);
}

bool jsonl_socket::fail(std::string_view doing) {
  error_ = std::string{doing} + " '" + path_ + "': " + std::generic_category().message(errno);
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
  return false;
}

bool jsonl_socket::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return fail("cannot use the socket path");
  }
  std::memcpy(address.sun_path, path_.data(), path_.size());
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail("cannot connect to");
  error_.clear();
  resend_ = begun_;
  return true;
}

std::size_t jsonl_socket::send(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    auto got = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      if (errno != EAGAIN)
        fail("cannot write to");
      break;
    }
    sent += static_cast<std::size_t>(got);
  }
  return sent;
}

void jsonl_socket::remember(std::string_view sent) {
  auto end = sent.rfind('\n');
  if (end != std::string_view::npos) {
    begun_.clear();
    sent.remove_prefix(end + 1);
  }
  begun_ += sent;
}

std::size_t jsonl_socket::try_write(std::string_view lines) {
  if (fd_ < 0 && !connect())
    return 0;
  resend_.erase(0, send(resend_));
  if (!resend_.empty())
    return 0;
  auto taken = send(lines);
  remember(lines.substr(0, taken));
  taken_ += taken;
  return taken;
}

} // namespace shardyard
