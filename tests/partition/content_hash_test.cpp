// Two sessions show one event with different bytes; two events with different content must not look equal.
#include "actors/partition/content_hash.hpp"
#include "actors/partition/content_memo.hpp"

#include <iterator>
#include <random>
#include <string>

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

TEST(content_hashes, an_escape_stands_for_its_character) {
  EXPECT_EQ(content_hash(R"({"ab":["c\/d"],"n":-12})"), content_hash(R"({"a\u0062":["c/d"],"n":-12})"));
  EXPECT_NE(content_hash(R"({"a":"b\"c"})"), content_hash(R"({"a":"b"})"));
}

TEST(content_hashes, a_whole_number_is_one_number_however_it_is_written) {
  for (auto x : {"0", "1", "-1", "123456789012345"})
    EXPECT_EQ(content_hash("[" + std::string{x} + "]"), content_hash("[" + std::string{x} + ".0]")) << x;
  EXPECT_NE(content_hash("[999999999999999999]"), content_hash("[1000000000000000000]"));
  EXPECT_NE(content_hash("[18446744073709551615]"), content_hash("[1844674407370955161]"));
}

TEST(content_hashes, what_is_cut_off_or_goes_on_is_other_content) {
  const std::string whole = R"({"a":[1,"b",{"c":null}],"d":true})";
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(content_hash(whole.substr(0, size)), content_hash(whole)) << size;
  for (auto more : {"x", "}", ",", "\"", "0"})
    EXPECT_NE(content_hash(whole + more), content_hash(whole)) << more;
  EXPECT_EQ(content_hash(whole + " \n"), content_hash(whole));
}

// A value as text twice: written plainly, and with shuffled keys, spaces and an escape in it, for which
// another reader is needed.
struct two_texts {
  std::string plain;
  std::string odd;
};

two_texts some_value(std::mt19937_64& random, int depth) {
  auto pick = [&](std::uint64_t bound) { return random() % bound; };
  switch (pick(depth > 3 ? 4 : 6)) {
  case 0: {
    constexpr const char* words[] = {"null", "true", "false", "0", "-7", "1795178103417", "0.5", "1e3"};
    std::string word = words[pick(std::size(words))];
    return {word, word};
  }
  case 1:
  case 2:
  case 3: {
    std::string text(1 + pick(40), 'x');
    for (auto& c : text)
      c = static_cast<char>('a' + pick(26));
    constexpr std::string_view digits = "0123456789abcdef";
    auto first = static_cast<unsigned>(text[0]);
    auto escaped = std::string{"\\u00"} + digits[first / 16] + digits[first % 16];
    return {'"' + text + '"', '"' + escaped + text.substr(1) + '"'};
  }
  case 4: {
    two_texts result{"[", "[ "};
    for (auto left = pick(5); left > 0; --left) {
      auto x = some_value(random, depth + 1);
      result.plain += x.plain + (left > 1 ? "," : "");
      result.odd += x.odd + (left > 1 ? " , " : "");
    }
    return {result.plain + "]", result.odd + "]"};
  }
  default: {
    two_texts result{"{", " }"};
    for (auto left = pick(6); left > 0; --left) {
      auto x = some_value(random, depth + 1);
      auto key = "\"key" + std::to_string(left) + "\"";
      result.plain += key + ":" + x.plain + (left > 1 ? "," : "");
      result.odd = " " + key + ": " + x.odd + (result.odd.size() > 2 ? " ," : "") + result.odd;
    }
    return {result.plain + "}", "{" + result.odd};
  }
  }
}

TEST(content_hashes, a_value_has_one_content_for_every_reader) {
  std::random_device seeds;
  auto seed = seeds();
  std::mt19937_64 random{seed};
  for (int i = 0; i < 2000; ++i) {
    auto x = some_value(random, 0);
    EXPECT_EQ(content_hash(x.plain), content_hash(x.odd)) << "seed " << seed << "\n"
                                                          << x.plain << "\n"
                                                          << x.odd;
    auto other = some_value(random, 0);
    if (other.plain != x.plain) {
      EXPECT_NE(content_hash(x.plain), content_hash(other.plain)) << x.plain << " and " << other.plain;
    }
  }
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

TEST(content_memos, a_payload_has_the_hash_of_its_content_however_many_came_before) {
  content_memo memo;
  std::mt19937 random{17};
  for (int i = 0; i < 10'000; ++i) {
    auto x = std::to_string(random() % 500);
    auto d = random() % 2 ? R"({"a":1,"b":)" + x + "}" : R"({"b":)" + x + R"(,"a":1})";
    ASSERT_EQ(memo.hash(d), content_hash(d)) << d;
  }
}

} // namespace
} // namespace shardyard
