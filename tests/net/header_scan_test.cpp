#include "net/header_scan.hpp"

#include "messages/event_block.hpp"
#include "net/byte_buffer.hpp"
#include "tests/source_dir.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

namespace json = boost::json;

struct scanned {
  std::string why;
  payload_header header;
  byte_buffer bytes;
};

scanned scan(std::string_view text) {
  static header_scan scanner;
  scanned result;
  result.bytes.append(text);
  result.why = scanner.scan(result.bytes.view(), result.header);
  return result;
}

std::string payload(const std::string& name) {
  std::ifstream file{source_dir() / "tests/net/payloads" / (name + ".json")};
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>{file}, {}};
}

struct expectation {
  std::string file;
  snowflake guild = 0;
  snowflake key = 0;
  snowflake channel = 0;
  lane order = lane::plain;
  unsigned flags = 0;
};

snowflake id_at(const std::string& text, const std::string& pointer) {
  return std::stoull(std::string{json::parse(text).at_pointer(pointer).as_string()});
}

constexpr snowflake harbour = 820674996354682887;

const expectation expectations[] = {
    {"04-guild-create-small", harbour, 0, 0, lane::local},
    {"06c-message-update", harbour},
    {"06d-message-delete", harbour},
    {"07-presence-update", harbour, 0, 0, lane::state},
    {"07b-presence-update-offline", harbour, 0, 0, lane::state},
    {"08-guild-member-update", harbour},
    {"09-voice-state-update", harbour},
    {"09b-voice-server-update", harbour, 0, 0, lane::local},
    {"10-channel-update", harbour},
    {"11-guild-role-update", harbour},
    {"13-typing-start", harbour, 0, 0, lane::state},
    {"16-guild-delete-outage", 606814718707367955, 0, 0, lane::local, unavailable_flag},
    {"17-guild-members-chunk", harbour, 0, 0, lane::local},
    {"18-message-reaction-add", harbour},
    {"19-rate-limited", harbour, 0, 0, lane::local},
};

TEST(header_scan, finds_guild_and_lane_of_every_sample_payload) {
  for (auto& expected : expectations) {
    auto result = scan(payload(expected.file));
    EXPECT_EQ(result.why, "") << expected.file;
    EXPECT_EQ(result.header.op, 0) << expected.file;
    EXPECT_EQ(result.header.guild, expected.guild) << expected.file;
    EXPECT_EQ(result.header.key, expected.key) << expected.file;
    EXPECT_EQ(result.header.channel, expected.channel) << expected.file;
    EXPECT_EQ(type_of(result.header.type).lane, expected.order) << expected.file;
    EXPECT_EQ(result.header.flags, expected.flags) << expected.file;
  }
}

TEST(header_scan, finds_the_key_of_anchors_and_keyed_events) {
  for (auto name : {"06-message-create", "12-interaction-create"}) {
    auto text = payload(name);
    auto result = scan(text);
    EXPECT_EQ(result.header.key, id_at(text, "/d/id")) << name;
    EXPECT_EQ(result.header.guild, id_at(text, "/d/guild_id")) << name;
    auto is_message = result.header.t == "MESSAGE_CREATE"; // the only one of a guild whose channel is kept
    EXPECT_EQ(result.header.channel, is_message ? id_at(text, "/d/channel_id") : 0) << name;
  }
  auto role = scan(
      R"({"t":"GUILD_ROLE_CREATE","s":4,"op":0,"d":{"role":{"tags":{"id":"9"},"id":"77"},"guild_id":"5"}})");
  EXPECT_EQ(role.header.key, 77U);
  EXPECT_EQ(role.header.guild, 5U);
}

TEST(header_scan, an_event_without_guild_names_its_channel) {
  auto text = payload("06b-message-create-dm");
  auto result = scan(text);
  EXPECT_EQ(result.header.guild, 0U);
  EXPECT_EQ(result.header.channel, id_at(text, "/d/channel_id"));
  EXPECT_EQ(result.header.key, id_at(text, "/d/id"));
  auto null_guild = scan(R"({"t":"TYPING_START","s":1,"op":0,"d":{"guild_id":null,"channel_id":"12"}})");
  EXPECT_EQ(null_guild.header.guild, 0U);
  EXPECT_EQ(null_guild.header.channel, 12U);
}

TEST(header_scan, control_payloads_are_told_apart_by_op) {
  EXPECT_EQ(scan(payload("01-hello")).header.op, 10);
  EXPECT_EQ(scan(payload("15-invalid-session")).header.op, 9);
  EXPECT_EQ(scan(payload("15-invalid-session")).header.d, "false");
  EXPECT_EQ(scan(payload("15b-reconnect")).header.op, 7);
  EXPECT_EQ(scan(payload("15c-heartbeat-ack")).header.op, 11);
  EXPECT_EQ(scan(R"({"op":11,"d":{}})").why, "");
  EXPECT_EQ(scan(R"({"op":11})").why, "");
}

/// `text` with the keys of its top level and of d in random order.
std::string shuffled(const std::string& text, std::mt19937& random) {
  auto reorder = [&random](const json::object& from) {
    std::vector<const json::key_value_pair*> fields;
    for (auto& field : from)
      fields.push_back(&field);
    std::ranges::shuffle(fields, random);
    json::object result;
    for (auto field : fields)
      result.emplace(field->key(), field->value());
    return result;
  };
  auto top = reorder(json::parse(text).as_object());
  if (auto d = top["d"].if_object())
    *d = reorder(*d);
  return json::serialize(top);
}

TEST(header_scan, the_order_of_keys_does_not_matter) {
  for (auto& entry : std::filesystem::directory_iterator{source_dir() / "tests/net/payloads"}) {
    auto name = entry.path().stem().string();
    auto text = payload(name);
    auto parsed = json::parse(text);
    if (!parsed.as_object().contains("op"))
      continue;
    auto expected = scan(text);
    ASSERT_EQ(expected.why, "") << name;
    for (unsigned seed = 1; seed <= 40; ++seed) {
      std::mt19937 random{seed};
      auto changed = shuffled(text, random);
      auto result = scan(changed);
      ASSERT_EQ(result.why, "") << name << " seed " << seed;
      ASSERT_EQ(result.header.op, expected.header.op) << name << " seed " << seed;
      ASSERT_EQ(result.header.t, expected.header.t) << name << " seed " << seed;
      ASSERT_EQ(result.header.s, expected.header.s) << name << " seed " << seed;
      ASSERT_EQ(result.header.guild, expected.header.guild) << name << " seed " << seed << changed;
      ASSERT_EQ(result.header.key, expected.header.key) << name << " seed " << seed;
      ASSERT_EQ(result.header.channel, expected.header.channel) << name << " seed " << seed;
      ASSERT_EQ(result.header.flags, expected.header.flags) << name << " seed " << seed;
      ASSERT_EQ(json::parse(std::string{result.header.d}), json::parse(changed).at("d"))
          << name << " seed " << seed;
    }
  }
}

TEST(header_scan, ids_in_nested_objects_are_not_taken_for_those_of_the_event) {
  auto result =
      scan(R"({"t":"MESSAGE_CREATE","s":7,"op":0,"d":{"author":{"id":"1","guild_id":"2"},)"
           R"("message_reference":{"guild_id":"3","channel_id":"4","s":9},"content":"\"guild_id\":\"5\"",)"
           R"("id":"600","channel_id":"601"}})");
  EXPECT_EQ(result.header.guild, 0U);
  EXPECT_EQ(result.header.key, 600U);
  EXPECT_EQ(result.header.channel, 601U);
  EXPECT_EQ(result.header.s, 7U);
}

TEST(header_scan, d_is_passed_on_byte_for_byte) {
  std::string d = R"({ "guild_id" : "5","content":"\ud83d\ude00 \/ é 😀" , "n": 1.50e3,"e":[ ] })";
  for (auto& text : {R"({"t":"MESSAGE_UPDATE","s":1,"op":0,"d":)" + d + "}",
                     R"({"op":0 , "d": )" + d + R"( , "s":1, "t":"MESSAGE_UPDATE" })"}) {
    auto result = scan(text);
    EXPECT_EQ(result.why, "");
    EXPECT_EQ(result.header.d, d);
    EXPECT_EQ(result.header.guild, 5U);
  }
}

TEST(header_scan, lone_surrogates_in_a_text_do_not_harm_the_event) {
  auto result = scan(R"({"t":"MESSAGE_UPDATE","s":1,"op":0,"d":{"content":"\ud83d lone","guild_id":"5"}})");
  EXPECT_EQ(result.why, "");
  EXPECT_EQ(result.header.guild, 5U);
}

TEST(header_scan, unknown_events_fields_and_ops_are_borne) {
  auto event = scan(
      R"({"x":[1,{"op":3}],"t":"GUILD_JOIN_REQUEST_CREATE","s":9,"op":0,"d":{"id":"4","guild_id":"5"},"y":1})");
  EXPECT_EQ(event.why, "");
  EXPECT_EQ(event.header.type, unknown_event);
  EXPECT_EQ(event.header.t, "GUILD_JOIN_REQUEST_CREATE");
  EXPECT_EQ(event.header.guild, 5U);
  EXPECT_EQ(event.header.d, R"({"id":"4","guild_id":"5"})");
  EXPECT_EQ(scan(R"({"op":77,"d":[1,2]})").header.op, 77);
}

TEST(header_scan, what_is_no_payload_is_refused_with_a_reason) {
  for (auto text : {"",
                    " ",
                    "null",
                    "[]",
                    "1",
                    "{",
                    "{}",
                    R"({"op":})",
                    R"({"op":"0"})",
                    R"({"op":-1})",
                    R"({"op":1e3})",
                    R"({"op":0,"s":1.5})",
                    R"({"op":0,"s":-3})",
                    R"({"op":99999999999})",
                    R"({"op":1} x)",
                    R"({"op":1}{"op":1})",
                    R"({"op":0,"d":{"a":1})",
                    R"({"op":0,"d":{"a)",
                    "{\"op\":1,\"d\":\"\xFF\"}",
                    "{\"op\":1,\"d\":\"\n\"}"})
    EXPECT_NE(scan(text).why, "") << text;
}

TEST(header_scan, snowflakes_are_read_from_strings_and_numbers_only) {
  EXPECT_EQ(read_snowflake("\"820674996354682887\""), harbour);
  EXPECT_EQ(read_snowflake("820674996354682887 "), harbour);
  EXPECT_EQ(read_snowflake("\"18446744073709551615\""), 18446744073709551615U);
  for (auto text : {"", "\"", "\"\"", "null", "\"18446744073709551616\"", "\"12a\"", "-1", "1.5", "{"})
    EXPECT_EQ(read_snowflake(text), 0U) << text;
}

TEST(header_scan, damaged_payloads_never_read_out_of_bounds) {
  std::vector<std::string> texts;
  for (auto name :
       {"06-message-create", "16-guild-delete-outage", "11-guild-role-update", "19-rate-limited", "03-ready"})
    texts.push_back(json::serialize(json::parse(payload(name))));
  const std::string_view pieces = "{}[]\",:\\0123nulltrue ";
  for (unsigned seed = 1; seed <= 20'000; ++seed) {
    std::mt19937 random{seed};
    auto text = texts[random() % texts.size()];
    for (auto i = 1 + random() % 4; i > 0; --i) {
      auto at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 20);
      else
        text[at] = pieces[random() % pieces.size()];
      if (text.empty())
        text = "{";
    }
    if (random() % 8 == 0)
      text.resize(random() % text.size());
    auto result = scan(text);
    if (!result.why.empty())
      continue;
    auto whole = result.bytes.view();
    for (auto part : {result.header.d, result.header.t})
      ASSERT_TRUE(part.empty() ||
                  (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()))
          << "seed " << seed;
  }
}

} // namespace
} // namespace shardyard::net
