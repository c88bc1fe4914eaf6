// The REST requests that the cluster itself needs from Discord: `GET /gateway/bot`, and who the bot is. One
// process should ask and share the answer, because the routes' limits are small. Never retries: when to ask
// again is the caller's decision.
#pragma once

#include "net/gateway_bot.hpp"
#include "net/url.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace shardyard::net {

class io_thread;

struct rest_settings {
  std::string api_base = "https://discord.com/api/v10";
  std::string token;            ///< with or without "Bot " in front
  std::string ca_file;          ///< PEM; empty: the system's authorities
  bool allow_plaintext = false; ///< http:// to addresses other than loopback too
  std::string user_agent = default_user_agent();
  std::chrono::milliseconds timeout{15'000}; ///< from resolving to the whole answer
};

/// What came of a request.
struct rest_answer {
  unsigned status = 0;     ///< 0: no answer, see `failure`
  std::string retry_after; ///< the header's value, or empty
  std::string body;
  unreachable failure;
};

/// `GET <api_base><path>`. `done` is called exactly once, on a thread of `thread`; when the io_thread ends
/// before the answer, it is destroyed uncalled.
void get_rest(io_thread& thread, const rest_settings& settings, std::string path,
              std::function<void(rest_answer)> done);

/// Asks once. `done` is called exactly once, on a thread of `thread`; when the io_thread ends before the
/// answer, it is destroyed uncalled.
void get_gateway_bot(io_thread& thread, const rest_settings& settings,
                     std::function<void(gateway_bot_answer)> done);

/// The request text; for tests.
std::string rest_request_text(const url& target, const rest_settings& settings);

} // namespace shardyard::net
