#include "net/bot_routes.hpp"

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

const url discord = *parse_url("https://discord.com/api/v10");

bot_route kind_of(std::string_view target) {
  return route_of(target, discord).route;
}

std::string passed(std::string_view target, std::string_view base = "https://discord.com/api/v10") {
  auto result = route_of(target, *parse_url(base));
  return result.route == bot_route::pass_on ? result.target : "not passed on";
}

TEST(bot_routes, the_gateways_path_is_nothing_but_slashes_in_front_of_any_query) {
  for (auto target : {"", "/", "//", "/?v=10&encoding=json", "//?v=10", "?v=10"})
    EXPECT_EQ(kind_of(target), bot_route::web_socket) << target;
}

TEST(bot_routes, both_gateway_requests_are_known_under_every_base_that_libraries_use) {
  for (std::string base : {"", "/api", "/api/v10", "/api/v9", "/v10"}) {
    EXPECT_EQ(kind_of(base + "/gateway"), bot_route::gateway) << base;
    EXPECT_EQ(kind_of(base + "/gateway/"), bot_route::gateway) << base;
    EXPECT_EQ(kind_of(base + "/gateway?x=1"), bot_route::gateway) << base;
    EXPECT_EQ(kind_of(base + "/gateway/bot"), bot_route::gateway_bot) << base;
  }
}

TEST(bot_routes, other_paths_of_the_api_go_on_with_the_version_of_the_request) {
  EXPECT_EQ(passed("/api/v9/users/@me"), "/api/v9/users/@me");
  EXPECT_EQ(passed("/api/v10/users/@me?a=b&c=%20"), "/api/v10/users/@me?a=b&c=%20");
  EXPECT_EQ(passed("/api/users/@me"), "/api/v10/users/@me");
  EXPECT_EQ(passed("/v8/users/@me"), "/api/v8/users/@me");
  EXPECT_EQ(passed("/api/voice/regions"), "/api/v10/voice/regions");
  EXPECT_EQ(passed("/api/v10/channels/1/messages/2/reactions/%F0%9F%91%8D/@me"),
            "/api/v10/channels/1/messages/2/reactions/%F0%9F%91%8D/@me");
  EXPECT_EQ(passed("/api/v10/gateways"), "/api/v10/gateways");
}

TEST(bot_routes, the_bases_own_path_stands_in_front_whatever_it_is) {
  EXPECT_EQ(passed("/api/v9/x", "http://127.0.0.1:81/proxy/api/v10/"), "/proxy/api/v9/x");
  EXPECT_EQ(passed("/api/x", "http://127.0.0.1:81/proxy/api/v10/"), "/proxy/api/v10/x");
  EXPECT_EQ(passed("/api/v9/x", "http://127.0.0.1:81/api"), "/api/v9/x");
  EXPECT_EQ(passed("/api/v9/x", "http://127.0.0.1:81"), "/v9/x");
  EXPECT_EQ(passed("/api/x", "http://127.0.0.1:81"), "/x");
}

TEST(bot_routes, paths_outside_of_the_api_are_unknown) {
  for (auto target :
       {"/users/@me", "/apiary", "/apis/v10/x", "/v/x", "/v1234/x", "/vx/y", "/index.html", "//api/v10/x"})
    EXPECT_EQ(kind_of(target), bot_route::unknown) << target;
}

TEST(bot_routes, nothing_leaves_the_path_of_the_api) {
  for (auto target : {"/api/v10/../../oauth2", "/api/..", "/api/v10/./x", "/api/%2e%2E/x", "/api/v10/.%2e/x",
                      "http://elsewhere/api/v10/x", "discord.com:443", "*", "/api/v10/a b", "/api/v10/\x01",
                      "/api/v10/\xC3\xA4", "/api/v10/x#y", "/api/v10/\\..\\x"})
    EXPECT_EQ(kind_of(target), bot_route::malformed) << target;
  EXPECT_EQ(passed("/api/v10/emoji/...png"), "/api/v10/emoji/...png");
}

TEST(bot_routes, a_query_is_read_in_any_order_and_what_is_missing_has_its_default) {
  auto plain = parse_bot_query("/");
  EXPECT_EQ(plain.version, 10);
  EXPECT_TRUE(plain.version_ok && plain.encoding_ok && plain.compress_ok);
  EXPECT_EQ(plain.compress, compression::none);
  for (auto target :
       {"//?compress=zstd-stream&v=9&encoding=json", "/?encoding=json&&v=9&x&compress=zstd-stream&"}) {
    auto query = parse_bot_query(target);
    EXPECT_EQ(query.version, 9) << target;
    EXPECT_TRUE(query.version_ok && query.encoding_ok && query.compress_ok) << target;
    EXPECT_EQ(query.compress, compression::zstd_stream) << target;
  }
  EXPECT_EQ(parse_bot_query("?compress=zlib-stream").compress, compression::zlib_stream);
}

TEST(bot_routes, what_a_query_must_not_say_is_told_apart) {
  for (auto target : {"/?v=8", "/?v=11", "/?v=", "/?v=x", "/?v=10x", "/?v=99999999999", "/?v=-10"})
    EXPECT_FALSE(parse_bot_query(target).version_ok) << target;
  EXPECT_FALSE(parse_bot_query("/?encoding=etf").encoding_ok);
  EXPECT_FALSE(parse_bot_query("/?compress=brotli").compress_ok);
  EXPECT_TRUE(parse_bot_query("/?compress=").compress_ok);
}

} // namespace
} // namespace shardyard::net
