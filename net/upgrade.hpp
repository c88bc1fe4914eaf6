// The HTTP side of opening a WebSocket (RFC 6455, section 4): the request text, the check of the answer, and
// the frames a client sends. Plain functions.
#pragma once

#include "net/http_reply.hpp"
#include "net/url.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace shardyard::net {

/// A fresh Sec-WebSocket-Key.
std::string upgrade_key();

/// No extension is offered: the gateway compresses by itself.
std::string upgrade_request(const url& target, std::string_view user_agent, std::string_view key);

/// What is wrong with a complete answer of status 101, or nothing.
std::string_view check_upgrade(const http_reply& reply, std::string_view key);

/// The Sec-WebSocket-Accept value for `key`.
std::string accept_value(std::string_view key);

enum class client_frame : std::uint8_t { text = 1, close = 8, pong = 10 };

/// Appends one masked frame.
void append_frame(std::string& out, client_frame kind, std::string_view payload,
                  std::array<unsigned char, 4> mask);

/// Four unpredictable bytes.
std::array<unsigned char, 4> random_mask();

/// `text` without line breaks and other control characters, fit for a header line.
std::string header_safe(std::string_view text);

} // namespace shardyard::net
