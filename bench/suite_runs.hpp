// The figures of the suite, a function per subject. Each adds its rows to the table; what cannot be run adds
// rows that say so.
#pragma once

#include "bench/bench_ground.hpp"
#include "bench/figure_table.hpp"

namespace shardyard::bench {

/// CPU per event as fast as the socket takes it, on the three transports: link and node against the floor.
void run_throughput(const bench_ground& ground, figure_table& table);

/// CPU at 2,000 events/s, where wake-ups dominate.
void run_moderate_rate(const bench_ground& ground, figure_table& table);

/// Time from the server's send to link callback and to a sink's reader at 5,000 events/s.
void run_latency(const bench_ground& ground, figure_table& table);

/// Memory of a shard that receives nothing: the difference of many shards and one.
void run_idle_memory(const bench_ground& ground, figure_table& table);

/// CPU while two topologies carry the same events.
void run_overlap(const bench_ground& ground, figure_table& table);

/// Memory of the hand-over state while two topologies cover 10,000 guilds, beside the node's without it.
void run_overlap_memory(const bench_ground& ground, figure_table& table);

/// Gateway clients from npm on the same stream.
void run_other_clients(const bench_ground& ground, figure_table& table);

/// Memory and cost of the guild cache, in this process.
void run_guild_cache(const bench_ground& ground, figure_table& table);

/// CPU per event delivered to bots that connect to a node, against the same bytes moved by a plain loop.
void run_bots(const bench_ground& ground, figure_table& table);

/// Time from the server's send to a bot behind a node, beside a direct connection of the same client.
void run_bot_latency(const bench_ground& ground, figure_table& table);

/// What a bot that does not read costs the others, and in memory.
void run_stalled_bot(const bench_ground& ground, figure_table& table);

/// READY and all guilds from the cache.
void run_bot_start(const bench_ground& ground, figure_table& table);

/// Single steps of the path, from bench_rules.
void run_rules(const bench_ground& ground, figure_table& table);

} // namespace shardyard::bench
