// The two calls of a log that wait for a disk, behind an interface, so that a test can make a disk that
// stalls or fails. No state; whoever calls is in a thread that may wait.
#pragma once

#include <cstddef>

#include <sys/types.h>

namespace shardyard {

class disk {
public:
  virtual ~disk() = default;

  /// As write(2).
  virtual ssize_t write(int file, const void* bytes, std::size_t size);

  /// As fsync(2).
  virtual int sync(int file);
};

/// The machine's own.
disk& real_disk();

} // namespace shardyard
