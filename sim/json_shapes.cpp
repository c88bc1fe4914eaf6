#include "sim/json_shapes.hpp"

#include "sim/text.hpp"

#include <array>

namespace shardyard::sim {
namespace {

constexpr std::array<std::string_view, 4> shown_statuses{"offline", "online", "idle", "dnd"};

bool is_bot(const member& who) {
  return who.user == 0;
}

void put_name(std::string& out, std::uint64_t number) {
  out.push_back('"');
  put(out, name_of(number));
  out.push_back('"');
}

void put_activities(std::string& out, const member& who) {
  auto now_ms = who.presence_ms;
  if (who.activity >= 5)
    return;
  put(out, R"({"type":4,"state":)");
  put_name(out, who.user + who.activity);
  put(out, R"(,"name":"Custom Status","id":"custom","created_at":)");
  put_number(out, static_cast<std::uint64_t>(now_ms) / 100000 * 100000);
  put(out, "}");
  if (who.activity >= 3)
    return;
  put(out, R"(,{"type":2,"timestamps":{"start":)");
  put_number(out, static_cast<std::uint64_t>(now_ms));
  put(out, R"(,"end":)");
  put_number(out, static_cast<std::uint64_t>(now_ms) + 229'000);
  put(out, R"(},"sync_id":"3n3Ppam7vgaVa1iaRUc9Lp","state":"The Longshoremen","session_id":")");
  put_hex(out, who.user);
  put(out, R"(","party":{"id":"spotify:)");
  put_number(out, who.user);
  put(out, R"("},"name":"Spotify","id":"spotify:1","flags":48,"details":)");
  put_name(out, static_cast<std::uint64_t>(now_ms) / 60'000 + who.user);
  put(out, R"(,"created_at":)");
  put_number(out, static_cast<std::uint64_t>(now_ms));
  put(out,
      R"(,"assets":{"large_text":"Ropework","large_image":"spotify:ab67616d0000b273aa11bb22cc33dd44ee55ff66"}})");
}

} // namespace

void put_member_keys(std::string& out, const scene& at, const member& who) {
  put(out, R"("roles":[)");
  if (who.has_role && !at.in.roles.empty())
    put_id(out, at.in.roles.front().id);
  put(out, R"(],"premium_since":null,"pending":false,"nick":)");
  if (who.nick == 0)
    put(out, "null");
  else
    put_name(out, who.user * 5 + who.nick);
  put(out, R"(,"mute":false,"joined_at":)");
  put_time(out, who.joined_ms);
  put(out, R"(,"flags":0,"deaf":false,"communication_disabled_until":null,"banner":null,"avatar":null)");
}

void put_member(std::string& out, const scene& at, const member& who) {
  put(out, "{");
  put_member_keys(out, at, who);
  put(out, R"(,"user":)");
  put(out, at.all.users()[who.user].json);
  put(out, "}");
}

void put_voice_state_keys(std::string& out, const scene& at, const member& who) {
  put(out, R"("user_id":)");
  put_id(out, at.all.users()[who.user].id);
  put(out, R"(,"suppress":false,"session_id":")");
  if (is_bot(who))
    put(out, at.in.voice_session);
  else
    put_hex(out, who.user + 77);
  put(out, R"(","self_video":false,"self_mute":)");
  put(out, who.self_mute ? "true" : "false");
  put(out, R"(,"self_deaf":)");
  put(out, who.self_deaf ? "true" : "false");
  put(out, R"(,"request_to_speak_timestamp":null,"mute":false,"deaf":false,"channel_id":)");
  put_id(out, who.voice_channel);
}

void put_voice_state_update(std::string& out, const scene& at, const member& who) {
  put(out, "{");
  put_voice_state_keys(out, at, who);
  put(out, R"(,"member":)");
  put_member(out, at, who);
  put(out, R"(,"guild_id":)");
  put_id(out, at.in.id);
  put(out, "}");
}

void put_presence_update(std::string& out, const scene& at, const member& who) {
  put(out, "{");
  put_presence_keys(out, at, who);
  put(out, R"(,"guild_id":)");
  put_id(out, at.in.id);
  put(out, "}");
}

void put_presence_keys(std::string& out, const scene& at, const member& who) {
  put(out, R"("user":{"id":)");
  put_id(out, at.all.users()[who.user].id);
  put(out, R"(},"status":")");
  put(out, shown_statuses[who.status]);
  put(out, R"(","processed_at_timestamp":)");
  put_number(out, static_cast<std::uint64_t>(who.presence_ms));
  put(out, R"(,"client_status":{)");
  if (who.status != 0) {
    put(out, is_bot(who) ? R"("web":")" : who.user % 2 ? R"("mobile":")" : R"("desktop":")");
    put(out, shown_statuses[who.status]);
    put(out, "\"");
  }
  put(out, R"(},"activities":[)");
  if (is_bot(who))
    put(out, at.in.bot_activities ? std::string_view{*at.in.bot_activities} : std::string_view{});
  else if (who.status != 0)
    put_activities(out, who);
  put(out, "]");
}

void put_channel_keys(std::string& out, const scene& at, const channel& which) {
  put(out, R"("version":)");
  put_number(out, 1760000000000 + which.version);
  put(out, R"(,"type":)");
  put_number(out, which.type);
  if (which.type == 2)
    put(out, R"(,"user_limit":12,"rtc_region":null,"bitrate":64000)"); // voice_places
  if (which.type == 0) {
    put(out, R"(,"topic":")");
    put(out, name_of(which.id + which.version));
    put(out, R"(, talk about anything that floats","theme_color":null)");
  }
  put(out, R"(,"rate_limit_per_user":)");
  put_number(out, which.version % 4 * 5);
  put(out, R"(,"position":)");
  put_number(out, which.id % 50);
  put(out, R"(,"permission_overwrites":[{"type":0,"id":)");
  put_id(out, at.in.id);
  put(out, R"(,"deny":"2048","allow":"0"}],"parent_id":)");
  put_id(out, which.parent);
  put(out, R"(,"nsfw":false,"name":)");
  put_name(out, which.id * 3);
  put(out, R"(,"last_message_id":)");
  put_id(out, which.last_message);
  put(out, R"(,"id":)");
  put_id(out, which.id);
  put(out, R"(,"flags":0)");
}

void put_thread_keys(std::string& out, const scene& at, const thread& which) {
  put(out, R"("type":11,"total_message_sent":6,"thread_metadata":{"locked":false,"create_timestamp":)");
  put_time(out, which.created_ms);
  put(out, R"(,"auto_archive_duration":4320,"archived":)");
  put(out, which.archived ? "true" : "false");
  put(out, R"(,"archive_timestamp":)");
  put_time(out, which.created_ms + which.version * 1000);
  put(out, R"(},"rate_limit_per_user":)");
  put_number(out, which.version % 3 * 5);
  put(out, R"(,"parent_id":)");
  put_id(out, which.parent);
  put(out, R"(,"owner_id":)");
  put_id(out, at.all.users()[which.owner].id);
  put(out, R"(,"name":)");
  put_name(out, which.id + which.version);
  put(out, R"(,"message_count":6,"member_count":3,"last_message_id":null,"id":)");
  put_id(out, which.id);
  put(out, R"(,"guild_id":)");
  put_id(out, at.in.id);
  put(out, R"(,"flags":0,"applied_tags":[])");
}

void put_role_keys(std::string& out, const scene& at, const role& which) {
  auto everyone = which.id == at.in.id;
  put(out, R"("version":1760000000000,"unicode_emoji":null,"tags":{},"position":)");
  put(out, everyone ? "0" : "1");
  put(out, R"(,"permissions":"1812329361718","name":)");
  if (everyone)
    put(out, R"("@everyone")");
  else
    put_name(out, which.id * 11);
  put(out, R"(,"mentionable":false,"managed":false,"id":)");
  put_id(out, which.id);
  put(out, R"(,"icon":null,"hoist":false,"flags":0,"colors":{"primary_color":)");
  put_number(out, which.color);
  put(out, R"(,"secondary_color":null,"tertiary_color":null},"color":)");
  put_number(out, which.color);
}

void put_scheduled_event_keys(std::string& out, const scene& at, const scheduled_event& which) {
  put(out, R"("user_count":)");
  put_number(out, which.user_count);
  put(out, R"(,"status":1,"sku_ids":[],"scheduled_start_time":)");
  put_time(out, which.starts_ms);
  put(out, R"(,"scheduled_end_time":)");
  put_time(out, which.starts_ms + 7'200'000);
  put(out, R"(,"recurrence_rule":null,"privacy_level":2,"name":)");
  put_name(out, which.id);
  put(out, R"(,"image":null,"id":)");
  put_id(out, which.id);
  put(out, R"(,"guild_id":)");
  put_id(out, at.in.id);
  put(out,
      R"(,"entity_type":3,"entity_metadata":{"location":"Pier 4"},"entity_id":null,"description":"","creator_id":)");
  put_id(out, at.all.users()[at.in.owner].id);
  put(out, R"(,"channel_id":null)");
}

void put_guild_keys(std::string& out, const scene& at) {
  auto& g = at.in;
  put(out, R"("verification_level":1,"vanity_url_code":null,"version":)");
  put_number(out, 1760000000000 + g.version);
  put(out, R"(,"system_channel_id":)");
  put_id(out, g.channels.size() > 1 ? g.channels[1].id : 0);
  put(out,
      R"(,"system_channel_flags":0,"splash":null,"safety_alerts_channel_id":null,"rules_channel_id":null,)"
      R"("region":"deprecated","public_updates_channel_id":null,"premium_tier":1,"premium_subscription_count":2,)"
      R"("premium_progress_bar_enabled":false,"preferred_locale":"en-US","owner_id":)");
  put_id(out, at.all.users()[g.owner].id);
  put(out, R"(,"nsfw_level":0,"nsfw":false,"name":)");
  put_name(out, g.id + g.version);
  put(out,
      R"(,"mfa_level":0,"max_video_channel_users":25,"max_stage_video_channel_users":50,"max_members":25000000,)"
      R"("latest_onboarding_question_id":null,"incidents_data":null,"inventory_settings":null,"icon":")");
  put_hex(out, g.id);
  put(out, R"(","id":)");
  put_id(out, g.id);
  put(out,
      R"(,"hub_type":null,"home_header":null,"features":["NEWS","COMMUNITY"],"explicit_content_filter":0,)"
      R"("discovery_splash":null,"description":null,"default_message_notifications":1,"banner":null,)"
      R"("application_id":null,"afk_timeout":300,"afk_channel_id":null)");
  put(out, R"(,"roles":[{)");
  put_role_keys(out, at, role{g.id, 0});
  for (auto& r : g.roles) {
    put(out, "},{");
    put_role_keys(out, at, r);
  }
  put(out, "}],");
  put_emojis(out, g);
  put(out, R"(,"stickers":[])");
}

void put_emojis(std::string& out, const guild& in) {
  put(out, R"("emojis":[)");
  for (auto& each : in.emojis) {
    put(out, out.back() == '[' ? "{" : ",{");
    put(out, R"("roles":[],"require_colons":true,"name":"lantern_)");
    put_number(out, each.version);
    put(out, R"(","managed":false,"id":)");
    put_id(out, each.id);
    put(out, R"(,"available":true,"animated":false})");
  }
  put(out, "]");
}

void put_soundboard_sounds(std::string& out, const guild& in) {
  put(out, R"("soundboard_sounds":[)");
  for (std::uint64_t i = 0; i < 2; ++i) {
    put(out, i == 0 ? "{" : ",{");
    put(out, R"("volume":0.8,"user_id":"0","sound_id":)");
    put_id(out, in.id + 50'000 + i);
    put(out, i == 0 ? R"(,"name":"foghorn","guild_id":)" : R"(,"name":"ship bell","guild_id":)");
    put_id(out, in.id);
    put(out, R"(,"emoji_name":")");
    put(out, "\xF0\x9F\x94\x94");
    put(out, R"(","emoji_id":null,"available":true})");
  }
  put(out, "]");
}

} // namespace shardyard::sim
