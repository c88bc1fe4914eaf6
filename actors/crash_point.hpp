// Ends this process at a chosen durable write, as a power cut there would: for tests of what a crash leaves
// behind. Off unless the environment names a file in SHARDYARD_CRASH_FILE; a test puts "KIND N before" or
// "KIND N after" there at any time, and the N-th write of that kind from then on is the last thing that the
// process does or does not do. Kinds: first part of a key of the coordinator's journal ("plan", "groups",
// "placement", "permit", "text"), or "log" and "log_snapshot" for position logs. Thread-safe.
#pragma once

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>

namespace shardyard {

class crash_point {
public:
  static crash_point& of_this_process() {
    static crash_point result;
    return result;
  }

  void before(std::string_view kind) {
    if (!path_)
      return;
    std::lock_guard guard{lock_};
    read_order();
    if (kind == kind_ && left_ > 0 && --left_ == 0) {
      due_ = true;
      if (!after_)
        end();
    }
  }

  void after(std::string_view kind) {
    if (!path_)
      return;
    std::lock_guard guard{lock_};
    if (due_ && kind == kind_)
      end();
  }

private:
  crash_point() : path_{std::getenv("SHARDYARD_CRASH_FILE")} {}

  /// The file is taken away with its order, so that the next life of the process goes on.
  void read_order() {
    std::ifstream file{path_};
    std::string moment;
    if (!(file >> kind_ >> left_ >> moment))
      return;
    after_ = moment == "after";
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

  [[noreturn]] static void end() {
    std::raise(SIGKILL);
    std::abort();
  }

  const char* path_;
  std::mutex lock_;
  std::string kind_;
  std::uint64_t left_ = 0;
  bool after_ = false;
  bool due_ = false;
};

} // namespace shardyard
