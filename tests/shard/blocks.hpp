// Event blocks for tests of the shard's classes: short to write, easy to compare.
#pragma once

#include "messages/event_block.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <stdlib.h>

namespace shardyard {

struct test_event {
  snowflake guild = 0;
  std::uint64_t s = 0;
  std::string d = "{}";
};

inline std::shared_ptr<const event_block> make_block(const std::vector<test_event>& events,
                                                     std::string session = "s1") {
  auto block = std::make_shared<event_block>();
  block->from = {{1, 0, 4}, std::move(session)};
  block->received_ns = 5;
  block->newest_ms = 7;
  std::string bytes;
  for (auto& x : events) {
    event_entry e;
    e.guild = x.guild;
    e.s = x.s;
    e.t_offset = static_cast<std::uint32_t>(bytes.size());
    bytes += "MESSAGE_CREATE";
    e.t_size = 14;
    e.d_offset = static_cast<std::uint32_t>(bytes.size());
    e.d_size = static_cast<std::uint32_t>(x.d.size());
    bytes += x.d;
    e.type = find_event_type("MESSAGE_CREATE");
    block->entries.push_back(e);
  }
  block->bytes = std::make_shared<const std::string>(std::move(bytes));
  return block;
}

/// Sequences and payloads of a block as one text.
inline std::string text_of(const event_block& block) {
  std::string result = block.from.session_id.str() + ":";
  for (auto& e : block.entries)
    result.append(" ")
        .append(std::to_string(e.guild))
        .append("/")
        .append(std::to_string(e.s))
        .append("=")
        .append(block.data(e));
  return result;
}

/// A folder of its own, gone with the object.
class scratch_folder {
public:
  scratch_folder() {
    auto name = (std::filesystem::temp_directory_path() / "shardyard-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~scratch_folder() { std::filesystem::remove_all(path_); }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::size_t files() const {
    std::size_t n = 0;
    for (auto& entry : std::filesystem::recursive_directory_iterator(path_))
      n += entry.is_regular_file() ? 1 : 0;
    return n;
  }

private:
  std::filesystem::path path_;
};

} // namespace shardyard
