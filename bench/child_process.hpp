// A program that the suite starts and reads line by line. Ends with the object, and with the suite even if
// that is killed.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace shardyard::bench {

/// The command on these processors alone, in the words of taskset; empty: on all.
std::vector<std::string> on_processors(const std::string& processors, std::vector<std::string> command);

class child_process {
public:
  /// `environment` is added to ours. With `quiet` standard error goes to `log` instead of ours. Throws
  /// std::runtime_error.
  child_process(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {},
                std::string folder = {}, std::string log = {});
  ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  pid_t pid() const { return pid_; }

  /// The next line of its standard output, without line break; nothing at its end or after `patience`.
  std::optional<std::string> read_line(std::chrono::milliseconds patience);

  void write_line(const std::string& line);

  /// Waits for the line that starts with `start`. Throws std::runtime_error when it does not come.
  std::string await(const std::string& start, std::chrono::milliseconds patience);

  /// Sends SIGTERM, after two seconds SIGKILL, and waits.
  void end();

private:
  std::string name_;
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string buffer_;
};

} // namespace shardyard::bench
