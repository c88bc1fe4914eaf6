#include "actors/partition/packed_shapes.hpp"

#include "actors/partition/packed_walk.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>

namespace shardyard {
namespace {

// Some hundred shapes are in use; the bounds only hold back who makes up keys.
constexpr std::size_t most_keys = 255, most_text = 8192, most_bytes = 2u << 20;
constexpr std::size_t slots = most_shapes * 2, longest_probe = 32;

class shape_table {
public:
  const packed_shape* find(std::uint16_t id) const {
    return id < most_shapes ? by_id_[id].load(std::memory_order_acquire) : nullptr;
  }

  const packed_shape* intern(std::span<const std::string_view> keys, std::uint64_t hash) {
    bool room = true;
    if (auto* known = probe(keys, hash, room); known || !room || full_.load(std::memory_order_relaxed))
      return known;
    std::lock_guard guard{growing_};
    auto* known = probe(keys, hash, room);
    if (known || !room || full_)
      return known;
    std::size_t text = 0;
    for (auto key : keys)
      text += 2 * key.size() + 6 + sizeof(std::uint32_t);
    if (text > most_text || bytes_.load(std::memory_order_relaxed) + text > most_bytes)
      return nullptr;
    bytes_ += text + sizeof(packed_shape);
    auto id = static_cast<std::uint16_t>(shapes_.size());
    auto* made = shapes_.emplace_back(std::make_unique<packed_shape>(id, hash, keys)).get();
    by_id_[id].store(made, std::memory_order_release);
    slot_of(made).store(made, std::memory_order_release);
    full_ = shapes_.size() == most_shapes;
    return made;
  }

  std::size_t bytes() const { return bytes_ + sizeof *this; }

private:
  const packed_shape* probe(std::span<const std::string_view> keys, std::uint64_t hash, bool& room) const {
    for (std::size_t i = 0; i < longest_probe; ++i) {
      auto* here = by_hash_[(hash + i) % slots].load(std::memory_order_acquire);
      if (!here)
        return nullptr;
      if (here->hash() == hash && here->has(keys))
        return here;
    }
    room = false;
    return nullptr;
  }

  std::atomic<const packed_shape*>& slot_of(const packed_shape* made) {
    auto at = made->hash();
    while (by_hash_[at % slots].load(std::memory_order_relaxed))
      ++at;
    return by_hash_[at % slots];
  }

  std::array<std::atomic<const packed_shape*>, most_shapes> by_id_{};
  std::array<std::atomic<const packed_shape*>, slots> by_hash_{};
  std::mutex growing_;
  std::vector<std::unique_ptr<packed_shape>> shapes_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<bool> full_ = false;
};

shape_table& table() {
  static shape_table all;
  return all;
}

/// An object whose keys are ids is a map: its keys are hardly ever met again.
bool is_map(std::span<const std::string_view> keys) {
  return std::ranges::any_of(keys, [](auto key) { return key.empty() || (key[0] >= '0' && key[0] <= '9'); });
}

} // namespace

packed_shape::packed_shape(std::uint16_t id, std::uint64_t hash, std::span<const std::string_view> keys)
    : id_(id), hash_(hash) {
  for (auto key : keys) {
    text_.append(text_.empty() ? "{\"" : ",\"").append(key).append("\":");
    ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  }
  packed::put_keys(head_, keys);
  text_.shrink_to_fit();
  head_.shrink_to_fit();
  ends_.shrink_to_fit();
}

bool packed_shape::has(std::span<const std::string_view> keys) const {
  if (keys.size() != size())
    return false;
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (key(i) != keys[i])
      return false;
  return true;
}

std::uint64_t add_key(std::uint64_t hash, std::string_view key) {
  std::uint64_t head = 0, tail = 0;
  auto part = std::min(key.size(), sizeof head);
  std::memcpy(&head, key.data(), part);
  std::memcpy(&tail, key.data() + key.size() - part, part);
  hash = (hash ^ head ^ key.size()) * 0x9E3779B97F4A7C15ULL;
  hash = (hash ^ hash >> 32 ^ tail) * 0xD6E8FEB86659FD93ULL;
  return hash ^ hash >> 32;
}

const packed_shape* intern_shape(std::span<const std::string_view> keys, std::uint64_t hash) {
  return keys.empty() || keys.size() > most_keys || is_map(keys) ? nullptr : table().intern(keys, hash);
}

const packed_shape* find_shape(std::uint16_t id) {
  return table().find(id);
}

std::size_t shape_table_bytes() {
  return table().bytes();
}

} // namespace shardyard
