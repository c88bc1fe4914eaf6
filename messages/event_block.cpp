#include "messages/event_block.hpp"

#include <bit>
#include <cstring>

namespace shardyard {

static_assert(std::endian::native == std::endian::little,
              "event_entry crosses hosts as raw little-endian words");

packed_events pack(const event_block& block) {
  packed_events result;
  std::size_t total = 0;
  for (auto& e : block.entries)
    total += e.d_size + e.t_size;
  result.bytes.reserve(total);
  result.index.reserve(block.entries.size() * sizeof(event_entry));
  for (auto e : block.entries) {
    auto name = block.name(e);
    auto data = block.data(e);
    e.t_offset = static_cast<std::uint32_t>(result.bytes.size());
    result.bytes += name;
    e.d_offset = static_cast<std::uint32_t>(result.bytes.size());
    result.bytes += data;
    result.index.append(reinterpret_cast<const char*>(&e), sizeof e);
  }
  return result;
}

bool unpack(packed_events packed, event_block& block) {
  if (packed.index.size() % sizeof(event_entry) != 0)
    return false;
  block.entries.resize(packed.index.size() / sizeof(event_entry));
  if (!block.entries.empty())
    std::memcpy(block.entries.data(), packed.index.data(), packed.index.size());
  auto fits = [size = packed.bytes.size()](std::uint64_t offset, std::uint64_t length) {
    return offset + length <= size;
  };
  for (auto& e : block.entries) {
    if (!fits(e.t_offset, e.t_size) || !fits(e.d_offset, e.d_size) || e.type >= event_types().size() ||
        e.lane > lane::local)
      return false;
  }
  block.bytes = std::make_shared<const std::string>(std::move(packed.bytes));
  return true;
}

} // namespace shardyard
