#include "actors/coordinator/bot_identity.hpp"

#include <boost/json.hpp>

#include <charconv>

namespace shardyard {

namespace json = boost::json;

namespace {

json::object parse_object(std::string_view text) {
  json::error_code error;
  auto value = json::parse(json::string_view{text.data(), text.size()}, error);
  return !error && value.is_object() ? value.get_object() : json::object{};
}

snowflake id_of(const json::object& x) {
  auto* id = x.if_contains("id");
  auto* text = id ? id->if_string() : nullptr;
  snowflake result = 0;
  if (text)
    std::from_chars(text->data(), text->data() + text->size(), result);
  return result;
}

} // namespace

std::string make_bot_identity(std::string_view user, std::string_view application) {
  auto who = parse_object(user);
  if (id_of(who) == 0)
    return {};
  auto given = parse_object(application);
  json::object app{{"id", id_of(given) != 0 ? given["id"] : who["id"]},
                   {"flags", given.contains("flags") ? given["flags"] : json::value(0)}};
  return json::serialize(json::object{{"user", std::move(who)}, {"application", std::move(app)}});
}

bot_identity read_bot_identity(std::string_view document) {
  auto whole = parse_object(document);
  auto* user = whole.if_contains("user");
  auto* application = whole.if_contains("application");
  if (!user || !user->is_object() || !application || id_of(user->get_object()) == 0)
    return {};
  return {json::serialize(*user), json::serialize(*application), id_of(user->get_object())};
}

} // namespace shardyard
