// Opcodes of WebSocket frames (RFC 6455, section 5.2), for both sides of a connection.
#pragma once

#include <cstdint>

namespace shardyard::net {

inline constexpr std::uint8_t continuation_opcode = 0, text_opcode = 1, binary_opcode = 2, close_opcode = 8,
                              ping_opcode = 9, pong_opcode = 10;

} // namespace shardyard::net
