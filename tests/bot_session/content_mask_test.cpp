// Masking: the rules one by one, and as properties of random events.
#include "actors/bot_session/content_mask.hpp"

#include "actors/bot_session/event_intents.hpp"
#include "actors/bot_session/json_fields.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <random>

namespace shardyard {
namespace {

namespace json = boost::json;

constexpr snowflake self = 900;
const event_type_id message = find_event_type("MESSAGE_CREATE");
const event_type_id guild_create = find_event_type("GUILD_CREATE");

std::string shown(event_type_id type, const std::string& d, std::uint8_t mask, snowflake guild = 1) {
  return masked(type, guild, d, mask, self).value_or(d);
}

TEST(content_mask, hides_what_others_wrote) {
  EXPECT_EQ(shown(message,
                  R"({"poll":{"a":[1]} , "content" : "x\"}", "embeds":[{"poll":1}],"attachments":[1],)"
                  R"("components":[[]],"id":"5"})",
                  hide_content),
            R"({ "content" : "", "embeds":[],"attachments":[],"components":[],"id":"5"})");
  EXPECT_EQ(shown(message, R"({"id":"5","poll":{},"tts":true})", hide_content), R"({"id":"5","tts":true})");
  EXPECT_EQ(shown(message, R"({"id":"5" , "poll":null})", hide_content), R"({"id":"5" })");
}

TEST(content_mask, leaves_what_it_need_not_hide_as_it_came) {
  std::string d = R"({"content":"x"})";
  EXPECT_FALSE(masked(message, 1, d, 0, self));
  EXPECT_FALSE(masked(message, 0, d, hide_content, self)) << "direct message";
  EXPECT_FALSE(masked(message, 1, R"({"content":"","embeds":[]})", hide_content, self));
  EXPECT_FALSE(masked(message, 1, R"({"content":"x","author":{"name":"y","id":"900"}})", hide_content, self));
  EXPECT_FALSE(
      masked(message, 1, R"({"mentions":[{"id":"1"},{"id":"900"}],"content":"x"})", hide_content, self));
  EXPECT_TRUE(masked(message, 1, R"({"mentions":[{"id":"901"}],"author":{"id":"1"},"content":"x"})",
                     hide_content, self));
  EXPECT_FALSE(masked(find_event_type("INTERACTION_CREATE"), 1, d, hide_content, self));
}

TEST(content_mask, judges_messages_within_messages_each_for_itself) {
  EXPECT_EQ(shown(message,
                  R"({"author":{"id":"900"},"content":"mine","referenced_message":{"content":"theirs"},)"
                  R"("message_snapshots":[{"message":{"content":"theirs"}},{}]})",
                  hide_content),
            R"({"author":{"id":"900"},"content":"mine","referenced_message":{"content":""},)"
            R"("message_snapshots":[{"message":{"content":""}},{}]})");
  EXPECT_EQ(shown(message,
                  R"({"content":"theirs","referenced_message":{"content":"mine","author":{"id":"900"}}})",
                  hide_content),
            R"({"content":"","referenced_message":{"content":"mine","author":{"id":"900"}}})");
  EXPECT_FALSE(masked(message, 1, R"({"content":"","referenced_message":null})", hide_content, self));
}

TEST(content_mask, hides_what_auto_moderation_matched) {
  EXPECT_EQ(shown(find_event_type("AUTO_MODERATION_ACTION_EXECUTION"),
                  R"({"content":"x","matched_keyword":"k","matched_content":"x"})", hide_content),
            R"({"content":"","matched_keyword":"k","matched_content":""})");
}

TEST(content_mask, leaves_the_bot_and_users_in_voice_of_a_guild) {
  std::string d = R"({"members":[{"user":{"id":"1"}},{"user":{"id":"900"}}, {"user":{"id":"3"}}],)"
                  R"("presences":[{}],"voice_states":[{"user_id":"3"}],"id":"1"})";
  EXPECT_EQ(shown(guild_create, d, hide_presences | hide_content),
            R"({"members":[{"user":{"id":"900"}},{"user":{"id":"3"}}],"presences":[],)"
            R"("voice_states":[{"user_id":"3"}],"id":"1"})");
  EXPECT_EQ(shown(guild_create, d, hide_voice),
            R"({"members":[{"user":{"id":"1"}},{"user":{"id":"900"}}, {"user":{"id":"3"}}],)"
            R"("presences":[{}],"voice_states":[],"id":"1"})");
}

TEST(content_mask, is_what_upstream_has_and_the_session_has_not) {
  EXPECT_EQ(mask_of(documented_intents, documented_intents), 0);
  EXPECT_EQ(mask_of(0, 0), 0);
  EXPECT_EQ(mask_of(0, documented_intents), hide_content | hide_presences | hide_voice);
  EXPECT_EQ(mask_of(256, 256 | 32768), hide_content);
}

class random_text {
public:
  explicit random_text(std::uint64_t seed) : random_(seed) {}

  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

  std::string space() { return std::string(static_cast<std::size_t>(below(3) == 0), " \n\t"[below(3)]); }

  std::string string() {
    static constexpr std::array<std::string_view, 12> parts{"a", "\\\"", "\\\\", "{",       "}",       "[",
                                                            "]", ",",    ":",    "\\u0041", "content", "é"};
    std::string result = "\"";
    for (auto i = below(6); i > 0; --i)
      result += parts[static_cast<std::size_t>(below(12))];
    return result + '"';
  }

  std::string user() { return R"({"id":")" + std::to_string(below(3) == 0 ? self : 1 + below(5)) + "\"}"; }

  std::string value(int depth) {
    switch (below(depth > 3 ? 4 : 6)) {
    case 0:
      return string();
    case 1:
      return std::to_string(below(1000)) + (below(2) == 0 ? ".5e3" : "");
    case 2:
      return "null";
    case 3:
      return "true";
    case 4:
      return list(below(4), [&] { return value(depth + 1); });
    default:
      return object(depth + 1, {});
    }
  }

  template <class F>
  std::string list(int count, F element) {
    std::string result = "[" + space();
    for (auto i = 0; i < count; ++i)
      result += (i > 0 ? "," + space() : "") + element() + space();
    return result + "]";
  }

  std::string object(int depth, const std::vector<std::pair<std::string, std::string>>& fields) {
    auto all = fields;
    for (auto i = below(3); i > 0; --i)
      all.emplace_back("k" + std::to_string(all.size()), value(depth + 1));
    std::shuffle(all.begin(), all.end(), random_);
    std::string result = "{" + space();
    for (std::size_t i = 0; i < all.size(); ++i)
      result += (i > 0 ? "," + space() : "") + "\"" + all[i].first + "\"" + space() + ":" + space() +
                all[i].second + space();
    return result + "}";
  }

  std::string message(int depth) {
    std::vector<std::pair<std::string, std::string>> fields;
    auto maybe = [&](std::string key, auto make) {
      if (below(3) != 0)
        fields.emplace_back(std::move(key), make());
    };
    maybe("content", [&] { return string(); });
    for (auto key : {"embeds", "attachments", "components"})
      maybe(key, [&] { return list(below(3), [&] { return value(1); }); });
    maybe("poll", [&] { return value(1); });
    maybe("author", [&] { return user(); });
    maybe("mentions", [&] { return list(below(3), [&] { return user(); }); });
    if (depth < 2) {
      maybe("referenced_message", [&] { return below(4) == 0 ? "null" : message(depth + 1); });
      maybe("message_snapshots",
            [&] { return list(below(3), [&] { return "{\"message\":" + message(depth + 1) + "}"; }); });
    }
    return object(0, fields);
  }

private:
  std::mt19937_64 random_;
};

/// The rule again, on parsed values.
json::value expected(const json::value& given) {
  auto message = given.as_object();
  auto is_self = [](const json::value& user) { return user.at("id").as_string() == std::to_string(self); };
  auto* author = message.if_contains("author");
  auto* mentions = message.if_contains("mentions");
  auto readable =
      (author && is_self(*author)) || (mentions && std::ranges::any_of(mentions->as_array(), is_self));
  if (!readable) {
    if (message.contains("content"))
      message["content"] = "";
    for (auto* key : {"embeds", "attachments", "components"})
      if (message.contains(key))
        message[key] = json::array{};
    message.erase("poll");
  }
  if (auto* other = message.if_contains("referenced_message"); other && other->is_object())
    *other = expected(*other);
  if (auto* snapshots = message.if_contains("message_snapshots"))
    for (auto& x : snapshots->as_array())
      x.at("message") = expected(x.at("message"));
  return message;
}

TEST(content_mask, of_random_messages_differs_where_the_rule_says_and_nowhere_else) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_text random{seed};
  auto edited = 0;
  for (auto i = 0; i < 20'000; ++i) {
    auto d = random.message(0);
    auto given = json::parse(d);
    auto result = masked(message, 1, d, hide_content, self);
    edited += result.has_value();
    ASSERT_EQ(json::parse(result.value_or(d)), expected(given)) << d;
    if (result) {
      ASSERT_FALSE(masked(message, 1, *result, hide_content, self)) << "masked once is masked enough: " << d;
    }
  }
  EXPECT_GT(edited, 5'000);
}

TEST(content_mask, of_random_guilds_differs_where_the_rule_says_and_nowhere_else) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_text random{seed};
  for (auto i = 0; i < 10'000; ++i) {
    auto d = random.object(
        0, {{"members", random.list(random.below(4), [&] { return "{\"user\":" + random.user() + "}"; })},
            {"presences", random.list(random.below(3), [&] { return random.value(1); })},
            {"voice_states", random.list(random.below(3), [&] {
               return R"({"user_id":")" + std::to_string(1 + random.below(5)) + "\"}";
             })}});
    auto mask = static_cast<std::uint8_t>(random.below(8));
    auto wanted = json::parse(d).as_object();
    if ((mask & hide_presences) != 0) {
      json::array left;
      for (auto& member : wanted.at("members").as_array()) {
        auto& id = member.at("user").at("id").as_string();
        auto speaks = std::ranges::any_of(wanted.at("voice_states").as_array(),
                                          [&](auto& x) { return x.at("user_id").as_string() == id; });
        if (speaks || id == std::to_string(self))
          left.push_back(member);
      }
      wanted["members"] = left;
      wanted["presences"] = json::array{};
    }
    if ((mask & hide_voice) != 0)
      wanted["voice_states"] = json::array{};
    ASSERT_EQ(json::parse(shown(guild_create, d, mask)), json::value(wanted)) << d;
  }
}

TEST(content_mask, of_text_that_is_cut_off_neither_fails_nor_edits_badly) {
  random_text random{5};
  for (auto i = 0; i < 60; ++i) {
    auto d = random.message(0);
    for (std::size_t size = 0; size < d.size(); ++size) {
      std::string cut{d, 0, size};
      EXPECT_FALSE(masked(message, 1, cut, hide_content, self));
      concerns(find_event_type("GUILD_MEMBER_UPDATE"), cut, self);
    }
  }
}

TEST(field_walk, walks_whatever_a_parser_accepts) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_text random{seed};
  for (auto i = 0; i < 20'000; ++i) {
    auto d = random.object(0, {{"a", random.value(0)}});
    auto parsed = json::parse(d).as_object();
    field_walk fields{d};
    walked_field field;
    std::size_t count = 0;
    for (; fields.next(field); ++count)
      ASSERT_EQ(json::parse(std::string{field.value}), parsed.at(std::string{field.key})) << d;
    ASSERT_TRUE(fields.ok());
    ASSERT_EQ(count, parsed.size()) << d;
  }
}

} // namespace
} // namespace shardyard
