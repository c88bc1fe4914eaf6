// The REST routes that a small bot needs besides the gateway's: itself, its commands, messages, answers to
// interactions. Errors in Discord's form and codes (API reference, "JSON Error Codes").
#pragma once

#include "sim/control.hpp"

#include <string_view>
#include <vector>

namespace shardyard::sim {

/// The parts of a path between its slashes.
std::vector<std::string_view> parts_of(std::string_view path);

/// Routes that the token of an interaction opens; empty: the path is none of them.
std::optional<http_answer> interaction_routes(gateway& discord, const http_question& asked,
                                              std::string_view path, moment now);

/// Routes for the bot itself, whose authorization was checked; 404 and 405 included.
http_answer bot_routes(gateway& discord, const http_question& asked, std::string_view path, moment now);

} // namespace shardyard::sim
