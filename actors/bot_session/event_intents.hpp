// Which intents a session needs to see an event (Gateway reference, "List of Intents"), one row per event
// type, and what IDENTIFY may ask for. A static table; nothing here has state.
#pragma once

#include "messages/event_type.hpp"

#include <cstdint>

namespace shardyard {

/// Bits of IDENTIFY's `intents` that the switch itself looks at.
enum intent : std::uint64_t {
  guilds_intent = 1u << 0,
  members_intent = 1u << 1,
  voice_states_intent = 1u << 7,
  presences_intent = 1u << 8,
  message_content_intent = 1u << 15,
};

/// Every bit that is documented; others are answered with 4013.
inline constexpr std::uint64_t documented_intents = 0x331FFFF;

/// What lets an event through. A session sees it when it has one of the bits, or when no bit is asked for.
struct event_gate {
  std::uint64_t in_guild = 0;  ///< for events with a guild; 0: every session
  std::uint64_t outside = 0;   ///< for events without one: direct messages, ephemeral messages
  bool own = false;            ///< a session without those bits sees it when it concerns the bot itself
  std::uint64_t own_needs = 0; ///< and has one of these; 0: every session
};

const event_gate& gate_of(event_type_id type);

/// Events that need no intent and belong to no guild's state: they reach a session whether or not it has
/// been sent the guild, such as an interaction in a guild without the bot.
bool stands_alone(event_type_id type);

/// Whether `intents` lets an event pass `gate`, apart from its clause about the bot itself.
inline bool passes(std::uint64_t needed, std::uint64_t intents) {
  return needed == 0 || (needed & intents) != 0;
}

} // namespace shardyard
