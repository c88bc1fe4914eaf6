#include "actors/bot_session/ready_payload.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace shardyard {
namespace {

// 512: more than any bot starts at once, and few enough for libraries that make one queue per key.
constexpr auto max_concurrency = 512;
constexpr auto identifies_left = 1'000'000;

void append_guilds(std::string& out, std::span<const snowflake> guilds) {
  auto first = true;
  for (auto guild : guilds) {
    if (!first)
      out += ',';
    first = false;
    out += R"({"unavailable":true,"id":")";
    out += std::to_string(guild);
    out += "\"}";
  }
}

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string_view{text.data(), text.size()});
}

} // namespace

std::string hello_payload(std::chrono::milliseconds heartbeat) {
  return R"({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":)" + std::to_string(heartbeat.count()) +
         R"(,"_trace":["[\"shardyard\",{\"micros\":0}]"]}})";
}

std::string ready_payload(const ready_content& x) {
  std::string d = R"({"v":10,"user_settings":{},"user":)";
  d.reserve(1024 + x.user.size() + x.application.size() + x.guilds.size() * 48);
  d.append(x.user.empty() ? "{}" : x.user);
  d.append(R"(,"session_type":"normal","session_id":)").append(quoted(x.session_id));
  d.append(R"(,"resume_gateway_url":)").append(quoted(x.resume_url));
  d += R"(,"relationships":[],"private_channels":[],"presences":[],"guilds":[)";
  append_guilds(d, x.guilds);
  d += R"(],"guild_join_requests":[],"geo_ordered_rtc_regions":[],"game_relationships":[],"auth":{})";
  d.append(R"(,"application":)").append(x.application.empty() ? "{}" : x.application);
  if (x.sharded)
    d += ",\"shard\":[" + std::to_string(x.shard.id) + "," + std::to_string(x.shard.count) + "]";
  d += R"(,"_trace":["[\"shardyard\",{\"micros\":0}]"]})";
  return d;
}

std::string deleted_guild(snowflake guild, bool unavailable) {
  return R"({"id":")" + std::to_string(guild) + (unavailable ? R"(","unavailable":true})" : "\"}");
}

std::string gateway_bot_body(std::string_view url, std::uint32_t shards) {
  boost::json::object limit{{"total", identifies_left},
                            {"remaining", identifies_left},
                            {"reset_after", 86'400'000},
                            {"max_concurrency", max_concurrency}};
  return boost::json::serialize(boost::json::object{{"url", boost::json::string_view{url.data(), url.size()}},
                                                    {"shards", shards},
                                                    {"session_start_limit", std::move(limit)}});
}

std::string gateway_body(std::string_view url) {
  return boost::json::serialize(
      boost::json::object{{"url", boost::json::string_view{url.data(), url.size()}}});
}

} // namespace shardyard
