// What a request to the bots' door asks for, and where at Discord the ones that are passed on go. Plain
// functions over the request's target.
#pragma once

#include "net/bot_link.hpp"
#include "net/url.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace shardyard::net {

enum class bot_route : std::uint8_t {
  web_socket,  ///< the gateway's path: nothing but slashes
  gateway,     ///< GET /gateway
  gateway_bot, ///< GET /gateway/bot
  pass_on,     ///< any other path of the API
  unknown,     ///< 404
  malformed,   ///< 400: no plain path, or one that could leave the API's
};

struct routed {
  bot_route route = bot_route::malformed;
  std::string target; ///< pass_on: path and query of the request to Discord
};

/// `target` as in the request line. Paths of the API begin with /api, /api/vN or /vN; `/gateway` and
/// `/gateway/bot` are known without as well. `api_base`: its path stands in front of what is passed on, with
/// its version replaced by the request's.
routed route_of(std::string_view target, const url& api_base);

/// The query of an upgrade's target; `address` is left empty. Order is free, of a key given twice the last
/// counts.
bot_query parse_bot_query(std::string_view target);

} // namespace shardyard::net
