// A guild cache as small as can be: one JSON object per guild. For the rules of the partition until the
// cluster's own is there.
#include "actors/partition/guild_cache.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace shardyard {

namespace json = boost::json;

struct guild_cache::content {
  json::object guild;
};

namespace {

json::array& list(json::object& guild, std::string_view key) {
  auto& x = guild[{key.data(), key.size()}];
  return x.is_array() ? x.as_array() : x.emplace_array();
}

void erase_id(json::array& from, const json::value& id) {
  for (auto at = from.begin(); at != from.end(); ++at)
    if (at->as_object().at("id") == id) {
      from.erase(at);
      return;
    }
}

void count(json::object& guild, int by) {
  auto x = guild["member_count"].is_number() ? guild["member_count"].to_number<std::int64_t>() : 0;
  guild["member_count"] = x + by;
}

} // namespace

guild_cache::guild_cache() = default;
guild_cache::~guild_cache() = default;
guild_cache::guild_cache(guild_cache&&) noexcept = default;
guild_cache& guild_cache::operator=(guild_cache&&) noexcept = default;

bool guild_cache::empty() const {
  return !content_;
}

bool guild_cache::replace(std::string_view d, const cache_policy&) {
  boost::json::error_code error;
  auto x = json::parse({d.data(), d.size()}, error);
  if (error || !x.is_object())
    return false;
  content_ = std::make_unique<content>();
  content_->guild = x.as_object();
  content_->guild.erase("id");
  list(content_->guild, "channels");
  count(content_->guild, 0);
  return true;
}

bool guild_cache::apply(event_type_id type, std::string_view d, const cache_policy&) {
  auto t = type_of(type).name;
  if (!content_ || (!t.starts_with("CHANNEL_") && t != "GUILD_UPDATE" && t != "GUILD_MEMBER_ADD" &&
                    t != "GUILD_MEMBER_REMOVE"))
    return false;
  boost::json::error_code error;
  auto x = json::parse({d.data(), d.size()}, error);
  if (error || !x.is_object())
    return false;
  auto& guild = content_->guild;
  if (t == "GUILD_MEMBER_ADD" || t == "GUILD_MEMBER_REMOVE") {
    count(guild, t == "GUILD_MEMBER_ADD" ? 1 : -1);
    return true;
  }
  x.as_object().erase(t == "GUILD_UPDATE" ? "id" : "guild_id");
  if (t == "GUILD_UPDATE") {
    for (auto& [key, value] : x.as_object())
      guild[key] = value;
    return true;
  }
  auto& channels = list(guild, "channels");
  erase_id(channels, x.as_object()["id"]);
  if (t != "CHANNEL_DELETE")
    channels.push_back(x);
  return true;
}

void guild_cache::write_guild_create(std::string& out, snowflake guild, const guild_view&,
                                     const cache_policy&) const {
  auto x = content_->guild;
  x["id"] = std::to_string(guild);
  std::ranges::sort(x["channels"].as_array(), {}, [](auto& y) { return json::serialize(y); });
  out += json::serialize(x);
}

std::vector<difference_event> guild_cache::difference(const guild_cache& newer, snowflake guild) const {
  std::vector<difference_event> result;
  auto& mine = list(content_->guild, "channels");
  auto& theirs = list(newer.content_->guild, "channels");
  auto find = [](json::array& in, const json::value& id) {
    return std::ranges::find(in, id, [](auto& x) { return x.as_object().at("id"); });
  };
  auto tell = [&](std::string_view t, json::object d) {
    if (t != "GUILD_UPDATE")
      d["guild_id"] = std::to_string(guild);
    result.push_back({find_event_type(t), json::serialize(d)});
  };
  for (auto& x : theirs) {
    auto old = find(mine, x.as_object().at("id"));
    if (old == mine.end())
      tell("CHANNEL_CREATE", x.as_object());
    else if (*old != x)
      tell("CHANNEL_UPDATE", x.as_object());
  }
  for (auto& x : mine)
    if (find(theirs, x.as_object().at("id")) == theirs.end())
      tell("CHANNEL_DELETE", x.as_object());
  auto a = content_->guild, b = newer.content_->guild;
  for (auto* x : {&a, &b})
    x->erase("channels");
  if (a != b) {
    b["id"] = std::to_string(guild);
    tell("GUILD_UPDATE", b);
  }
  return result;
}

void guild_cache::save(std::string& out) const {
  out += json::serialize(content_->guild);
}

std::optional<guild_cache> guild_cache::load(std::string_view bytes) {
  guild_cache x;
  return x.replace(bytes, {}) ? std::optional{std::move(x)} : std::nullopt;
}

} // namespace shardyard
