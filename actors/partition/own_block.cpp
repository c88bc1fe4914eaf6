#include "actors/partition/own_block.hpp"

namespace shardyard {

std::shared_ptr<const event_block> own_block(const event_block& x, std::uint32_t index) {
  auto& e = x.entries[index];
  auto copy = std::make_shared<event_block>();
  copy->from = x.from;
  copy->received_ns = x.received_ns;
  copy->newest_ms = x.newest_ms;
  std::string bytes;
  bytes.reserve(std::size_t{e.t_size} + e.d_size);
  bytes.append(x.name(e)).append(x.data(e));
  copy->entries = {e};
  copy->entries[0].t_offset = 0;
  copy->entries[0].d_offset = e.t_size;
  copy->bytes = std::make_shared<const std::string>(std::move(bytes));
  return copy;
}

void detach(lane_event& x) {
  constexpr std::size_t little = 64; // of Discord's envelope around `d`
  if (!x.block)
    return;
  auto& e = x.block->entries[x.index];
  if (x.block->entries.capacity() == 1 &&
      x.block->bytes->capacity() <= std::size_t{e.t_size} + e.d_size + little)
    return;
  x.block = own_block(*x.block, x.index);
  x.index = 0;
}

} // namespace shardyard
