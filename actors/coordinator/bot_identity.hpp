// Who the bot is, as Discord's REST API says: the part of READY that every bot of the cluster is told. One
// JSON document, `{"user":{..},"application":{"id":..,"flags":..}}`; plain functions over text.
#pragma once

#include "messages/ids.hpp"

#include <string>
#include <string_view>

namespace shardyard {

/// The document made of the bodies of `GET /users/@me` and `GET /applications/@me`. `application` may be
/// empty or unreadable: then the user's id stands for it, which is the same for all bots made since 2016.
/// Empty when `user` is no user object.
std::string make_bot_identity(std::string_view user, std::string_view application);

struct bot_identity {
  std::string user;        ///< JSON object
  std::string application; ///< JSON object with id and flags
  snowflake id = 0;        ///< of the user; 0: the document cannot be read
};

bot_identity read_bot_identity(std::string_view document);

} // namespace shardyard
