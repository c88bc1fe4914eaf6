// How the heads of a passed-on request and of its answer are written anew: only what was parsed goes on, and
// nothing that belongs to one connection (RFC 9110, section 7.6.1). Also the answers of our own. Plain
// functions.
#pragma once

#include "net/http_stream.hpp"
#include "net/url.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace shardyard::net {

/// Where a request goes on and what stands in it anew.
struct passed_request {
  std::string target;
  std::string authority;                    ///< Host
  std::optional<std::string> authorization; ///< in place of the bot's; nothing: none
  std::string user_agent;                   ///< where the bot sent none
};

/// Whether a body goes on in chunks; else as it is.
bool goes_in_chunks(const http_head& head);

std::string request_head(const http_head& from, const passed_request& to);

/// `client` asked; `keep`: its connection stays open. An answer without a length goes to HTTP/1.1 clients in
/// chunks, to others up to the end of the connection, which `keep` must allow for.
std::string answer_head(const http_head& from, const http_head& client, bool keep);

/// Whether the answer's body is written in chunks.
bool answers_in_chunks(const http_head& from, const http_head& client);

/// One chunk; nothing for no bytes.
void append_chunk(std::string& out, std::string_view bytes);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// A complete answer of our own with a JSON body. `extra`: further header lines, each with its line end.
std::string own_answer(unsigned status, std::string_view body, bool keep, std::string_view extra = {});

/// `{"message": "404: Not Found", "code": 0}`, as Discord's own look. `why` in place of the standard text.
std::string error_body(unsigned status, std::string_view why = {});

/// Why a request must not be looked at any further, or nothing: what the RFCs demand beyond the grammar.
/// The number is the status.
struct objection {
  unsigned status = 400;
  std::string_view why;
};
std::optional<objection> objection_to(const http_head& request);

/// The request asks for a WebSocket (RFC 6455, section 4.2.1); how well is for upgrade_objection.
bool asks_for_web_socket(const http_head& request);
std::optional<objection> upgrade_objection(const http_head& request);

} // namespace shardyard::net
