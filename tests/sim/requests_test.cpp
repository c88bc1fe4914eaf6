// What a session asks for: members, voice, presence, sounds, channels; and the server's own op 1.
#include "tests/sim/guild_cache.hpp"
#include "tests/sim/scenario.hpp"

#include <set>

namespace shardyard::sim {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

/// A client with all its guilds, and one guild to ask about.
struct asker : scenario {
  explicit asker(settings chosen = small_world(), std::uint64_t intents = known_intents)
      : scenario(chosen), who(&identified(0, 1, intents)) {
    pass(10ms);
    in = &discord.all().guilds().front();
    id = std::to_string(in->id);
  }

  void ask(int op, const std::string& d) { ask(*who, op, d); }
  void ask(client& from, int op, const std::string& d) {
    say(from, R"({"op":)" + std::to_string(op) + R"(,"d":)" + d + "}");
    pass(60ms);
  }
  void ask_members(const std::string& more) { ask(8, R"({"guild_id":")" + id + R"(",)" + more + "}"); }

  std::vector<json::object> got(std::string_view name) { return got(*who, name); }
  static std::vector<json::object> got(const client& from, std::string_view name) {
    std::vector<json::object> result;
    for (auto& dispatch : from.line.dispatches(name))
      result.push_back(dispatch.at("d").as_object());
    return result;
  }

  std::string voice_channel(std::size_t nth = 0) const {
    for (auto& each : in->channels)
      if (each.type == 2 && nth-- == 0)
        return std::to_string(each.id);
    return {};
  }
  void speak_in(client& from, const std::string& channel, bool mute = false) {
    auto place = channel.empty() ? "null" : "\"" + channel + "\"";
    ask(from, 4,
        R"({"guild_id":")" + id + R"(","channel_id":)" + place + R"(,"self_deaf":false,"self_mute":)" +
            (mute ? "true}" : "false}"));
  }

  /// Another session of the same shard.
  client& second() {
    pass(5s); // the identify key is the same
    auto& made = identified(0, 1);
    pass(10ms);
    return made;
  }

  client* who;
  const guild* in = nullptr;
  std::string id;
};

TEST(requests, all_members_come_in_chunks_of_a_thousand_with_the_nonce) {
  auto chosen = small_world();
  chosen.guilds = 1;
  chosen.medium_guilds = 0;
  chosen.large_guilds = 1;
  asker at{chosen};
  at.ask_members(R"("query":"","limit":0,"nonce":"n1")");
  auto chunks = at.got("GUILD_MEMBERS_CHUNK");
  ASSERT_EQ(chunks.size(), 25u);
  std::set<std::string> users;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    auto& d = chunks[i];
    EXPECT_EQ(d.at("chunk_index"), i);
    EXPECT_EQ(d.at("chunk_count"), 25);
    EXPECT_EQ(d.at("nonce"), "n1");
    EXPECT_EQ(d.at("guild_id"), json::value(at.id));
    EXPECT_FALSE(d.contains("presences"));
    EXPECT_LE(d.at("members").as_array().size(), 1000u);
    for (auto& m : d.at("members").as_array())
      users.emplace(m.at("user").at("id").as_string());
  }
  EXPECT_EQ(users.size(), at.in->member_count);
}

TEST(requests, members_are_found_by_prefix_and_by_id_and_the_others_are_named) {
  asker at;
  at.ask_members(R"("query":"user_","limit":3,"presences":true)");
  auto by_name = at.got("GUILD_MEMBERS_CHUNK").at(0);
  EXPECT_EQ(by_name.at("members").as_array().size(), 3u);
  EXPECT_TRUE(by_name.at("presences").is_array());
  auto bot = std::to_string(at.discord.all().bot().id);
  at.ask_members(R"("user_ids":[")" + bot + R"(","5",7])");
  auto by_id = at.got("GUILD_MEMBERS_CHUNK").at(1);
  ASSERT_EQ(by_id.at("members").as_array().size(), 1u);
  EXPECT_EQ(by_id.at("members").at(0).at("user").at("id"), json::value(bot));
  EXPECT_EQ(json::serialize(by_id.at("not_found")), R"(["5",7])");
  at.ask_members(R"("query":"nobody is called so","limit":0)");
  auto nobody = at.got("GUILD_MEMBERS_CHUNK").at(2);
  EXPECT_TRUE(nobody.at("members").as_array().empty());
  EXPECT_EQ(nobody.at("chunk_count"), 1);
  EXPECT_TRUE(at.broken_rules().empty());
}

TEST(requests, a_nonce_of_more_than_32_bytes_is_dropped_in_silence) {
  asker at;
  at.ask_members(R"("query":"u","limit":1,"nonce":"123456789012345678901234567890123")");
  EXPECT_FALSE(at.got("GUILD_MEMBERS_CHUNK").at(0).contains("nonce"));
}

TEST(requests, all_members_of_a_guild_are_told_once_in_thirty_seconds_to_all_sessions_of_the_bot) {
  asker at;
  auto& other = at.second();
  at.ask_members(R"("query":"","limit":0)");
  at.ask_members(R"("query":"","limit":0,"nonce":"again")");
  EXPECT_EQ(at.got("GUILD_MEMBERS_CHUNK").size(), 1u);
  auto refused = at.got("RATE_LIMITED").at(0);
  EXPECT_EQ(refused.at("opcode"), 8);
  EXPECT_EQ(refused.at("meta").at("guild_id"), json::value(at.id));
  EXPECT_EQ(refused.at("meta").at("nonce"), "again");
  EXPECT_NEAR(refused.at("retry_after").as_double(), 29.94, 0.001);
  EXPECT_EQ(at.broken_rules(), std::vector<std::string>{"member_requests"});
  EXPECT_EQ(at.who->line.closed, 0);
  EXPECT_TRUE(at.got(other, "GUILD_MEMBERS_CHUNK").empty());
  at.ask_members(R"("query":"user","limit":1)"); // not all members: no such limit
  EXPECT_EQ(at.got("GUILD_MEMBERS_CHUNK").size(), 2u);
  at.pass(30s);
  at.ask_members(R"("query":"","limit":0)");
  EXPECT_EQ(at.got("GUILD_MEMBERS_CHUNK").size(), 3u);
}

TEST(requests, all_members_need_the_members_intent_and_presences_theirs) {
  asker at{small_world(), known_intents & ~privileged_intents};
  at.ask_members(R"("query":"","limit":0)");
  EXPECT_TRUE(at.got("GUILD_MEMBERS_CHUNK").empty());
  EXPECT_EQ(at.broken_rules(), std::vector<std::string>{"members_intent"});
  at.ask_members(R"("query":"user","limit":2,"presences":true)");
  EXPECT_FALSE(at.got("GUILD_MEMBERS_CHUNK").at(0).contains("presences"));
}

TEST(requests, replies_belong_to_the_session_and_to_no_truth) {
  asker at;
  auto& other = at.second();
  auto rows = at.truth_rows("o").size();
  at.ask_members(R"("query":"user","limit":2)");
  EXPECT_EQ(at.got("GUILD_MEMBERS_CHUNK").size(), 1u);
  EXPECT_TRUE(at.got(other, "GUILD_MEMBERS_CHUNK").empty());
  EXPECT_EQ(at.truth_rows("o").size(), rows);
  auto all = at.who->line.dispatches();
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(all[i].at("s").to_number<std::uint64_t>(), i + 1);
}

TEST(requests, a_guild_of_another_shard_is_passed_over) {
  scenario at;
  auto& guilds = at.discord.all().guilds();
  auto foreign = std::ranges::find_if(guilds, [](auto& g) { return (g.id >> 22) % 2 == 1; });
  ASSERT_NE(foreign, guilds.end());
  auto& who = at.identified(0, 2);
  at.pass(10ms);
  auto before = who.line.sent.size();
  at.say(who, R"({"op":8,"d":{"guild_id":")" + std::to_string(foreign->id) + R"(","query":"u","limit":1}})");
  at.pass(60ms);
  EXPECT_EQ(who.line.sent.size(), before);
  EXPECT_EQ(who.line.closed, 0);
}

TEST(requests, wrong_fields_close_with_4001) {
  for (auto* text :
       {R"({"op":8,"d":{"guild_id":"1"}})", R"({"op":8,"d":{"guild_id":["1","2"],"query":"","limit":0}})",
        R"({"op":8,"d":{"guild_id":"1","query":"a"}})", R"({"op":4,"d":{"channel_id":null}})",
        R"({"op":31,"d":{"guild_ids":"1"}})", R"({"op":43,"d":{"guild_id":"1"}})", R"({"op":4})",
        R"({"op":3,"d":{"since":null,"activities":[],"status":"away","afk":false}})"}) {
    asker at;
    at.say(*at.who, text);
    EXPECT_EQ(at.who->line.closed, 4001) << text;
  }
}

TEST(voice, the_bot_joins_moves_and_leaves_and_only_the_asker_gets_the_server) {
  asker at;
  auto& other = at.second();
  at.speak_in(*at.who, at.voice_channel());
  for (auto* each : {at.who, &other}) {
    auto state = at.got(*each, "VOICE_STATE_UPDATE").at(0);
    EXPECT_EQ(state.at("channel_id"), json::value(at.voice_channel()));
    EXPECT_EQ(state.at("user_id"), json::value(std::to_string(at.discord.all().bot().id)));
    EXPECT_EQ(state.at("session_id"), json::value(at.session_of(*at.who)));
  }
  auto server = at.got("VOICE_SERVER_UPDATE").at(0);
  EXPECT_EQ(server.at("guild_id"), json::value(at.id));
  EXPECT_TRUE(server.at("endpoint").is_string());
  EXPECT_TRUE(at.got(other, "VOICE_SERVER_UPDATE").empty());
  EXPECT_EQ(at.who->line.dispatches().back().at("t"), "VOICE_SERVER_UPDATE"); // after the state

  at.speak_in(*at.who, at.voice_channel(), true); // muted, stays
  EXPECT_EQ(at.got("VOICE_STATE_UPDATE").back().at("self_mute"), true);
  EXPECT_EQ(at.got("VOICE_SERVER_UPDATE").size(), 1u);
  at.speak_in(*at.who, {});
  EXPECT_TRUE(at.got(other, "VOICE_STATE_UPDATE").back().at("channel_id").is_null());
  EXPECT_EQ(at.in->bot().voice_channel, 0u);
}

TEST(voice, the_state_ends_with_the_session_that_set_it) {
  for (auto code : {1000, 1001, 4000}) {
    asker at;
    auto& other = at.second();
    at.speak_in(*at.who, at.voice_channel());
    at.discord.disconnected(at.who->number, code, at.now);
    at.pass(60ms);
    auto resumable = code == 4000;
    EXPECT_EQ(at.got(other, "VOICE_STATE_UPDATE").back().at("channel_id").is_null(), !resumable) << code;
  }
  asker at;
  auto& other = at.second();
  at.speak_in(*at.who, at.voice_channel());
  at.discord.disconnected(other.number, 1000, at.now); // owns no voice state
  at.pass(60ms);
  EXPECT_FALSE(at.got("VOICE_STATE_UPDATE").back().at("channel_id").is_null());
  at.discord.apply({.kind = fault_kind::invalid_session}, at.now);
  at.pass(60ms);
  EXPECT_EQ(at.in->bot().voice_channel, 0u);
}

TEST(voice, another_session_takes_the_state_over) {
  asker at;
  auto& other = at.second();
  at.speak_in(*at.who, at.voice_channel());
  at.speak_in(other, at.voice_channel());
  EXPECT_EQ(at.got("VOICE_STATE_UPDATE").back().at("session_id"), json::value(at.session_of(other)));
  EXPECT_EQ(at.got(other, "VOICE_SERVER_UPDATE").size(), 1u);
  at.discord.disconnected(at.who->number, 1000, at.now); // no longer its owner
  at.pass(60ms);
  EXPECT_NE(at.in->bot().voice_channel, 0u);
}

TEST(voice, nothing_answers_when_there_is_no_such_voice_channel) {
  asker at;
  auto text_channel = std::to_string(at.in->channels.at(1).id);
  for (auto& channel : {text_channel, std::string{"1"}, std::string{}})
    at.speak_in(*at.who, channel);
  EXPECT_TRUE(at.got("VOICE_STATE_UPDATE").empty());
  EXPECT_TRUE(at.got("VOICE_SERVER_UPDATE").empty());
  EXPECT_EQ(at.who->line.closed, 0);
}

TEST(requests, sounds_and_channels_are_told) {
  asker at;
  at.ask(31, R"({"guild_ids":[")" + at.id + R"(","5"]})");
  ASSERT_EQ(at.got("SOUNDBOARD_SOUNDS").size(), 1u);
  EXPECT_EQ(at.got("SOUNDBOARD_SOUNDS").at(0).at("soundboard_sounds").as_array().size(), 2u);
  at.ask(43, R"({"guild_id":")" + at.id + R"(","fields":["status","voice_start_time"]})");
  EXPECT_TRUE(at.got("CHANNEL_INFO").at(0).at("channels").as_array().empty());
  at.speak_in(*at.who, at.voice_channel());
  at.ask(43, R"({"guild_id":")" + at.id + R"(","fields":["voice_start_time"]})");
  auto channels = at.got("CHANNEL_INFO").at(1).at("channels").as_array();
  ASSERT_EQ(channels.size(), 1u);
  EXPECT_EQ(channels[0].at("id"), json::value(at.voice_channel()));
  EXPECT_TRUE(channels[0].at("voice_start_time").is_int64());
  EXPECT_FALSE(channels[0].as_object().contains("status"));
}

TEST(presence, a_new_one_is_seen_in_each_guild_of_the_session_and_an_equal_one_by_nobody) {
  asker at;
  auto idle =
      R"({"since":null,"activities":[{"name":"tides","type":3,"secret":1}],"status":"idle","afk":false})";
  at.ask(3, idle);
  auto seen = at.got("PRESENCE_UPDATE");
  ASSERT_EQ(seen.size(), 24u);
  EXPECT_EQ(seen[0].at("status"), "idle");
  EXPECT_EQ(seen[0].at("user").at("id"), json::value(std::to_string(at.discord.all().bot().id)));
  EXPECT_EQ(seen[0].at("activities").at(0).at("name"), "tides");
  EXPECT_FALSE(seen[0].at("activities").at(0).as_object().contains("secret"));
  at.ask(3, idle);
  EXPECT_EQ(at.got("PRESENCE_UPDATE").size(), 24u);
  auto& later = at.second();
  for (auto& created : at.got(later, "GUILD_CREATE")) {
    auto& presences = created.at("presences").as_array();
    EXPECT_TRUE(std::ranges::any_of(presences, [](auto& p) { return p.at("status") == "idle"; }));
  }
}

TEST(presence, the_sixth_within_twenty_seconds_closes) {
  asker at;
  for (auto i = 0; i < 6; ++i) {
    EXPECT_EQ(at.who->line.closed, 0);
    at.ask(3, R"({"since":null,"activities":[],"status":"online","afk":false})");
  }
  EXPECT_EQ(at.who->line.closed, 4008);
}

TEST(requests, a_cache_follows_what_the_bot_does) {
  asker at;
  guild_cache cache{at.got("GUILD_CREATE").at(0)};
  at.id = at.got("GUILD_CREATE").at(0).at("id").as_string();
  at.in = &*std::ranges::find(at.discord.all().guilds(), std::stoull(at.id), &guild::id);
  at.speak_in(*at.who, at.voice_channel());
  at.ask(3, R"({"since":null,"activities":[{"name":"tides","type":3}],"status":"dnd","afk":false})");
  at.discord.emit(3000, at.now);
  at.pass(100ms);
  for (auto& dispatch : at.who->line.dispatches()) {
    auto& d = dispatch.at("d").as_object();
    std::string_view name{dispatch.at("t").as_string()};
    auto* guild = d.if_contains(name == "GUILD_UPDATE" ? "id" : "guild_id");
    if (guild && *guild == json::value(at.id))
      cache.apply(name, d);
  }
  std::string now;
  put_guild_create(now, {at.discord.all(), *at.in}, {.intents = known_intents, .everyone = true});
  EXPECT_EQ(guild_cache::difference(cache, guild_cache{json::parse(now).get_object()}), "");
}

TEST(heartbeat, the_servers_own_request_must_be_answered_in_time) {
  auto chosen = small_world();
  chosen.heartbeat_requests = 60;
  chosen.heartbeat_request_deadline = 500ms;
  asker at{chosen};
  auto asked = [&] {
    return std::ranges::count_if(at.who->line.sent,
                                 [](auto& text) { return text.find(R"("op":1,)") != std::string::npos; });
  };
  long answered = 0;
  for (auto i = 0; i < 500; ++i) {
    at.pass(20ms);
    for (; answered < asked(); ++answered)
      at.say(*at.who, R"({"op":1,"d":1})");
  }
  EXPECT_GT(answered, 3);
  EXPECT_TRUE(at.broken_rules().empty());
  at.pass(10s);
  EXPECT_FALSE(at.broken_rules().empty());
  EXPECT_EQ(at.broken_rules().front(), "heartbeat_request");
  EXPECT_EQ(at.who->line.closed, 0);
}

} // namespace
} // namespace shardyard::sim
