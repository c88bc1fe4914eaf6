// What a reshard would cost and bring: the dry run behind `shardyard plan N`. A pure calculation from
// measured or assumed figures; it reserves nothing and promises nothing, and says of each estimate what it is
// made of.
#pragma once

#include "actors/coordinator/reshard_plan.hpp"

namespace shardyard {

struct forecast_input {
  reshard_request request;
  plan_context context;
  std::uint32_t identifies_total = 1000;   ///< `session_start_limit.total`
  std::uint32_t identifies_left_today = 0; ///< for any purpose, the reserve included
  std::uint32_t max_concurrency = 1;
  std::chrono::milliseconds key_spacing{5150};   ///< between IDENTIFYs of one key, margin included
  std::chrono::milliseconds ready_latency{1500}; ///< IDENTIFY to READY, measured
  double guilds_per_second = 200;                ///< of the GUILD_CREATE stream of one shard, measured
  std::chrono::milliseconds freshness{2000};     ///< before an anchor may cut
  std::chrono::milliseconds quiet{5000};         ///< silence that allows a cut
  std::chrono::milliseconds stable_for{60'000};
  std::uint64_t bytes_per_guild = 4096;    ///< hand-over state of a guild that has two sessions, measured
  std::uint64_t bytes_per_shard = 1 << 20; ///< socket, TLS and decoder of one more session, measured
};

struct forecast_time {
  std::chrono::milliseconds permits{}; ///< (most permits on one key - 1) * key spacing
  std::chrono::milliseconds ready{};   ///< READY and guild stream of the last shard
  std::chrono::milliseconds freshness{};
  std::chrono::milliseconds
      cuts{}; ///< the wait for silence; guilds with anchors are faster, never quiet ones slower
  std::chrono::milliseconds stable_for{};
  std::chrono::milliseconds total{};
};

struct better_count {
  std::uint32_t shard_count = 0;
  std::string why;
};

struct forecast {
  std::optional<refusal> refused; ///< what `reshard` would answer now; the figures are given all the same
  std::uint32_t units = 0;
  std::uint32_t identifies_needed = 0;
  std::uint32_t identifies_left = 0;       ///< for reshards, before
  std::uint32_t identifies_left_today = 0; ///< for any purpose, afterwards
  std::uint32_t most_permits_on_one_key = 0;
  forecast_time time;
  std::uint64_t guilds = 0;
  double share_with_new_shard_id = 0; ///< all guilds get a new session; this share also another shard number
  double guilds_per_shard_before = 0;
  double guilds_per_shard_after = 0;
  std::uint64_t fullest_shard_after = 0;
  std::uint64_t overlap_bytes = 0;
  std::vector<std::uint32_t> legal_counts; ///< nearby counts that Discord accepts, ascending
  std::vector<better_count> better;
  std::vector<std::string> warnings;
};

/// `request.shard_count` of 0 gives only the refusal and the legal counts.
forecast make_forecast(const forecast_input& input, unix_time now);

/// The fewest shards of at most `guilds_per_shard` expected guilds, as a legal multiple.
std::uint32_t shards_for(std::uint64_t guilds, std::uint32_t guilds_per_shard, std::uint32_t shard_multiple);

/// Share of guilds whose shard number differs between the two counts: shard ids agree for min of lcm(N, M)
/// residues.
double share_with_new_shard_id(std::uint32_t from, std::uint32_t to);

} // namespace shardyard
