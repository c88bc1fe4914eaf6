#include "apps/intent_names.hpp"

#include <array>
#include <utility>

namespace shardyard {
namespace {

// Gateway reference, "Gateway Intents".
constexpr std::array<std::pair<std::string_view, std::uint32_t>, 21> intent_bits{{
    {"GUILDS", 0},
    {"GUILD_MEMBERS", 1},
    {"GUILD_MODERATION", 2},
    {"GUILD_EXPRESSIONS", 3},
    {"GUILD_INTEGRATIONS", 4},
    {"GUILD_WEBHOOKS", 5},
    {"GUILD_INVITES", 6},
    {"GUILD_VOICE_STATES", 7},
    {"GUILD_PRESENCES", 8},
    {"GUILD_MESSAGES", 9},
    {"GUILD_MESSAGE_REACTIONS", 10},
    {"GUILD_MESSAGE_TYPING", 11},
    {"DIRECT_MESSAGES", 12},
    {"DIRECT_MESSAGE_REACTIONS", 13},
    {"DIRECT_MESSAGE_TYPING", 14},
    {"MESSAGE_CONTENT", 15},
    {"GUILD_SCHEDULED_EVENTS", 16},
    {"AUTO_MODERATION_CONFIGURATION", 20},
    {"AUTO_MODERATION_EXECUTION", 21},
    {"GUILD_MESSAGE_POLLS", 24},
    {"DIRECT_MESSAGE_POLLS", 25},
}};

} // namespace

std::uint32_t intent_bit(std::string_view name) {
  for (auto [known, bit] : intent_bits) {
    if (known == name)
      return 1u << bit;
  }
  return 0;
}

} // namespace shardyard
