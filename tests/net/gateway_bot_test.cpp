#include "net/gateway_bot.hpp"

#include "net/rest.hpp"
#include "tests/source_dir.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <unistd.h>

namespace shardyard::net {
namespace {

using std::chrono::milliseconds;

constexpr auto good_body =
    R"({"url":"wss://gateway.discord.gg/","shards":7,"session_start_limit":{"total":1000,"remaining":998,)"
    R"("reset_after":14400000,"max_concurrency":16},"new_field":1})";

template <class Answer>
Answer read_as(unsigned status, std::string_view header, std::string_view body) {
  auto answer = read_gateway_bot(status, header, body);
  EXPECT_TRUE(std::holds_alternative<Answer>(answer)) << to_string(answer);
  return std::holds_alternative<Answer>(answer) ? std::get<Answer>(answer) : Answer{};
}

TEST(gateway_bot, a_good_answer_is_read_in_full) {
  auto answer = read_as<gateway_bot>(200, "", good_body);
  EXPECT_EQ(answer.url, "wss://gateway.discord.gg/");
  EXPECT_EQ(answer.shards, 7U);
  EXPECT_EQ(answer.total, 1000U);
  EXPECT_EQ(answer.remaining, 998U);
  EXPECT_EQ(answer.reset_after, milliseconds{14'400'000});
  EXPECT_EQ(answer.max_concurrency, 16U);
}

TEST(gateway_bot, the_sample_answer_is_read) {
  std::ifstream file{source_dir() / "tests/net/payloads/00-rest-gateway-bot.json"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_FALSE(read_as<gateway_bot>(200, "", text).url.empty());
}

TEST(gateway_bot, a_wrong_token_is_told_apart_from_a_blocked_host) {
  read_as<unauthorized>(401, "", R"({"message":"401: Unauthorized","code":0})");
  EXPECT_EQ(read_as<blocked>(403, "", "<html>error code: 1020</html>").status, 403U);
  read_as<blocked>(403, "", R"({"message":"Missing Access"})");
  read_as<blocked>(200, "", "<!doctype html>");
}

TEST(gateway_bot, a_rate_limit_says_how_long_by_header_or_body_and_the_longer_counts) {
  auto both = read_as<rate_limited>(429, "65", R"({"message":"..","retry_after":64.57,"global":true})");
  EXPECT_EQ(both.retry_after, milliseconds{65'000});
  EXPECT_TRUE(both.global);
  EXPECT_EQ(read_as<rate_limited>(429, "", R"({"retry_after":64.57})").retry_after, milliseconds{64'570});
  EXPECT_EQ(read_as<rate_limited>(429, "82800", "<html>").retry_after, milliseconds{82'800'000})
      << "23 hours";
  EXPECT_EQ(read_as<rate_limited>(429, "", "").retry_after, milliseconds{1000}) << "never at once";
  EXPECT_EQ(read_as<rate_limited>(429, "-5", R"({"retry_after":-3})").retry_after, milliseconds{1000});
  EXPECT_LE(read_as<rate_limited>(429, "1e300", R"({"retry_after":1e300})").retry_after,
            std::chrono::hours{7 * 24});
}

TEST(gateway_bot, server_faults_and_garbage_are_told_apart) {
  EXPECT_EQ(read_as<server_fault>(503, "", "<html>").status, 503U);
  for (auto body :
       {"", "null", "[]", "{", R"({"url":"wss://g"})", R"({"url":1,"shards":1,"session_start_limit":{}})",
        R"({"url":"http://g","shards":1,"session_start_limit":{"total":1,"remaining":1,"reset_after":1}})",
        R"({"url":"wss://g","shards":0,"session_start_limit":{"total":1,"remaining":1,"reset_after":1}})",
        R"({"url":"wss://g","shards":-1,"session_start_limit":{"total":1,"remaining":1,"reset_after":1}})",
        R"({"url":"wss://g","shards":1.5,"session_start_limit":{"total":1,"remaining":1,"reset_after":1}})"})
    read_as<unreadable>(200, "", body);
  read_as<unreadable>(404, "", R"({"message":"404: Not Found"})");
}

TEST(gateway_bot, the_request_carries_token_and_user_agent_and_no_more_lines_than_meant) {
  rest_settings settings;
  settings.token = "abc\r\nX-Evil: 1";
  auto request = rest_request_text(*parse_url("https://discord.com/api/v10/gateway/bot"), settings);
  EXPECT_TRUE(request.starts_with("GET /api/v10/gateway/bot HTTP/1.1\r\nHost: discord.com\r\n"));
  EXPECT_NE(request.find("\r\nAuthorization: Bot abcX-Evil: 1\r\n"), std::string::npos);
  EXPECT_NE(request.find("\r\nUser-Agent: DiscordBot ("), std::string::npos);
  settings.token = "Bot abc";
  EXPECT_NE(rest_request_text(*parse_url("https://a"), settings).find("Authorization: Bot abc\r\n"),
            std::string::npos);
}

class gateway_bot_disk : public testing::Test {
protected:
  gateway_bot_disk()
      : folder_(std::filesystem::temp_directory_path() / ("gateway_bot_" + std::to_string(getpid()))) {
    std::filesystem::create_directory(folder_);
  }
  ~gateway_bot_disk() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(gateway_bot_disk, the_last_good_answer_comes_back_as_it_was_kept) {
  gateway_bot_file file{folder_ / "gateway.json"};
  EXPECT_FALSE(file.load());
  gateway_bot answer{"wss://g.gg", 12, 2000, 1999, milliseconds{5}, 16};
  EXPECT_EQ(file.save(answer, 1'800'000'000'000), std::nullopt);
  answer.shards = 13;
  EXPECT_EQ(file.save(answer, 1'800'000'000'001), std::nullopt);
  auto loaded = file.load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->answer, answer);
  EXPECT_EQ(loaded->saved_ms, 1'800'000'000'001);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{folder_}, {}), 1) << "no temporary file stays";
}

TEST_F(gateway_bot_disk, a_damaged_file_is_no_answer) {
  auto path = folder_ / "gateway.json";
  gateway_bot_file file{path};
  file.save({"wss://g.gg"}, 1);
  std::filesystem::resize_file(path, 20);
  EXPECT_FALSE(file.load());
}

TEST_F(gateway_bot_disk, a_failed_write_is_reported_and_keeps_the_file_before) {
  auto why = gateway_bot_file{folder_ / "missing" / "gateway.json"}.save({"wss://g.gg"}, 1);
  ASSERT_TRUE(why);
  EXPECT_NE(why->find("gateway.json"), std::string::npos);
}

} // namespace
} // namespace shardyard::net
