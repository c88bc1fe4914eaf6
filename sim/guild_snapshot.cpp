#include "sim/event_kind.hpp"
#include "sim/json_shapes.hpp"
#include "sim/text.hpp"

namespace shardyard::sim {
namespace {

constexpr std::uint32_t presence_gate = 75000; // members; above it nobody gets the list

template <class Range, class Put>
void put_array(std::string& out, std::string_view key, const Range& range, Put put_element) {
  put(out, ",\"");
  put(out, key);
  put(out, "\":[");
  auto first = true;
  for (auto& element : range) {
    auto before = out.size();
    put(out, first ? "{" : ",{");
    if (put_element(element)) {
      put(out, "}");
      first = false;
    } else {
      out.resize(before);
    }
  }
  put(out, "]");
}

} // namespace

// Which members and presences a session sees: Gateway reference, "GUILD_PRESENCES" and "Guild Create".
void put_guild_create(std::string& out, const scene& at, const snapshot_view& view) {
  auto& g = at.in;
  auto large = g.member_count > view.large_threshold;
  auto shows_members = (view.intents & guild_presences_intent) != 0 && g.member_count <= presence_gate;
  put(out, "{");
  put_guild_keys(out, at);
  if (!view.joined)
    put(out, R"(,"unavailable":false)");
  put(out, R"(,"lazy":true,"large":)");
  put(out, large ? "true" : "false");
  put(out, R"(,"member_count":)");
  put_number(out, g.member_count);
  put(out, R"(,"joined_at":)");
  put_time(out, g.joined_ms);
  put_array(out, "voice_states", g.members, [&](const member& who) {
    if (who.voice_channel != 0)
      put_voice_state_keys(out, at, who);
    return who.voice_channel != 0;
  });
  put_array(out, "threads", g.threads, [&](const thread& which) {
    put_thread_keys(out, at, which);
    return true;
  });
  put_array(out, "members", g.members, [&](const member& who) {
    auto noticed =
        view.everyone || who.status != 0 || who.has_role || who.nick != 0 || who.voice_channel != 0;
    if (who.user != 0 && !(shows_members ? !large || noticed : who.voice_channel != 0))
      return false;
    put_member_keys(out, at, who);
    put(out, R"(,"user":)");
    put(out, at.all.users()[who.user].json);
    return true;
  });
  put_array(out, "presences", g.members, [&](const member& who) {
    if (!shows_members || who.status == 0)
      return false;
    put_presence_keys(out, at, who);
    return true;
  });
  put_array(out, "channels", g.channels, [&](const channel& which) {
    put_channel_keys(out, at, which);
    return true;
  });
  put_array(out, "guild_scheduled_events", g.events, [&](const scheduled_event& which) {
    put_scheduled_event_keys(out, at, which);
    return true;
  });
  put(out, ",");
  put_soundboard_sounds(out, g);
  put(out,
      R"(,"stage_instances":[],"embedded_activities":[],"application_command_counts":{"1":3,"2":0,"3":1})");
  if (view.padding > 0) {
    put(out, R"(,"x_padding":")");
    out.append(view.padding, 'x');
    put(out, "\"");
  }
  put(out, "}");
}

} // namespace shardyard::sim
