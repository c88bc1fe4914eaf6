#include "sim/settings.hpp"

namespace shardyard::sim {

std::string complaint_about(const settings& chosen) {
  using namespace std::chrono_literals;
  auto& x = chosen;
  auto shares_fit = x.medium_guilds >= 0 && x.large_guilds >= 0 && x.medium_guilds + x.large_guilds <= 1;
  if (x.token.empty())
    return "the token must not be empty";
  if (x.certificate_file.empty() != x.key_file.empty())
    return "certificate_file and key_file belong together";
  if (x.self_signed && !x.certificate_file.empty())
    return "self_signed and certificate_file exclude each other";
  if (x.max_concurrency == 0 || x.shard_multiple == 0 || x.nodes == 0 || x.send_limit == 0)
    return "max_concurrency, shard_multiple, nodes and send_limit must be 1 or more";
  if (x.heartbeat_interval < 10ms)
    return "heartbeat_interval must be 10 ms or more";
  if (x.tick < 1ms || x.tick > 1000ms)
    return "tick must be 1 to 1000 ms";
  if (x.copy_delay_min < 0ms || x.copy_delay_max < x.copy_delay_min || x.copy_delay_max > 600'000ms)
    return "copy_delay_min to copy_delay_max must be a range within 0 to 600000 ms";
  if (x.hello_delay < 0ms || x.ready_delay < 0ms || x.identify_spacing < 0ms || x.session_ttl < 0ms)
    return "delays must not be negative";
  if (x.zlib_level < 0 || x.zlib_level > 9 || x.zstd_level < 1 || x.zstd_level > 19)
    return "zlib_level must be 0 to 9, zstd_level 1 to 19";
  if (x.zstd_window_log < 10 || x.zstd_window_log > 23)
    return "zstd_window_log must be 10 to 23";
  if (!shares_fit)
    return "medium_guilds and large_guilds are shares and must add up to 1 at most";
  if (!(x.heartbeat_requests >= 0 && x.heartbeat_requests <= 60) || x.heartbeat_request_deadline < 10ms)
    return "heartbeat_requests must be 0 to 60 per minute, heartbeat_request_deadline 10 ms or more";
  if (!(x.repeated_joins >= 0 && x.repeated_joins <= 1) || !(x.interactions_per_second >= 0) ||
      x.member_request_spacing < 0s)
    return "repeated_joins is a share; interactions_per_second and member_request_spacing must not be "
           "negative";
  if (!(x.events_per_second >= 0) || !(x.twins >= 0 && x.twins <= 1) || !(x.activity_exponent >= 0))
    return "events_per_second, twins (a share) and activity_exponent must not be negative";
  return {};
}

} // namespace shardyard::sim
