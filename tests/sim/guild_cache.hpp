// What a bot would remember of one guild: GUILD_CREATE, folded with the events since by the rules of the
// Gateway reference. Objects are kept whole, so that every field counts.
#pragma once

#include <boost/json.hpp>

#include <map>
#include <sstream>
#include <string>
#include <string_view>

namespace shardyard::sim {

class guild_cache {
public:
  explicit guild_cache(boost::json::object created) : guild_(std::move(created)) {
    take("channels", channels_, [](auto& o) { return text(o, "id"); });
    take("threads", threads_, [](auto& o) { return text(o, "id"); });
    take("roles", roles_, [](auto& o) { return text(o, "id"); });
    take("guild_scheduled_events", events_, [](auto& o) { return text(o, "id"); });
    take("members", members_, [](auto& o) { return text(o.at("user").as_object(), "id"); });
    take("presences", presences_, [](auto& o) { return text(o.at("user").as_object(), "id"); });
    take("voice_states", voice_states_, [](auto& o) { return text(o, "user_id"); });
  }

  void apply(std::string_view name, boost::json::object d) {
    d.erase("guild_id");
    if (name == "MESSAGE_CREATE")
      spoken(d);
    else if (name.starts_with("CHANNEL_"))
      channel(name, std::move(d));
    else if (name.starts_with("THREAD_"))
      thread(name, std::move(d));
    else if (name == "GUILD_ROLE_DELETE")
      roles_.erase(text(d, "role_id"));
    else if (name.starts_with("GUILD_ROLE_"))
      roles_[text(d.at("role").as_object(), "id")] = d.at("role").as_object();
    else if (name.starts_with("GUILD_SCHEDULED_EVENT_"))
      scheduled_event(name, std::move(d));
    else if (name.starts_with("GUILD_MEMBER_"))
      member(name, std::move(d));
    else if (name == "PRESENCE_UPDATE")
      put_or_erase(presences_, text(d.at("user").as_object(), "id"), d, d.at("status") != "offline");
    else if (name == "VOICE_STATE_UPDATE")
      voice_state(std::move(d));
    else if (name == "GUILD_UPDATE")
      update(std::move(d));
    else if (name == "GUILD_EMOJIS_UPDATE")
      guild_["emojis"] = d.at("emojis");
  }

  /// Empty when both hold the same, else the first object in which they differ.
  static std::string difference(const guild_cache& ours, const guild_cache& theirs) {
    std::istringstream left{ours.contents()}, right{theirs.contents()};
    for (std::string a, b;;) {
      auto more = static_cast<bool>(std::getline(left, a)),
           others = static_cast<bool>(std::getline(right, b));
      if (!more && !others)
        return {};
      if (more != others || a != b)
        return (more ? a : "nothing") + "\n  instead of\n" + (others ? b : "nothing");
    }
  }

private:
  std::string contents() const {
    std::string all = sorted(guild_) + "\n";
    for (auto* objects : {&channels_, &threads_, &roles_, &events_, &members_, &presences_, &voice_states_})
      for (auto& [id, object] : *objects)
        all += id + " " + sorted(object) + "\n";
    return all;
  }

  using objects = std::map<std::string, boost::json::object>;

  static std::string text(const boost::json::object& o, std::string_view key) {
    return std::string{o.at(key).as_string()};
  }

  static std::string sorted(const boost::json::object& o) {
    std::map<std::string, std::string> keys;
    for (auto& [key, value] : o)
      keys[key] = boost::json::serialize(value);
    std::string all;
    for (auto& [key, value] : keys)
      all += key + "=" + value + " ";
    return all;
  }

  template <class Id>
  void take(std::string_view key, objects& into, Id id) {
    for (auto& element : guild_.at(key).as_array()) {
      auto object = element.as_object();
      object.erase("guild_id");
      into[id(object)] = object;
    }
    guild_.erase(key);
  }

  static void put_or_erase(objects& in, const std::string& id, const boost::json::object& d, bool keep) {
    if (keep)
      in[id] = d;
    else
      in.erase(id);
  }

  // A message may come twice, the second time late, even after its channel has gone.
  void spoken(const boost::json::object& d) {
    auto room = channels_.find(text(d, "channel_id"));
    if (room == channels_.end())
      return;
    auto& last = room->second["last_message_id"];
    if (last.is_null() || std::stoull(last.as_string().c_str()) < std::stoull(text(d, "id")))
      last = d.at("id");
  }

  void channel(std::string_view name, boost::json::object d) {
    auto id = text(d, "id");
    put_or_erase(channels_, id, d, name != "CHANNEL_DELETE");
    if (name == "CHANNEL_DELETE")
      std::erase_if(threads_, [&id](auto& each) { return text(each.second, "parent_id") == id; });
  }

  void thread(std::string_view name, boost::json::object d) {
    d.erase("newly_created");
    auto id = text(d, "id");
    auto active = name != "THREAD_DELETE" && !d.at("thread_metadata").at("archived").as_bool();
    put_or_erase(threads_, id, d, active);
  }

  void scheduled_event(std::string_view name, boost::json::object d) {
    if (name == "GUILD_SCHEDULED_EVENT_USER_ADD") {
      auto& count = events_.at(text(d, "guild_scheduled_event_id")).at("user_count");
      count = count.to_number<std::int64_t>() + 1;
      return;
    }
    put_or_erase(events_, text(d, "id"), d, name != "GUILD_SCHEDULED_EVENT_DELETE");
  }

  void member(std::string_view name, boost::json::object d) {
    auto id = text(d.at("user").as_object(), "id");
    auto known = members_.contains(id);
    auto& count = guild_.at("member_count");
    if (name == "GUILD_MEMBER_ADD" && !known)
      count = count.to_number<std::int64_t>() + 1;
    if (name == "GUILD_MEMBER_REMOVE") {
      count = count.to_number<std::int64_t>() - 1;
      presences_.erase(id);
    }
    put_or_erase(members_, id, d, name != "GUILD_MEMBER_REMOVE");
    guild_["large"] = count.to_number<std::int64_t>() > 50;
  }

  void voice_state(boost::json::object d) {
    d.erase("member");
    auto speaks = !d.at("channel_id").is_null();
    put_or_erase(voice_states_, text(d, "user_id"), d, speaks);
  }

  void update(boost::json::object d) {
    roles_.clear();
    for (auto& role : d.at("roles").as_array())
      roles_[text(role.as_object(), "id")] = role.as_object();
    d.erase("roles");
    for (auto& [key, value] : d)
      guild_[key] = value;
  }

  boost::json::object guild_;
  objects channels_, threads_, roles_, events_, members_, presences_, voice_states_;
};

} // namespace shardyard::sim
