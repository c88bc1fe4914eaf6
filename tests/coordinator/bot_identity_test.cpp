// Claims about who the bot is: what REST says, and what READY will say of it.
#include "actors/coordinator/bot_identity.hpp"

#include <gtest/gtest.h>

using namespace shardyard;

TEST(bot_identity, user_and_application_come_back_as_they_were_told) {
  auto document = make_bot_identity(R"({"id":"42","username":"lantern","bot":true})",
                                    R"({"id":"43","name":"Lantern","flags":565248,"owner":{"id":"1"}})");
  auto read = read_bot_identity(document);
  EXPECT_EQ(read.id, 42u);
  EXPECT_EQ(read.user, R"({"id":"42","username":"lantern","bot":true})");
  EXPECT_EQ(read.application, R"({"id":"43","flags":565248})");
}

TEST(bot_identity, without_an_application_the_user_stands_for_it) {
  for (auto application : {"", "[]", R"({"message":"403: Forbidden"})"})
    EXPECT_EQ(read_bot_identity(make_bot_identity(R"({"id":"42"})", application)).application,
              R"({"id":"42","flags":0})");
}

TEST(bot_identity, what_is_no_user_is_no_identity) {
  for (auto user : {"", "{}", "null", R"({"id":42})", R"({"message":"401: Unauthorized","code":0})"})
    EXPECT_EQ(make_bot_identity(user, R"({"id":"43","flags":1})"), "") << user;
  EXPECT_EQ(read_bot_identity("{}").id, 0u);
  EXPECT_EQ(read_bot_identity(R"({"user":{},"application":{}})").id, 0u);
}
