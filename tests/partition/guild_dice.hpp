// Random events of one guild, of every kind that a cache follows, about few enough ids that they meet: things
// are made twice, changed before they exist and removed again.
#pragma once

#include <boost/json.hpp>

#include <random>
#include <string>
#include <string_view>

namespace shardyard {

class guild_dice {
public:
  using object = boost::json::object;
  using array = boost::json::array;

  struct event {
    std::string_view name;
    object d;
  };

  guild_dice(std::mt19937& random, std::string guild, std::string self)
      : random_(random), guild_(std::move(guild)), self_(std::move(self)) {}

  /// Entities come with all the keys that an update without them would keep.
  bool every_key = false;

  event next() {
    static constexpr std::string_view names[] = {"CHANNEL_CREATE",
                                                 "CHANNEL_UPDATE",
                                                 "CHANNEL_DELETE",
                                                 "CHANNEL_PINS_UPDATE",
                                                 "VOICE_CHANNEL_STATUS_UPDATE",
                                                 "MESSAGE_CREATE",
                                                 "THREAD_CREATE",
                                                 "THREAD_UPDATE",
                                                 "THREAD_DELETE",
                                                 "THREAD_LIST_SYNC",
                                                 "THREAD_MEMBER_UPDATE",
                                                 "THREAD_MEMBERS_UPDATE",
                                                 "GUILD_UPDATE",
                                                 "GUILD_ROLE_CREATE",
                                                 "GUILD_ROLE_UPDATE",
                                                 "GUILD_ROLE_DELETE",
                                                 "GUILD_EMOJIS_UPDATE",
                                                 "GUILD_STICKERS_UPDATE",
                                                 "GUILD_MEMBER_ADD",
                                                 "GUILD_MEMBER_UPDATE",
                                                 "GUILD_MEMBER_REMOVE",
                                                 "GUILD_MEMBERS_CHUNK",
                                                 "PRESENCE_UPDATE",
                                                 "VOICE_STATE_UPDATE",
                                                 "GUILD_SCHEDULED_EVENT_CREATE",
                                                 "GUILD_SCHEDULED_EVENT_UPDATE",
                                                 "GUILD_SCHEDULED_EVENT_DELETE",
                                                 "GUILD_SCHEDULED_EVENT_USER_ADD",
                                                 "GUILD_SCHEDULED_EVENT_USER_REMOVE",
                                                 "STAGE_INSTANCE_CREATE",
                                                 "STAGE_INSTANCE_UPDATE",
                                                 "STAGE_INSTANCE_DELETE",
                                                 "GUILD_SOUNDBOARD_SOUND_CREATE",
                                                 "GUILD_SOUNDBOARD_SOUND_UPDATE",
                                                 "GUILD_SOUNDBOARD_SOUND_DELETE",
                                                 "GUILD_SOUNDBOARD_SOUNDS_UPDATE"};
    event result{names[below(std::size(names))], {}};
    result.d = payload(result.name);
    if (result.name != "GUILD_UPDATE")
      result.d["guild_id"] = guild_;
    return result;
  }

private:
  enum family : std::uint64_t {
    channels = 1,
    threads,
    roles,
    users,
    events,
    stages,
    sounds,
    emojis,
    messages
  };

  std::uint32_t below(std::size_t end) { return static_cast<std::uint32_t>(random_() % end); }
  bool chance(int percent) { return below(100) < static_cast<std::uint32_t>(percent); }

  std::string id(family of) {
    if (of == users && chance(20))
      return self_;
    auto count = of == messages ? 100'000u : 8u;
    return std::to_string((std::uint64_t{1} << 60) + of * 10'000'000 + below(count));
  }
  std::string name() { return std::string(1 + below(30), static_cast<char>('a' + below(26))); }
  boost::json::value maybe(std::string_view x) {
    return chance(50) ? boost::json::value(x) : boost::json::value(nullptr);
  }

  template <class Make>
  array some(Make make) {
    array result;
    for (auto left = below(5); left > 0; --left)
      result.push_back(make());
    return result;
  }
  /// The same with an id of its own for each.
  template <class Make>
  array distinct(std::string_view key, Make make) {
    array result;
    for (auto& each : some(make))
      if (std::ranges::none_of(result, [&](auto& x) { return x.at(key) == each.at(key); }))
        result.push_back(each);
    return result;
  }

  object channel() {
    object x{{"id", id(channels)}, {"type", below(6)}, {"name", name()}};
    x["permission_overwrites"] = some([this] {
      return object{{"id", id(roles)}, {"allow", "0"}, {"deny", "8"}};
    });
    if (chance(80))
      x["last_message_id"] = maybe(id(messages));
    if (every_key)
      x["status"] = maybe(name());
    if (chance(20))
      x["topic"] = name();
    return x;
  }
  object thread() {
    object x{{"id", id(threads)}, {"parent_id", id(channels)}, {"name", name()}, {"guild_id", guild_}};
    x["thread_metadata"] = object{{"archived", chance(20)}};
    if (chance(50))
      x["last_message_id"] = maybe(id(messages));
    if (chance(20))
      x["member"] = object{{"id", x["id"]}, {"user_id", self_}, {"flags", below(4)}};
    return x;
  }
  object role() { return {{"id", id(roles)}, {"name", name()}, {"permissions", std::to_string(random_())}}; }
  object user() {
    object x{{"id", id(users)}, {"username", name()}};
    if (chance(10))
      x["global_name"] = maybe(name());
    return x;
  }
  object member() {
    object x{{"user", user()}, {"joined_at", "2024-05-01T19:20:21.002000+00:00"}};
    x["roles"] = some([this] { return boost::json::value(id(roles)); });
    x["nick"] = maybe(name());
    if (every_key || chance(30))
      x["mute"] = chance(50);
    return x;
  }
  object presence() {
    static constexpr const char* statuses[] = {"online", "idle", "dnd", "offline"};
    object x{{"user", {{"id", id(users)}}}, {"status", statuses[below(4)]}, {"client_status", object{}}};
    x["activities"] = some([this] { return object{{"type", below(5)}, {"name", name()}}; });
    return x;
  }
  object voice() {
    auto who = member();
    object x{{"user_id", who.at("user").at("id")}, {"session_id", name()}, {"self_mute", chance(50)}};
    x["channel_id"] = maybe(id(channels));
    x["member"] = who;
    return x;
  }
  object scheduled() {
    object x{{"id", id(events)}, {"guild_id", guild_}, {"name", name()}, {"status", 1 + below(4)}};
    if (every_key || chance(30))
      x["user_count"] = below(100);
    return x;
  }
  object emoji() { return {{"id", id(emojis)}, {"name", name()}, {"animated", chance(50)}}; }
  object sound() {
    return {{"sound_id", id(sounds)}, {"guild_id", guild_}, {"name", name()}, {"volume", 0.5}};
  }

  object payload(std::string_view t) {
    if (t.starts_with("CHANNEL_PINS"))
      return {{"channel_id", chance(50) ? id(channels) : id(threads)},
              {"last_pin_timestamp", maybe("2026-09-02T07:11:00+00:00")}};
    if (t.starts_with("CHANNEL_"))
      return channel();
    if (t == "VOICE_CHANNEL_STATUS_UPDATE")
      return {{"id", id(channels)}, {"status", maybe(name())}};
    if (t == "MESSAGE_CREATE")
      return {
          {"author", user()}, {"channel_id", chance(50) ? id(channels) : id(threads)}, {"id", id(messages)}};
    if (t == "GUILD_UPDATE")
      return {{"id", guild_},
              {"name", name()},
              {"roles", distinct("id", [this] { return role(); })},
              {"x_" + std::to_string(below(3)), below(100)}};
    if (t == "GUILD_ROLE_DELETE")
      return {{"role_id", id(roles)}};
    if (t.starts_with("GUILD_ROLE_"))
      return {{"role", role()}};
    if (t == "GUILD_EMOJIS_UPDATE")
      return {{"emojis", distinct("id", [this] { return emoji(); })}};
    if (t == "GUILD_STICKERS_UPDATE")
      return {{"stickers", distinct("id", [this] { return emoji(); })}};
    if (t == "GUILD_MEMBER_REMOVE")
      return {{"user", user()}};
    if (t == "GUILD_MEMBERS_CHUNK")
      return {{"members", some([this] { return member(); })},
              {"presences", some([this] { return presence(); })}};
    if (t.starts_with("GUILD_MEMBER_"))
      return member();
    if (t == "PRESENCE_UPDATE")
      return presence();
    if (t == "VOICE_STATE_UPDATE")
      return voice();
    if (t.starts_with("GUILD_SCHEDULED_EVENT_USER"))
      return {{"guild_scheduled_event_id", id(events)}, {"user_id", id(users)}};
    if (t.starts_with("GUILD_SCHEDULED"))
      return scheduled();
    if (t.starts_with("STAGE_"))
      return {{"id", id(stages)}, {"guild_id", guild_}, {"channel_id", id(channels)}, {"topic", name()}};
    if (t == "GUILD_SOUNDBOARD_SOUNDS_UPDATE")
      return {{"soundboard_sounds", some([this] { return sound(); })}};
    if (t.starts_with("GUILD_SOUNDBOARD"))
      return sound();
    return thread_payload(t);
  }

  object thread_payload(std::string_view t) {
    if (t == "THREAD_DELETE")
      return {{"id", id(threads)}, {"parent_id", id(channels)}, {"type", 11}};
    if (t == "THREAD_LIST_SYNC") {
      object x{{"threads", distinct("id", [this] { return thread(); })}};
      x["members"] = distinct("id", [this] { return object{{"id", id(threads)}, {"user_id", self_}}; });
      if (chance(70))
        x["channel_ids"] = some([this] { return boost::json::value(id(channels)); });
      return x;
    }
    if (t == "THREAD_MEMBER_UPDATE")
      return {{"id", id(threads)}, {"user_id", self_}, {"flags", below(4)}};
    if (t == "THREAD_MEMBERS_UPDATE") {
      object x{{"id", id(threads)}, {"member_count", below(50)}};
      if (chance(50))
        x["removed_member_ids"] = some([this] { return boost::json::value(id(users)); });
      else
        x["added_members"] = distinct("user_id", [this, &x] {
          return object{{"id", x["id"]}, {"user_id", id(users)}, {"member", member()}};
        });
      return x;
    }
    auto x = thread();
    if (t == "THREAD_CREATE" && chance(50))
      x["newly_created"] = true;
    return x;
  }

  std::mt19937& random_;
  std::string guild_, self_;
};

} // namespace shardyard
