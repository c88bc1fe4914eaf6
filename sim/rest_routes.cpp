#include "sim/rest_routes.hpp"

#include "sim/bot_routes.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace shardyard::sim {
namespace {

namespace json = boost::json;

http_answer too_many(gateway& discord, moment now) {
  auto left = std::chrono::duration<double>(*discord.rate_limited_until() - now).count();
  auto whole = std::to_string(static_cast<long>(std::ceil(left)));
  auto result =
      as_json({{"message", "You are being rate limited."}, {"retry_after", left}, {"global", false}}, 429);
  result.headers = {{"Retry-After", whole},         {"X-RateLimit-Limit", "2"},
                    {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset-After", std::to_string(left)},
                    {"X-RateLimit-Scope", "user"},  {"X-RateLimit-Bucket", "gateway-bot"}};
  return result;
}

http_answer bot_gateway(gateway& discord, const std::string& base_url, moment now) {
  if (discord.rate_limited_until() && now < *discord.rate_limited_until())
    return too_many(discord, now);
  auto& limits = discord.identifies();
  return as_json({{"url", base_url},
                  {"shards", discord.recommended_shards()},
                  {"session_start_limit",
                   {{"total", limits.budget()},
                    {"remaining", limits.remaining(now)},
                    {"reset_after", limits.reset_after(now).count()},
                    {"max_concurrency", limits.max_concurrency()}}}});
}

// The form is mandatory by the documentation (API reference, "User Agent"); Discord also lets libraries in
// that name themselves otherwise, with their address (cloudstorm), or not at all: oceanic.js sends what fetch
// of Node.js does.
bool is_library(std::string_view user_agent) {
  return user_agent.starts_with("DiscordBot (") || user_agent.find(" (http") != std::string_view::npos ||
         user_agent == "node";
}

} // namespace

http_answer as_json(const json::value& body, int status) {
  return {.status = status, .body = json::serialize(body)};
}

http_answer refusal(int status, std::string text, int code) {
  return as_json({{"message", std::move(text)}, {"code", code}}, status);
}

std::string_view route_of(std::string_view target) {
  target = target.substr(0, target.find('?'));
  if (target.starts_with("/api/"))
    target.remove_prefix(4);
  if (target.size() > 3 && target.starts_with("/v") && std::isdigit(static_cast<unsigned char>(target[2])))
    target.remove_prefix(std::min(target.size(), target.find('/', 1)));
  return target;
}

http_answer rest(gateway& discord, const http_question& asked, const std::string& base_url, moment now) {
  auto route = route_of(asked.target);
  if (!is_library(asked.user_agent)) {
    discord.broken().add("user_agent", "REST request with \"" + asked.user_agent + "\"", {}, now);
    return {.status = 403,
            .type = "text/html",
            .body = "<html><title>Access denied</title>error code: 1020</html>"};
  }
  auto reads = asked.method == "GET";
  if (route == "/gateway")
    return reads ? as_json({{"url", base_url}}) : refusal(405, "405: Method Not Allowed");
  if (auto answered = interaction_routes(discord, asked, route, now))
    return *std::move(answered);
  if (!discord.authorised(asked.authorization)) {
    discord.broken().add("token", "REST request " + std::string{route} + " without valid authorization", {},
                         now);
    return refusal(401, "401: Unauthorized");
  }
  if (route == "/gateway/bot")
    return reads ? bot_gateway(discord, base_url, now) : refusal(405, "405: Method Not Allowed");
  return bot_routes(discord, asked, route, now);
}

} // namespace shardyard::sim
