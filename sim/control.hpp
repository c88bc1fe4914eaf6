// HTTP as plain values: Discord's few REST routes that a gateway client needs, and the control of the
// simulator. No sockets.
#pragma once

#include "sim/gateway.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shardyard::sim {

struct http_question {
  std::string method = "GET";
  std::string target;
  std::string authorization;
  std::string user_agent;
  std::string body;
  bool from_loopback = true;
};

struct http_answer {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<truth_log::reader> stream; ///< set: the body is what it reads
};

/// Status line and header of an HTTP/1.1 answer; chunked when it streams.
std::string head_of(const http_answer& result);

/// Whether `target` is a control request rather than one of Discord's routes.
bool is_control(std::string_view target);

/// `base_url` is the WebSocket URL that /gateway hands out.
http_answer answer(gateway& discord, const http_question& asked, const std::string& base_url, moment now);

} // namespace shardyard::sim
