// Line writers for places without a memory: a pipe or terminal (stdout) and a Unix stream socket. Neither
// waits for its reader. A reader that went away has lost what it had not read; it sees that as a hole in the
// guild's delivery numbers `n`.
#pragma once

#include "actors/node/jsonl_file.hpp"

#include <cstdint>
#include <string>

namespace shardyard {

/// Writes to an open descriptor that it does not own, without setting O_NONBLOCK on it (stdout is shared with
/// other processes). Ignores SIGPIPE for the process, so that a closed reader is an error and not the end.
class jsonl_pipe final : public line_writer {
public:
  jsonl_pipe(int fd, std::string name);

  std::size_t try_write(std::string_view lines) override;
  std::string_view error() const override { return error_; }
  std::uint64_t offset() const override { return taken_; }
  bool may_stall() const override { return regular_; }

private:
  bool ready();

  int fd_;
  bool regular_; ///< redirected to a file: writes do not wait for a reader
  std::string name_;
  std::string error_;
  std::uint64_t taken_ = 0;
};

/// Connects to a listening Unix stream socket, again at each call after the connection broke. A line that was
/// only partly sent is sent from its start to the next reader.
class jsonl_socket final : public line_writer {
public:
  explicit jsonl_socket(std::string path);
  jsonl_socket(const jsonl_socket&) = delete;
  jsonl_socket& operator=(const jsonl_socket&) = delete;
  ~jsonl_socket() override;

  std::size_t try_write(std::string_view lines) override;
  std::string_view error() const override { return error_; }
  std::uint64_t offset() const override { return taken_; }
  bool may_stall() const override { return false; }

private:
  bool connect();
  std::size_t send(std::string_view bytes);
  bool fail(std::string_view doing);
  void remember(std::string_view sent);

  std::string path_;
  std::string error_;
  std::string begun_;  ///< bytes of the current line that were taken already
  std::string resend_; ///< part of begun_ that the present reader still lacks
  std::uint64_t taken_ = 0;
  int fd_ = -1;
};

} // namespace shardyard
