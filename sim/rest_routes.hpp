// Discord's own REST routes: agent, authorization and those of the gateway (discord docs: "Get Gateway", "Get
// Gateway Bot"); what a bot needs besides is in bot_routes.
#pragma once

#include "sim/control.hpp"

#include <boost/json/value.hpp>

namespace shardyard::sim {

http_answer as_json(const boost::json::value& body, int status = 200);

/// Discord's form of an error; 0: a general one.
http_answer refusal(int status, std::string text, int code = 0);

/// The path without query, `/api` and `/v10`.
std::string_view route_of(std::string_view target);

http_answer rest(gateway& discord, const http_question& asked, const std::string& base_url, moment now);

} // namespace shardyard::sim
