#include "net/close_codes.hpp"

#include <algorithm>
#include <array>

namespace shardyard::net {
namespace {

using enum reaction;

constexpr close_rule unlisted{0, resume, "unlisted close code"};

constexpr std::array rules{
    close_rule{1000, resume, "closed normally by the server (edge or deploy)"},
    close_rule{1001, resume, "server going away (edge or deploy)"},
    close_rule{1005, resume, "closed by the server without a code"},
    close_rule{1006, resume, "connection lost without a close frame"},
    close_rule{4000, resume, "unknown error on Discord's side"},
    close_rule{4001, resume, "unknown opcode, or a payload with wrong fields was sent"},
    close_rule{4002, resume, "a payload could not be decoded or was too large"},
    close_rule{4003, identify, "not authenticated, or the session was invalidated"},
    close_rule{4004, fatal, "authentication failed: the token is wrong or was reset; set the new token"},
    close_rule{4005, resume, "already authenticated"},
    close_rule{4006, identify, "session no longer valid"},
    close_rule{4007, identify, "invalid sequence in RESUME"},
    close_rule{4008, resume, "rate limited: more than 120 payloads in 60 s, or too many presence updates"},
    close_rule{4009, identify, "session timed out"},
    close_rule{4010, fatal,
               "invalid shard: check the shard count; a large bot needs a multiple of its assigned number"},
    close_rule{4011, fatal,
               "sharding required: a shard would hold more than 2,500 guilds; reshard to a higher count"},
    close_rule{4012, fatal, "invalid API version: this build is too old for the gateway"},
    close_rule{4013, fatal, "invalid intents: the configured value has undefined bits"},
    close_rule{
        4014, fatal,
        "disallowed intents: enable the privileged intents in the developer portal or configure fewer"},
};

} // namespace

const close_rule& rule_of(std::uint16_t code) {
  auto found = std::ranges::find(rules, code, &close_rule::code);
  return found == rules.end() ? unlisted : *found;
}

} // namespace shardyard::net
