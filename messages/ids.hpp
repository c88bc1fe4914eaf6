// Names that every part of the cluster shares: snowflakes, shards, sources. Plain values, no behaviour beyond
// arithmetic.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace shardyard {

/// A Discord id. The upper 42 bits are milliseconds since 2015 (Discord API reference, "Snowflakes").
using snowflake = std::uint64_t;

inline constexpr std::int64_t discord_epoch_ms = 1420070400000;

/// Unix milliseconds at which `id` was made.
constexpr std::int64_t created_ms(snowflake id) {
  return static_cast<std::int64_t>(id >> 22) + discord_epoch_ms;
}

/// The shard of `guild` under `shard_count` shards (Gateway reference, "Sharding"). `shard_count` must not be
/// 0.
constexpr std::uint32_t shard_of(snowflake guild, std::uint32_t shard_count) {
  return static_cast<std::uint32_t>((guild >> 22) % shard_count);
}

/// The fixed slice of guilds that one partition writes. Events without guild have guild 0 and so live on
/// partition 0.
constexpr std::uint32_t partition_of(snowflake guild, std::uint32_t partition_count) {
  return static_cast<std::uint32_t>((guild >> 22) % partition_count);
}

/// One shard of one topology: `[id, count]` as declared in IDENTIFY. Topology ids start at 1 and are never
/// used again.
struct shard_key {
  std::uint32_t topology = 0;
  std::uint32_t id = 0;
  std::uint32_t count = 0;

  auto operator<=>(const shard_key&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, shard_key& x) {
  return f.object(x).fields(f.field("topology", x.topology), f.field("id", x.id), f.field("count", x.count));
}

/// "2:[3,8]" (topology 2, shard 3 of 8), the form used in log lines and reports.
inline std::string to_string(const shard_key& x) {
  return std::to_string(x.topology) + ":[" + std::to_string(x.id) + "," + std::to_string(x.count) + "]";
}

} // namespace shardyard

template <>
struct std::hash<shardyard::shard_key> {
  std::size_t operator()(const shardyard::shard_key& x) const noexcept {
    auto mixed = (std::uint64_t{x.topology} << 40) ^ (std::uint64_t{x.count} << 20) ^ x.id;
    return static_cast<std::size_t>(mixed * 0x9E3779B97F4A7C15ULL);
  }
};
