#include "actors/partition/guild_cache.hpp"
#include "tests/partition/guild_dice.hpp"
#include "tests/partition/guild_model.hpp"
#include "tests/partition/guild_text.hpp"
#include "tests/partition/json_texts.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

constexpr snowflake harbour = 820674996354682887, bot = 982934807904649217, senna = 770770869857030207,
                    tobias = 443673897947766885, general = 820674998351171593,
                    voice_room = 820674998355365898;
constexpr guild_view everything{0x331FFFF, 50};

cache_policy keeping(member_policy members, bool presences = true) {
  return {members, presences, bot};
}

/// The harbour of the recorded payloads, with one policy.
struct harbour_cache {
  explicit harbour_cache(cache_policy chosen = keeping(member_policy::all)) : policy(chosen) {
    EXPECT_TRUE(cache.replace(recorded_d("04-guild-create-small.json"), policy));
  }

  bool apply(std::string_view name, std::string_view d) {
    return cache.apply(find_event_type(name), d, policy);
  }
  bool apply_recorded(std::string_view name, std::string_view file) { return apply(name, recorded_d(file)); }

  std::string text(guild_view view = everything) const {
    std::string out;
    cache.write_guild_create(out, harbour, view, policy);
    return out;
  }
  boost::json::object written(guild_view view = everything) const {
    return boost::json::parse(text(view)).as_object();
  }
  /// The entity as it is written, null when it is not.
  boost::json::value entity(std::string_view kind, snowflake id, guild_view view = everything) const {
    auto guild = written(view);
    for (auto& each : guild.at(kind).as_array())
      if (entity_key(kind, each.as_object()) == std::to_string(id))
        return each;
    return nullptr;
  }
  std::size_t count(std::string_view kind, guild_view view = everything) const {
    return written(view).at(kind).as_array().size();
  }

  cache_policy policy;
  guild_cache cache;
};

TEST(guild_cache, writes_the_guild_that_it_was_given) {
  harbour_cache x;
  EXPECT_EQ(first_difference(guild_lines(x.text()), guild_lines(recorded_d("04-guild-create-small.json"))),
            "");
}

TEST(guild_cache, is_the_same_after_save_and_load) {
  harbour_cache x;
  x.apply_recorded("PRESENCE_UPDATE", "07-presence-update.json");
  std::string bytes;
  x.cache.save(bytes);
  auto loaded = guild_cache::load(bytes);
  ASSERT_TRUE(loaded);
  auto before = x.text();
  x.cache = std::move(*loaded);
  EXPECT_EQ(x.text(), before);
  EXPECT_EQ(x.cache.member_count(), 4u);
}

TEST(guild_cache, follows_the_recorded_events) {
  harbour_cache x;
  EXPECT_TRUE(x.apply_recorded("GUILD_MEMBER_UPDATE", "08-guild-member-update.json"));
  EXPECT_EQ(x.entity("members", senna).at("nick"), "Bosun Sen");
  EXPECT_TRUE(x.apply_recorded("VOICE_STATE_UPDATE", "09-voice-state-update.json"));
  EXPECT_EQ(x.entity("voice_states", senna).at("self_mute"), false);
  EXPECT_TRUE(x.apply_recorded("CHANNEL_UPDATE", "10-channel-update.json"));
  EXPECT_EQ(x.entity("channels", general).at("rate_limit_per_user"), 5);
  EXPECT_TRUE(x.apply_recorded("GUILD_ROLE_UPDATE", "11-guild-role-update.json"));
  EXPECT_EQ(x.entity("roles", 820687719629066241).at("color"), 15105570);
  EXPECT_TRUE(x.apply_recorded("GUILD_MEMBERS_CHUNK", "17-guild-members-chunk.json"));
  EXPECT_TRUE(x.apply_recorded("PRESENCE_UPDATE", "07-presence-update.json"));
  EXPECT_EQ(x.entity("presences", tobias).at("status"), "dnd");
  x.apply_recorded("MESSAGE_CREATE", "06-message-create.json");
  EXPECT_EQ(x.entity("channels", general).at("last_message_id"), "1573315713073950934");
}

TEST(guild_cache, notes_a_message_in_its_own_channel_however_its_bytes_lie) {
  auto other = R"("channel_id":"1","guild_id":"2")";
  auto in_general = "\"channel_id\":\"" + std::to_string(general) + '"';
  auto id = 1573315713073950000u;
  harbour_cache x;
  for (auto d : {"{" + in_general + "}", "{\"type\":0," + in_general + ",\"content\":\"hi\"}",
                 "{\"content\":\"\\\"channel_id\\\":\\\"1\\\"\"," + in_general + "}",
                 "{\"message_reference\":{" + std::string{other} + "}," + in_general + "}",
                 "{" + in_general + ",\"message_reference\":{" + other + "}}",
                 "{ \"channel_id\" : \"" + std::to_string(general) + "\" }",
                 "{\"channel_id\": \"" + std::to_string(general) + "\" , \"x\":1}"}) {
    auto named = "{\"id\":\"" + std::to_string(++id) + "\"," + d.substr(1);
    x.apply("MESSAGE_CREATE", named);
    EXPECT_EQ(x.entity("channels", general).at("last_message_id").as_string(), std::to_string(id)) << d;
  }
  auto before = x.text();
  for (auto d : {"{}", "\"channel_id\":", "{\"id\":\"2\",\"channel_id\":\"1\"}"}) {
    x.apply("MESSAGE_CREATE", d);
    EXPECT_EQ(x.text(), before) << d;
  }
}

TEST(guild_cache, takes_at_most_two_and_a_half_kib_for_a_small_guild) {
  harbour_cache x;
  EXPECT_LE(x.cache.bytes(), 2560u);
}

// -- against the naive model

/// The harbour with everything in it that the dice may name: voice, presences, stages.
struct diced_harbour : harbour_cache {
  explicit diced_harbour(std::mt19937& random)
      : model(recorded_d("04-guild-create-small.json"), std::to_string(bot)),
        dice(random, std::to_string(harbour), std::to_string(bot)) {}

  void happen(int events) {
    for (; events > 0; --events) {
      auto event = dice.next();
      apply(event.name, boost::json::serialize(event.d));
      model.apply(event.name, event.d);
    }
  }

  guild_model model;
  guild_dice dice;
};

snowflake id_in(const boost::json::object& d, std::string_view key) {
  return std::stoull(std::string{d.at(key).as_string()});
}

TEST(guild_cache, equals_the_naive_model_after_every_one_of_random_events) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  for (auto rounds = 0; rounds < 20; ++rounds) {
    diced_harbour x{random};
    for (auto events = 0; events < 200; ++events) {
      auto event = x.dice.next();
      auto before = x.text();
      auto changed = false;
      if (event.name == "MESSAGE_CREATE") // as a partition does; the next test has apply() do it
        x.cache.posted(id_in(event.d, "channel_id"), id_in(event.d, "id"), x.policy);
      else
        changed = x.apply(event.name, boost::json::serialize(event.d));
      x.model.apply(event.name, event.d);
      ASSERT_EQ(first_difference(guild_lines(x.text()), x.model.lines()), "")
          << event.name << " " << boost::json::serialize(event.d);
      // A list that names one thing twice may change it there and back.
      auto lists = event.name == "GUILD_MEMBERS_CHUNK" || event.name == "GUILD_SOUNDBOARD_SOUNDS_UPDATE";
      if (event.name != "MESSAGE_CREATE" && !(lists && changed)) {
        ASSERT_EQ(changed, x.text() != before) << event.name << " " << boost::json::serialize(event.d);
      }
    }
  }
}

TEST(guild_cache, equals_the_naive_model_after_many_events) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  for (auto rounds = 0; rounds < 5; ++rounds) {
    diced_harbour x{random};
    x.happen(5'000);
    std::string bytes;
    x.cache.save(bytes);
    auto loaded = guild_cache::load(bytes);
    ASSERT_TRUE(loaded);
    x.cache = std::move(*loaded);
    x.happen(1'000);
    ASSERT_EQ(first_difference(guild_lines(x.text()), x.model.lines()), "");
  }
}

TEST(guild_cache, is_led_by_a_difference_to_the_newer_state) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  for (auto rounds = 0; rounds < 300; ++rounds) {
    diced_harbour older{random}, newer{random};
    older.dice.every_key = newer.dice.every_key = true;
    // A key that has gone is told by no event, nor who left where not all are known: so the guild has all
    // keys from the start, and of its members those alone that the dice make.
    for (auto* each : {&older, &newer}) {
      each->apply("GUILD_UPDATE", R"({"x_0":0,"x_1":0,"x_2":0,"member_count":2})");
      for (auto user : {bot, senna})
        each->apply("GUILD_MEMBER_REMOVE", R"({"user":{"id":")" + std::to_string(user) + R"("}})");
      each->happen(static_cast<int>(random() % 100));
    }
    auto events = older.cache.difference(newer.cache, harbour);
    std::string told;
    for (auto& event : events) {
      told += std::string{type_of(event.type).name} + " " + event.d + "\n";
      older.cache.apply(event.type, event.d, older.policy);
    }
    constexpr auto untold = "last_message_id";
    ASSERT_EQ(first_difference(guild_lines(older.text(), {untold}), guild_lines(newer.text(), {untold})), "")
        << told;
    ASSERT_TRUE(older.cache.difference(newer.cache, harbour).empty());
  }
}

TEST(guild_cache, counts_a_join_that_is_told_twice_once_even_of_members_who_are_not_kept) {
  cache_policy none{member_policy::none, false, 7};
  guild_cache cache;
  ASSERT_TRUE(cache.replace(R"({"id":"1","member_count":10,"members":[],"channels":[]})", none));
  auto tell = [&](std::string_view type, const char* user) {
    cache.apply(find_event_type(type), R"({"guild_id":"1","user":{"id":")" + std::string{user} + R"("}})",
                none);
  };
  tell("GUILD_MEMBER_ADD", "100200300400500600");
  tell("GUILD_MEMBER_ADD", "100200300400500601");
  tell("GUILD_MEMBER_ADD", "100200300400500600");
  EXPECT_EQ(cache.member_count(), 12u);
  tell("GUILD_MEMBER_REMOVE", "100200300400500600");
  tell("GUILD_MEMBER_ADD", "100200300400500600");
  EXPECT_EQ(cache.member_count(), 12u) << "left and came back";
}

TEST(guild_cache, keeps_what_an_event_leaves_out_of_a_member) {
  harbour_cache x;
  auto id = std::to_string(senna);
  auto guild = R"("guild_id":")" + std::to_string(harbour) + '"';
  auto before = x.entity("members", senna).as_object();
  ASSERT_TRUE(before.contains("joined_at"));
  x.apply("GUILD_MEMBER_UPDATE",
          "{" + guild + R"(,"user":{"id":")" + id + R"(","username":"s"},"roles":[],"nick":"first"})");
  x.apply("VOICE_STATE_UPDATE", R"({"user_id":")" + id + R"(","channel_id":")" + std::to_string(voice_room) +
                                    R"(","member":{"user":{"id":")" + id +
                                    R"("},"nick":"second","extra":[1]},)" + guild + "}");
  x.apply("GUILD_MEMBER_UPDATE",
          "{" + guild + R"(,"user":{"id":")" + id + R"("},"roles":["7"],"nick":"third"})");
  auto after = x.entity("members", senna).as_object();
  EXPECT_EQ(after.at("joined_at"), before.at("joined_at"));
  EXPECT_EQ(after.at("nick"), "third");
  EXPECT_EQ(after.at("extra").as_array().size(), 1u);
  EXPECT_FALSE(after.contains("guild_id"));
  EXPECT_FALSE(x.entity("voice_states", senna).as_object().contains("member"));
}

TEST(guild_cache, takes_a_member_that_it_has_seen_before_when_it_has_another_one_now) {
  harbour_cache x;
  auto id = std::to_string(senna);
  auto guild = R"("guild_id":")" + std::to_string(harbour) + '"';
  auto join = [&](const std::string& nick, bool changes) {
    auto d = R"({"user_id":")" + id + R"(","channel_id":")" + std::to_string(voice_room) +
             R"(","member":{"user":{"id":")" + id + R"("},"nick":")" + nick + R"("},)" + guild + "}";
    EXPECT_EQ(x.apply("VOICE_STATE_UPDATE", d), changes) << nick;
    EXPECT_EQ(x.entity("members", senna).at("nick").as_string(), nick);
  };
  join("first", true);
  for (int i = 0; i < 3; ++i)
    join("first", false);
  x.apply("GUILD_MEMBER_UPDATE", "{" + guild + R"(,"user":{"id":")" + id + R"("},"nick":"second"})");
  join("first", true);
  join("second", true);
  join("second", false);
  join("first", true);
}

TEST(guild_cache, takes_the_member_of_another_user_in_a_voice_state_each_time) {
  harbour_cache x;
  auto guild = R"("guild_id":")" + std::to_string(harbour) + '"';
  auto member = [](const std::string& nick) {
    return R"("user":{"id":")" + std::to_string(tobias) + R"("},"nick":")" + nick + '"';
  };
  auto join = R"({"user_id":")" + std::to_string(senna) + R"(","channel_id":")" + std::to_string(voice_room) +
              R"(","member":{)" + member("first") + "}," + guild + "}";
  for (int i = 0; i < 3; ++i) {
    x.apply("VOICE_STATE_UPDATE", join);
    x.apply("VOICE_STATE_UPDATE", join);
    EXPECT_EQ(x.entity("members", tobias).at("nick").as_string(), "first");
    x.apply("GUILD_MEMBER_UPDATE", "{" + guild + "," + member("second") + "}");
    EXPECT_EQ(x.entity("members", tobias).at("nick").as_string(), "second");
  }
}

TEST(guild_cache, has_no_difference_to_itself) {
  harbour_cache x, y;
  EXPECT_TRUE(x.cache.difference(y.cache, harbour).empty());
}

} // namespace
} // namespace shardyard
