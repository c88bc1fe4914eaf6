// What `GET /gateway/bot` can answer (Gateway reference, "Get Gateway Bot"), as one typed result, and the
// last good answer kept on disk for the hours in which Discord refuses the route. Plain values and one file;
// no socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace shardyard::net {

/// 200 with a usable body.
struct gateway_bot {
  std::string url;
  std::uint32_t shards = 1; ///< recommended count
  std::uint32_t total = 1000;
  std::uint32_t remaining = 1000;
  std::chrono::milliseconds reset_after{0}; ///< 0: a full window lies ahead
  std::uint32_t max_concurrency = 1;

  bool operator==(const gateway_bot&) const = default;
};

/// 401: the token is wrong or was reset. Must not be tried again: such requests count towards a ban of the
/// address.
struct unauthorized {
  std::string text;
};

/// 403, or an HTML page in place of JSON: an edge blocks this host. Long back-off, and somebody should look.
struct blocked {
  unsigned status = 0;
  std::string text;
};

/// 429.
struct rate_limited {
  std::chrono::milliseconds retry_after{0};
  bool global = false;
};

/// 5xx: back off and try again.
struct server_fault {
  unsigned status = 0;
};

/// Any other answer: a status or body that nobody expects.
struct unreadable {
  unsigned status = 0;
  std::string text;
};

/// No answer at all: resolving, connecting, TLS or time.
struct unreachable {
  std::string text;
  bool hopeless = false; ///< the settings forbid this connection
};

using gateway_bot_answer =
    std::variant<gateway_bot, unauthorized, blocked, rate_limited, server_fault, unreadable, unreachable>;

/// `retry_after` is the value of the Retry-After header, or empty.
gateway_bot_answer read_gateway_bot(unsigned status, std::string_view retry_after, std::string_view body);

/// One line for operators.
std::string to_string(const gateway_bot_answer& answer);

/// The last good answer on disk, replaced atomically.
class gateway_bot_file {
public:
  struct content {
    gateway_bot answer;
    std::int64_t saved_ms = 0; ///< Unix ms
  };

  explicit gateway_bot_file(std::filesystem::path path) : path_(std::move(path)) {}

  /// What went wrong, or nothing. The file before stays when writing fails.
  std::optional<std::string> save(const gateway_bot& answer, std::int64_t now_ms) const;

  /// Nothing when there is no file or it cannot be understood.
  std::optional<content> load() const;

private:
  std::filesystem::path path_;
};

} // namespace shardyard::net
