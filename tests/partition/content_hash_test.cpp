// Two sessions show one event with different bytes; two events with different content must not look equal.
#include "actors/partition/content_hash.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

TEST(content_hashes, the_order_of_keys_does_not_count_at_any_depth) {
  EXPECT_EQ(content_hash(R"({"a":1,"b":{"c":[1,2],"d":null}})"),
            content_hash(R"({ "b":{"d":null,"c":[1,2]}, "a":1})"));
}

TEST(content_hashes, the_order_of_array_members_counts) {
  EXPECT_NE(content_hash("[1,2]"), content_hash("[2,1]"));
}

TEST(content_hashes, values_of_different_keys_do_not_cancel_out) {
  EXPECT_NE(content_hash(R"({"a":1,"b":2})"), content_hash(R"({"a":2,"b":1})"));
  EXPECT_NE(content_hash(R"({"a":{"x":1},"b":{}})"), content_hash(R"({"a":{},"b":{"x":1}})"));
}

TEST(content_hashes, types_are_told_apart) {
  const char* values[] = {"null",  "true",   "false", "0",  "1",       "0.5",
                          R"("")", R"("1")", "[]",    "{}", R"([""])", "[[]]"};
  for (auto x : values)
    for (auto y : values)
      EXPECT_EQ(content_hash(x) == content_hash(y), std::string_view{x} == y) << x << " and " << y;
}

TEST(content_hashes, the_time_of_processing_does_not_count) {
  EXPECT_EQ(content_hash(R"({"status":"idle","processed_at_timestamp":1795178103417})"),
            content_hash(R"({"processed_at_timestamp":1795178103999,"status":"idle"})"));
  EXPECT_EQ(content_hash(R"({"status":"idle"})"),
            content_hash(R"({"status":"idle","processed_at_timestamp":1})"));
}

TEST(content_hashes, the_signature_of_a_cdn_link_does_not_count_but_its_path_does) {
  auto link = [](std::string path, std::string query) {
    return content_hash(R"({"url":"https://cdn.discordapp.com/)" + path + query + R"("})");
  };
  EXPECT_EQ(link("a.png", "?ex=65&is=66&hm=abc&"), link("a.png", "?ex=75&is=76&hm=def"));
  EXPECT_EQ(link("a.png", "?ex=65&is=66&hm=abc"), link("a.png", ""));
  EXPECT_EQ(link("a.png", "?ex=65&width=10&hm=abc"), link("a.png", "?width=10"));
  EXPECT_NE(link("a.png", "?ex=65&width=10"), link("a.png", "?width=20&ex=65"));
  EXPECT_NE(link("a.png", "?ex=65"), link("b.png", "?ex=65"));
}

TEST(content_hashes, other_links_keep_their_parameters) {
  EXPECT_NE(content_hash(R"("https://example.com/?ex=1")"), content_hash(R"("https://example.com/?ex=2")"));
}

TEST(content_hashes, bytes_that_are_no_json_are_hashed_as_they_are) {
  EXPECT_NE(content_hash("{\"a\":"), 0u);
  EXPECT_EQ(content_hash("{\"a\":"), content_hash("{\"a\":"));
  EXPECT_NE(content_hash("{\"a\":"), content_hash("{\"b\":"));
  EXPECT_NE(content_hash(""), 0u);
}

TEST(presence_users, the_id_is_found_and_nonsense_is_not) {
  EXPECT_EQ(presence_user(R"({"status":"dnd","user":{"id":"443673897947766885"}})"), 443673897947766885u);
  EXPECT_EQ(presence_user(R"({"user":{"id":"443673897947766885"},"status":"dnd"})"), 443673897947766885u);
  EXPECT_EQ(presence_user(R"({"user": {"id": "443673897947766885"}})"), 443673897947766885u);
  EXPECT_EQ(presence_user(R"({"user":{"id":")"), 0u);
  EXPECT_EQ(presence_user(R"({"user":{"id":5}})"), 0u);
  EXPECT_EQ(presence_user(R"({"user":{"id":"5x"}})"), 0u);
  EXPECT_EQ(presence_user(R"({"user":null})"), 0u);
  EXPECT_EQ(presence_user("["), 0u);
}

} // namespace
} // namespace shardyard
