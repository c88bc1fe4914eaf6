#include "bench/load_events.hpp"

#include <array>
#include <cmath>
#include <ctime>

namespace shardyard::bench {
namespace {

constexpr std::int64_t discord_epoch_ms = 1420070400000;
constexpr std::uint32_t users_per_guild = 60;

constexpr std::array<std::string_view, 96> vocabulary{
    "anyone",  "on",     "watch",  "tonight", "the",     "east",   "light",   "was",    "blinking", "at",
    "three",   "and",    "I",      "think",   "we",      "should", "check",   "pump",   "before",   "harbour",
    "opens",   "again",  "lol",    "no",      "way",     "that",   "is",      "so",     "good",     "who",
    "wants",   "to",     "play",   "later",   "maybe",   "after",  "dinner",  "ok",     "see",      "you",
    "there",   "rope",   "knot",   "boat",    "weather", "storm",  "coming",  "from",   "north",    "map",
    "build",   "server", "update", "patch",   "notes",   "look",   "new",     "weapon", "broken",   "please",
    "fix",     "thanks", "a",      "lot",     "for",     "help",   "with",    "my",     "setup",    "works",
    "now",     "great",  "stream", "starts",  "in",      "five",   "minutes", "come",   "join",     "voice",
    "channel", "two",    "ready",  "waiting", "where",   "are",    "moved",   "it",     "over",     "here",
    "check!",  "haha",   "nice",   "really?", "sure",    "fine"};
constexpr std::array<std::string_view, 4> statuses{"online", "idle", "dnd", "offline"};
constexpr std::array<std::string_view, 3> devices{"desktop", "mobile", "web"};

std::uint64_t snowflake_at(std::int64_t unix_ms, std::uint64_t low) {
  return (static_cast<std::uint64_t>(unix_ms - discord_epoch_ms) << 22) | (low & 0x3fffff);
}

void append(std::string& out, std::uint64_t x) {
  out += std::to_string(x);
}

void append_hex(std::string& out, std::mt19937_64& random) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (int half = 0; half < 2; ++half) {
    auto bits = random();
    for (int i = 0; i < 16; ++i, bits >>= 4)
      out += digits[bits & 15];
  }
}

// "2026-11-20T12:34:56.789000+00:00"
void append_time(std::string& out, std::int64_t unix_ms) {
  auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  out.append(text.data(), size);
  auto fraction = std::to_string(1000 + unix_ms % 1000);
  out.append(".").append(fraction, 1, 3).append("000+00:00");
}

load_user make_user(std::mt19937_64& random, std::uint64_t role) {
  load_user x;
  x.id = snowflake_at(discord_epoch_ms + static_cast<std::int64_t>(random() % 300'000'000'000), random());
  auto first = vocabulary[random() % vocabulary.size()];
  auto name = std::string{first} + "_" + std::to_string(random() % 10000);
  std::string avatar;
  append_hex(avatar, random);
  x.user = R"({"username":")" + name + R"(","public_flags":0,"primary_guild":null,"id":")" +
           std::to_string(x.id) + R"(","global_name":")" + std::string{first} + R"(","discriminator":"0",)" +
           R"("avatar_decoration_data":null,"avatar":")" + avatar + R"("})";
  std::string joined;
  append_time(joined,
              discord_epoch_ms + 200'000'000'000 + static_cast<std::int64_t>(random() % 150'000'000'000));
  auto nick = random() % 3 == 0 ? "\"" + name + "\"" : std::string{"null"};
  x.member = R"({"roles":[")" + std::to_string(role) + R"("],"premium_since":null,"pending":false,"nick":)" +
             nick + R"(,"mute":false,"joined_at":")" + joined + R"(","flags":0,"deaf":false,)" +
             R"("communication_disabled_until":null,"banner":null,"avatar":null})";
  x.details = R"(,"premium_since":null,"pending":false,"nick":)" + nick + R"(,"joined_at":")" + joined + "\"";
  return x;
}

std::string channel_text(std::uint64_t id, std::size_t position) {
  return R"({"version":1760000000001,"type":)" + std::string{position == 1 ? "2" : "0"} +
         R"(,"topic":null,"rate_limit_per_user":0,"position":)" + std::to_string(position) +
         R"(,"permission_overwrites":[],"parent_id":null,"nsfw":false,"name":"channel-)" +
         std::to_string(position) + R"(","last_message_id":null,"id":")" + std::to_string(id) +
         R"(","flags":0})";
}

} // namespace

load_world::load_world(std::uint64_t seed, std::uint32_t guild_count) {
  std::mt19937_64 random{seed};
  guilds_.resize(guild_count);
  for (auto& guild : guilds_) {
    guild.id =
        snowflake_at(discord_epoch_ms + static_cast<std::int64_t>(random() % 300'000'000'000), random());
    for (int i = 0; i < 6; ++i)
      guild.channels.push_back(guild.id + 4'194'304 + random() % 4'000'000);
    for (std::uint32_t i = 0; i < users_per_guild; ++i)
      guild.users.push_back(make_user(random, guild.id + 12'000'000));
  }
}

std::string load_world::snapshot(const load_guild& guild) const {
  auto id = std::to_string(guild.id);
  std::string members;
  for (std::size_t i = 0; i < 3; ++i) {
    auto& user = guild.users[i];
    members +=
        (i ? "," : "") + user.member.substr(0, user.member.size() - 1) + R"(,"user":)" + user.user + "}";
  }
  std::string channels;
  for (std::size_t i = 0; i < guild.channels.size(); ++i)
    channels += (i ? "," : "") + channel_text(guild.channels[i], i);
  return R"({"voice_states":[],"verification_level":1,"version":1760000000100,"unavailable":false,"threads":[],)"
         R"("stickers":[],"stage_instances":[],"soundboard_sounds":[],"roles":[{"version":1760000000000,"position":0,)"
         R"("permissions":"2248473465835073","name":"@everyone","mentionable":false,"managed":false,"id":")" +
         id +
         R"(","hoist":false,"flags":0,"color":0}],"presences":[],"premium_tier":0,"preferred_locale":"en-US",)" +
         R"("owner_id":")" + std::to_string(guild.users[0].id) +
         R"(","nsfw_level":0,"nsfw":false,"name":"guild )" + id + R"(","mfa_level":0,"member_count":)" +
         std::to_string(guild.users.size()) + R"(,"members":[)" + members +
         R"(],"large":false,"joined_at":"2022-06-07T10:00:00.412000+00:00","icon":null,"id":")" + id +
         R"(","guild_scheduled_events":[],"features":[],"emojis":[],"channels":[)" + channels + "]}";
}

load_generator::load_generator(const load_world& world, std::uint64_t seed, std::int64_t start_ms,
                               std::int64_t step_us)
    : world_(world), random_(seed), now_us_(start_ms * 1000), step_us_(step_us) {}

std::uint32_t load_generator::below(std::uint32_t bound) {
  return static_cast<std::uint32_t>(random_() % bound);
}

void load_generator::words(std::string& out, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i)
      out += ' ';
    out += vocabulary[below(vocabulary.size())];
  }
}

void load_generator::next(load_event& event) {
  now_us_ += step_us_;
  // A few guilds are far busier than the rest, as in any bot.
  auto u = static_cast<double>(below(1 << 20)) / (1 << 20);
  auto& guild =
      world_.guilds()[static_cast<std::size_t>(u * u * static_cast<double>(world_.guilds().size()))];
  auto& user = guild.users[below(users_per_guild)];
  event.guild = guild.id;
  event.d.clear();
  auto kind = below(100);
  if (kind < 45)
    presence(guild, user, event);
  else if (kind < 70)
    message(guild, user, event);
  else if (kind < 85)
    typing(guild, user, event);
  else if (kind < 95)
    member(guild, user, event);
  else
    voice(guild, user, event);
}

void load_generator::presence(const load_guild& guild, const load_user& user, load_event& event) {
  event.name = "PRESENCE_UPDATE";
  auto& d = event.d;
  auto now_ms = now_us_ / 1000;
  auto status = statuses[below(4)];
  d.append(R"({"user":{"id":")");
  append(d, user.id);
  d.append(R"("},"status":")").append(status).append(R"(","processed_at_timestamp":)");
  append(d, static_cast<std::uint64_t>(now_ms));
  d.append(R"(,"guild_id":")");
  append(d, guild.id);
  d.append(R"(","client_status":{)");
  if (status != "offline")
    d.append("\"").append(devices[below(3)]).append("\":\"").append(status).append("\"");
  d.append(R"(},"activities":[)");
  if (status != "offline") {
    d.append(R"({"type":4,"state":")");
    words(d, 2);
    d.append(R"(","name":"Custom Status","id":"custom","created_at":)");
    append(d, static_cast<std::uint64_t>(now_ms - below(9'000'000)));
    d += '}';
    if (below(100) < 44) {
      d.append(R"(,{"type":0,"timestamps":{"start":)");
      append(d, static_cast<std::uint64_t>(now_ms - below(9'000'000)));
      d.append(R"(},"session_id":")");
      append_hex(d, random_);
      d.append(R"(","name":")");
      words(d, 2);
      d.append(R"(","id":"1b2c3d4e5f60718","details":")");
      words(d, 4);
      d.append(R"(","created_at":)");
      append(d, static_cast<std::uint64_t>(now_ms - below(90'000)));
      d += '}';
    }
  }
  d.append("]}");
}

void load_generator::message(const load_guild& guild, const load_user& user, load_event& event) {
  event.name = "MESSAGE_CREATE";
  auto& d = event.d;
  auto now_ms = now_us_ / 1000;
  d.append(R"({"type":0,"tts":false,"timestamp":")");
  append_time(d, now_ms);
  d.append(R"(","pinned":false,"nonce":")");
  append(d, snowflake_at(now_ms - 90, random_()));
  d.append(R"(","mentions":[],"mention_roles":[],"mention_everyone":false,"member":)").append(user.member);
  d.append(R"(,"id":")");
  // The low bits carry the event's place within its millisecond: message ids of one stream rise and never
  // repeat.
  append(d, snowflake_at(now_ms, (static_cast<std::uint64_t>(now_us_ % 1000) << 10) | (random_() & 0x3ff)));
  d.append(R"(","flags":0,"embeds":[],"edited_timestamp":null,"content":")");
  words(d, 20 + below(62));
  d.append(R"(","components":[],"channel_type":0,"channel_id":")");
  append(d, guild.channels[below(6)]);
  d.append(R"(","author":)").append(user.user).append(R"(,"attachments":[],"guild_id":")");
  append(d, guild.id);
  d.append("\"}");
}

void load_generator::typing(const load_guild& guild, const load_user& user, load_event& event) {
  event.name = "TYPING_START";
  auto& d = event.d;
  d.append(R"({"user_id":")");
  append(d, user.id);
  d.append(R"(","timestamp":)");
  append(d, static_cast<std::uint64_t>(now_us_ / 1'000'000));
  d.append(R"(,"member":)").append(user.member, 0, user.member.size() - 1);
  d.append(R"(,"user":)").append(user.user).append(R"(},"guild_id":")");
  append(d, guild.id);
  d.append(R"(","channel_id":")");
  append(d, guild.channels[below(6)]);
  d.append("\"}");
}

void load_generator::member(const load_guild& guild, const load_user& user, load_event& event) {
  event.name = "GUILD_MEMBER_UPDATE";
  auto& d = event.d;
  d.append(R"({"user":)").append(user.user).append(R"(,"roles":[")");
  append(d, guild.id + 12'000'000 + below(8));
  d.append(R"("])").append(user.details).append(R"(,"guild_id":")");
  append(d, guild.id);
  d.append(
      R"(","flags":0,"communication_disabled_until":null,"banner":null,"avatar":null,"mute":false,"deaf":false})");
}

void load_generator::voice(const load_guild& guild, const load_user& user, load_event& event) {
  event.name = "VOICE_STATE_UPDATE";
  auto& d = event.d;
  d.append(R"({"user_id":")");
  append(d, user.id);
  d.append(R"(","suppress":false,"session_id":")");
  append_hex(d, random_);
  d.append(R"(","self_video":false,"self_mute":)").append(below(2) ? "true" : "false");
  d.append(R"(,"self_deaf":false,"request_to_speak_timestamp":null,"mute":false,"deaf":false,"channel_id":)");
  if (below(3) == 0) {
    d.append("null");
  } else {
    d += '"';
    append(d, guild.channels[1]);
    d += '"';
  }
  d.append(R"(,"member":)").append(user.member, 0, user.member.size() - 1);
  d.append(R"(,"user":)").append(user.user).append(R"(},"guild_id":")");
  append(d, guild.id);
  d.append("\"}");
}

void append_dispatch(std::string& out, std::string_view t, std::uint64_t s, std::string_view d) {
  out.append(R"({"t":")").append(t).append(R"(","s":)").append(std::to_string(s)).append(R"(,"op":0,"d":)");
  out.append(d).append("}");
}

} // namespace shardyard::bench
