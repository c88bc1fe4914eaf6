// The naive guild: a JSON tree changed by the rules of the Gateway reference, member policy `all` with
// presences. What guild_cache is held against under events that the simulator does not make.
#pragma once

#include "tests/partition/guild_text.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace shardyard {

class guild_model {
public:
  using object = boost::json::object;

  guild_model(std::string_view guild_create, std::string self) : self_(std::move(self)) {
    guild_ = boost::json::parse(guild_create).as_object();
    for (auto kind : guild_lists) {
      for (auto& each : guild_.at(kind).as_array())
        put(kind, each.as_object());
      guild_.erase(kind);
    }
  }

  void apply(std::string_view name, const object& d) {
    static const auto rules = make_rules();
    (this->*rules.at(name))(d);
  }

  std::string lines() const {
    auto all = guild_;
    auto count = all.at("member_count").to_number<std::int64_t>();
    all["large"] = count > 50;
    for (auto kind : guild_lists) {
      auto& list = all[kind].emplace_array();
      if (auto found = lists_.find(kind); found != lists_.end())
        for (auto& [id, each] : found->second)
          list.push_back(each);
    }
    return guild_lines(boost::json::serialize(all));
  }

private:
  using rule = void (guild_model::*)(const object&);
  using entities = std::map<std::string, object>;

  static std::map<std::string_view, rule> make_rules() {
    using g = guild_model;
    return {{"CHANNEL_CREATE", &g::channel},
            {"CHANNEL_UPDATE", &g::channel},
            {"CHANNEL_DELETE", &g::channel_gone},
            {"CHANNEL_PINS_UPDATE", &g::pins},
            {"VOICE_CHANNEL_STATUS_UPDATE", &g::voice_status},
            {"MESSAGE_CREATE", &g::message},
            {"THREAD_CREATE", &g::thread},
            {"THREAD_UPDATE", &g::thread},
            {"THREAD_DELETE", &g::thread_gone},
            {"THREAD_LIST_SYNC", &g::thread_list},
            {"THREAD_MEMBER_UPDATE", &g::thread_member},
            {"THREAD_MEMBERS_UPDATE", &g::thread_members},
            {"GUILD_UPDATE", &g::guild},
            {"GUILD_ROLE_CREATE", &g::role},
            {"GUILD_ROLE_UPDATE", &g::role},
            {"GUILD_ROLE_DELETE", &g::role_gone},
            {"GUILD_EMOJIS_UPDATE", &g::guild},
            {"GUILD_STICKERS_UPDATE", &g::guild},
            {"GUILD_MEMBER_ADD", &g::member_added},
            {"GUILD_MEMBER_UPDATE", &g::member},
            {"GUILD_MEMBER_REMOVE", &g::member_gone},
            {"GUILD_MEMBERS_CHUNK", &g::chunk},
            {"PRESENCE_UPDATE", &g::presence},
            {"VOICE_STATE_UPDATE", &g::voice},
            {"GUILD_SCHEDULED_EVENT_CREATE", &g::scheduled},
            {"GUILD_SCHEDULED_EVENT_UPDATE", &g::scheduled},
            {"GUILD_SCHEDULED_EVENT_DELETE", &g::scheduled_gone},
            {"GUILD_SCHEDULED_EVENT_USER_ADD", &g::interest},
            {"GUILD_SCHEDULED_EVENT_USER_REMOVE", &g::interest_lost},
            {"STAGE_INSTANCE_CREATE", &g::stage},
            {"STAGE_INSTANCE_UPDATE", &g::stage},
            {"STAGE_INSTANCE_DELETE", &g::stage_gone},
            {"GUILD_SOUNDBOARD_SOUND_CREATE", &g::sound},
            {"GUILD_SOUNDBOARD_SOUND_UPDATE", &g::sound},
            {"GUILD_SOUNDBOARD_SOUND_DELETE", &g::sound_gone},
            {"GUILD_SOUNDBOARD_SOUNDS_UPDATE", &g::sounds}};
  }

  static std::string id(const object& d, std::string_view key) { return std::string{d.at(key).as_string()}; }
  static std::uint64_t number(const boost::json::value* x) {
    return x && x->is_string() ? std::stoull(x->as_string().c_str()) : 0;
  }
  static object less(object d, std::string_view key) {
    d.erase(key);
    return d;
  }

  void put(std::string_view kind, const object& x) { lists_[std::string{kind}][entity_key(kind, x)] = x; }
  entities& list(const char* kind) { return lists_[kind]; }
  object* find(const char* kind, const std::string& key) {
    auto found = list(kind).find(key);
    return found == list(kind).end() ? nullptr : &found->second;
  }
  object* room(const std::string& key) {
    auto* channel = find("channels", key);
    return channel ? channel : find("threads", key);
  }
  void keep_later_message(const object* old, object& d) {
    if (old && number(old->if_contains("last_message_id")) > number(d.if_contains("last_message_id")))
      d["last_message_id"] = old->at("last_message_id");
  }

  void channel(const object& d) {
    auto x = less(d, "guild_id");
    auto* old = find("channels", id(d, "id"));
    keep_later_message(old, x);
    if (old && old->contains("status") && !x.contains("status"))
      x["status"] = old->at("status");
    put("channels", x);
  }
  void channel_gone(const object& d) {
    auto gone = d.at("id");
    list("channels").erase(id(d, "id"));
    std::erase_if(list("threads"), [&](auto& x) { return x.second.at("parent_id") == gone; });
    std::erase_if(list("voice_states"), [&](auto& x) { return x.second.at("channel_id") == gone; });
    std::erase_if(list("stage_instances"), [&](auto& x) { return x.second.at("channel_id") == gone; });
  }
  void pins(const object& d) {
    if (auto* x = room(id(d, "channel_id")))
      (*x)["last_pin_timestamp"] = d.at("last_pin_timestamp");
  }
  void voice_status(const object& d) {
    if (auto* x = find("channels", id(d, "id")))
      (*x)["status"] = d.at("status");
  }
  void message(const object& d) {
    auto* x = room(id(d, "channel_id"));
    if (x && number(x->if_contains("last_message_id")) < number(&d.at("id")))
      (*x)["last_message_id"] = d.at("id");
  }

  void thread(const object& d) {
    auto x = less(d, "newly_created");
    auto* old = find("threads", id(d, "id"));
    keep_later_message(old, x);
    if (old && old->contains("member") && !x.contains("member"))
      x["member"] = old->at("member");
    if (x.at("thread_metadata").at("archived").as_bool())
      list("threads").erase(id(d, "id"));
    else
      put("threads", x);
  }
  void thread_gone(const object& d) { list("threads").erase(id(d, "id")); }
  void thread_list(const object& d) {
    auto* parents = d.if_contains("channel_ids");
    std::erase_if(list("threads"), [&](auto& x) {
      return !parents || std::ranges::count(parents->as_array(), x.second.at("parent_id")) > 0;
    });
    for (auto& each : d.at("threads").as_array()) {
      auto x = each.as_object();
      for (auto& member : d.at("members").as_array())
        if (member.at("id") == x.at("id"))
          x["member"] = member;
      if (x.at("thread_metadata").at("archived").as_bool())
        list("threads").erase(id(x, "id"));
      else
        put("threads", x);
    }
  }
  void thread_member(const object& d) {
    if (auto* x = find("threads", id(d, "id")))
      (*x)["member"] = less(d, "guild_id");
  }
  void thread_members(const object& d) {
    auto* x = find("threads", id(d, "id"));
    if (!x)
      return;
    (*x)["member_count"] = d.at("member_count");
    if (auto* removed = d.if_contains("removed_member_ids"))
      for (auto& each : removed->as_array())
        if (each == boost::json::value(self_))
          x->erase("member");
    if (auto* added = d.if_contains("added_members"))
      for (auto& each : added->as_array())
        if (each.at("user_id") == boost::json::value(self_))
          (*x)["member"] = less(less(each.as_object(), "member"), "presence");
  }

  // GUILD_UPDATE and those that replace one list of it.
  void guild(const object& d) {
    for (auto& [key, value] : less(d, "guild_id")) {
      if (std::ranges::find(guild_lists, std::string_view{key}) == std::end(guild_lists)) {
        guild_[key] = value;
        continue;
      }
      lists_[std::string{key}].clear();
      for (auto& each : value.as_array())
        put(key, each.as_object());
    }
  }
  void role(const object& d) { put("roles", d.at("role").as_object()); }
  void role_gone(const object& d) {
    auto gone = d.at("role_id");
    if (list("roles").erase(id(d, "role_id")) == 0)
      return;
    auto drop = [](boost::json::array& from, auto is) {
      from.erase(std::remove_if(from.begin(), from.end(), is), from.end());
    };
    for (auto& [key, x] : list("members"))
      drop(x.at("roles").as_array(), [&](auto& each) { return each == gone; });
    for (auto& [key, x] : list("channels"))
      drop(x.at("permission_overwrites").as_array(), [&](auto& each) { return each.at("id") == gone; });
  }

  void merge(const object& d) {
    auto key = entity_key("members", d);
    auto x = find("members", key) ? *find("members", key) : object{};
    for (auto& [name, value] : less(d, "guild_id"))
      x[name] = value;
    put("members", x);
  }
  std::int64_t members() { return guild_["member_count"].to_number<std::int64_t>(); }
  void count(int by) { guild_["member_count"] = std::max<std::int64_t>(0, members() + by); }
  void member_added(const object& d) {
    if (!find("members", entity_key("members", d)))
      count(1);
    merge(d);
  }
  void member(const object& d) { merge(d); }
  void member_gone(const object& d) {
    auto key = entity_key("members", d);
    auto everybody = members() <= static_cast<std::int64_t>(list("members").size());
    auto known = list("members").erase(key) > 0;
    if (known || !everybody)
      count(-1);
    list("presences").erase(key);
    list("voice_states").erase(key);
  }
  void chunk(const object& d) {
    for (auto& each : d.at("members").as_array())
      merge(each.as_object());
    for (auto& each : d.at("presences").as_array())
      presence(each.as_object());
  }
  void presence(const object& d) {
    auto key = entity_key("presences", d);
    if (d.at("status") == "offline")
      list("presences").erase(key);
    else if (find("members", key))
      put("presences", less(d, "guild_id"));
  }
  void voice(const object& d) {
    if (d.at("channel_id").is_null())
      list("voice_states").erase(id(d, "user_id"));
    else
      put("voice_states", less(less(d, "guild_id"), "member"));
    merge(d.at("member").as_object());
  }

  void scheduled(const object& d) {
    auto x = d;
    auto* old = find("guild_scheduled_events", id(d, "id"));
    if (old && old->contains("user_count") && !x.contains("user_count"))
      x["user_count"] = old->at("user_count");
    if (x.at("status").to_number<int>() >= 3)
      list("guild_scheduled_events").erase(id(d, "id"));
    else
      put("guild_scheduled_events", x);
  }
  void scheduled_gone(const object& d) { list("guild_scheduled_events").erase(id(d, "id")); }
  void interested(const object& d, int by) {
    if (auto* x = find("guild_scheduled_events", id(d, "guild_scheduled_event_id"))) {
      auto* known = x->if_contains("user_count");
      (*x)["user_count"] = std::max<std::int64_t>(0, (known ? known->to_number<std::int64_t>() : 0) + by);
    }
  }
  void interest(const object& d) { interested(d, 1); }
  void interest_lost(const object& d) { interested(d, -1); }
  void stage(const object& d) { put("stage_instances", d); }
  void stage_gone(const object& d) { list("stage_instances").erase(id(d, "id")); }
  void sound(const object& d) { put("soundboard_sounds", d); }
  void sound_gone(const object& d) { list("soundboard_sounds").erase(id(d, "sound_id")); }
  void sounds(const object& d) {
    for (auto& each : d.at("soundboard_sounds").as_array())
      put("soundboard_sounds", each.as_object());
  }

  std::string self_;
  object guild_;
  std::map<std::string, entities, std::less<>> lists_;
};

} // namespace shardyard
