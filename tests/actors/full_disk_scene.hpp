// A partition group in virtual time whose position log lies on a disk that is full when the test says so.
#pragma once

#include "tests/actors/partition_scene.hpp"

#include <cerrno>

namespace shardyard::testing {

class full_log_disk final : public disk {
public:
  bool full = false;

  ssize_t write(int file, const void* bytes, std::size_t size) override {
    if (!full)
      return disk::write(file, bytes, size);
    errno = ENOSPC;
    return -1;
  }
};

struct full_disk_scene : partition_scene {
  std::shared_ptr<full_log_disk> log_disk = std::make_shared<full_log_disk>();

  void begin() {
    w.end(group);
    sink->at_once = true;
    group = spawn(log_disk);
    mark(mark_kind::started);
    events();
    w.pass(1s);
    ASSERT_EQ(heard->acknowledged(), 2u);
  }
};

} // namespace shardyard::testing
