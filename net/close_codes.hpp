// What to do after a gateway connection ended with a given close code (Gateway reference, "Gateway Close
// Event Codes"), as data. The text tells an operator what happened and, where only a human can help, what to
// change.
#pragma once

#include <cstdint>
#include <string_view>

namespace shardyard::net {

enum class reaction : std::uint8_t {
  resume,   ///< the session may live on: connect and RESUME
  identify, ///< the session is gone: connect and IDENTIFY with a fresh permit
  fatal,    ///< connecting again cannot help until somebody changes something
};

struct close_rule {
  std::uint16_t code;
  shardyard::net::reaction reaction;
  std::string_view text;
};

/// The rule for a code the server sent, or for 1005 (no code) and 1006 (no close frame). Codes that Discord
/// does not document are answered with resume: the worst that follows is op 9.
const close_rule& rule_of(std::uint16_t code);

/// Whether a close code sent by us ends the session at once (1000, 1001) instead of leaving it resumable.
constexpr bool ends_session(std::uint16_t own_code) {
  return own_code == 1000 || own_code == 1001;
}

/// Sent when the session is to live on: in Discord's range, and not one that a library uses for itself.
inline constexpr std::uint16_t resumable_close = 4000;

} // namespace shardyard::net
