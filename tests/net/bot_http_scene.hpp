// Words that tests of the door's HTTP side share: a known bot, a Discord to pass requests on to, its answers.
#pragma once

#include "tests/net/door_client.hpp"

#include <string>

namespace shardyard::net {

inline const std::string good = "Authorization: Bot good\r\n";

inline bot_door_settings passing_to(const scripted_server& discord) {
  bot_door_settings settings;
  settings.api_base = discord.http_url() + "/api/v10";
  return settings;
}

inline std::string field_of(const std::string& head, const std::string& name) {
  return door_answer{0, head, {}}.field(name);
}

inline std::string reply(const std::string& body, const std::string& fields = {}) {
  return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

} // namespace shardyard::net
