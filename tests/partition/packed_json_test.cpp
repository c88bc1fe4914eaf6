#include "actors/partition/json_scan.hpp"
#include "tests/partition/json_texts.hpp"
#include "tests/partition/packed_texts.hpp"
#include "tests/source_dir.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace shardyard {
namespace {

void expect_round_trip(std::string_view json) {
  ASSERT_EQ(packed::text_of(packed_of(json)), json);
}

std::string through_file(std::string_view bytes) {
  packed::shape_list writing, reading;
  std::string value, head, result;
  writing.to_file(value, bytes);
  writing.write(head);
  std::string_view rest = head;
  EXPECT_TRUE(reading.read(rest) && rest.empty());
  EXPECT_TRUE(reading.from_file(result, value));
  return result;
}

TEST(packed_json, gives_every_recorded_payload_back_byte_for_byte) {
  auto payloads = all_recorded();
  ASSERT_GT(payloads.size(), 30u);
  for (auto& each : payloads)
    expect_round_trip(each);
}

TEST(packed_json, drops_nothing_but_white_space) {
  for (auto name : {"04-guild-create-small.json", "12-interaction-create.json"}) {
    auto pretty = file_text(source_dir() / "tests/net/payloads" / name);
    EXPECT_EQ(packed::text_of(packed_of(pretty)), minified(pretty));
  }
}

TEST(packed_json, gives_a_million_random_values_back) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  json_maker make{random};
  std::string bytes, text;
  for (auto values = 0; values < 1'000'000; ++values) {
    auto json = make.value(3);
    bytes.clear();
    text.clear();
    ASSERT_TRUE(packed::encode(bytes, json)) << json;
    ASSERT_TRUE(packed::decode(text, bytes));
    ASSERT_EQ(text, json);
  }
}

TEST(packed_json, carries_random_values_through_a_file) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  json_maker make{random};
  for (auto values = 0; values < 20'000; ++values) {
    auto json = make.object();
    ASSERT_EQ(packed::text_of(through_file(packed_of(json))), json);
  }
}

TEST(packed_json, takes_a_guild_in_a_quarter_of_its_bytes) {
  auto json = recorded_d("04-guild-create-small.json");
  EXPECT_LT(packed_of(json).size() * 4, json.size());
}

TEST(packed_json, refuses_what_is_no_json_and_appends_nothing) {
  std::string deep(json_cursor::deepest + 1, '['), open(10, '[');
  for (std::string_view json : {"",
                                "{",
                                "}",
                                "[",
                                "[1,]",
                                "{\"a\"}",
                                "{\"a\":}",
                                "{\"a\":1,}",
                                "{a:1}",
                                "tru",
                                "nul",
                                "01",
                                "1.",
                                "-",
                                "1e",
                                ".5",
                                "+1",
                                "\"",
                                "\"\\x\"",
                                "\"\\u12g4\"",
                                "\"a\nb\"",
                                "\"\xFF\"",
                                "\"\xC0\xAF\"",
                                "[1 2]",
                                "{} {}",
                                "1 2",
                                "'a'",
                                "{\"a\":1 \"b\":2}",
                                "[1}",
                                "{\"a\":1]"}) {
    std::string out = "before";
    EXPECT_FALSE(packed::encode(out, json)) << json;
    EXPECT_EQ(out, "before");
  }
  std::string out;
  EXPECT_FALSE(packed::encode(out, deep + std::string(deep.size(), ']')));
  EXPECT_FALSE(packed::encode(out, open));
  deep.pop_back();
  EXPECT_TRUE(packed::encode(out, deep + std::string(deep.size(), ']')));
}

TEST(packed_json, bears_damaged_bytes) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  json_maker make{random};
  for (auto rounds = 0; rounds < 20'000; ++rounds) {
    auto bytes = packed_of(make.object());
    for (auto hits = 1 + random() % 3; hits > 0; --hits)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 2)
      bytes.resize(random() % bytes.size());
    std::string text;
    packed::decode(text, bytes);
    packed::field(bytes, "id");
    packed::shape_list reading;
    std::string_view rest = bytes;
    if (reading.read(rest))
      reading.from_file(text, rest);
  }
}

TEST(packed_json, finds_fields_without_the_text) {
  auto bytes = packed_of(R"({"a":[{"id":"5"}],"id":"820674996354682887","n":70000,"1":null,"b":[]})");
  EXPECT_EQ(packed::id_of(packed::field(bytes, "id")), 820674996354682887u);
  EXPECT_EQ(packed::number_of(packed::field(bytes, "n")), 70000u);
  EXPECT_TRUE(packed::is_null(packed::field(bytes, "1")));
  EXPECT_TRUE(packed::is_empty_array(packed::field(bytes, "b")));
  EXPECT_TRUE(packed::field(bytes, "missing").empty());
  EXPECT_TRUE(packed::field(packed_of("[1]"), "id").empty());
}

TEST(packed_json, holds_although_every_object_has_keys_of_its_own) {
  for (auto i = 0; i < 10'000; ++i) {
    auto key = "k" + std::to_string(i);
    auto json = "{\"" + key + "\":{\"inner_" + key + "\":1,\"id\":\"7\"},\"x\":[{\"" + key + "\":true}]}";
    expect_round_trip(json);
    ASSERT_EQ(packed::text_of(through_file(packed_of(json))), json);
  }
}

TEST(packed_json, may_be_used_by_several_threads) {
  std::vector<std::thread> threads;
  for (auto t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (auto i = 0; i < 2'000; ++i)
        expect_round_trip("{\"shared_" + std::to_string(i) + "\":{\"a\":1,\"b\":\"x\"}}");
    });
  for (auto& each : threads)
    each.join();
}

} // namespace
} // namespace shardyard
