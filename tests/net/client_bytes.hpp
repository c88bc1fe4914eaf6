// A WebSocket client's frames for tests, written independently of net/'s own writer and parser.
#pragma once

#include <string>
#include <string_view>

namespace shardyard::net {

/// A masked frame; the mask is different for each length.
inline std::string masked(int opcode, std::string_view payload, bool final = true, int extra_first_bits = 0) {
  std::string result;
  result += static_cast<char>((final ? 0x80 : 0) | extra_first_bits | opcode);
  auto size = payload.size();
  auto put = [&](std::size_t value, int shift) {
    for (; shift >= 0; shift -= 8)
      result += static_cast<char>(value >> shift & 0xFF);
  };
  if (size < 126) {
    put(0x80 | size, 0);
  } else if (size < 65536) {
    put(0x80 | 126, 0);
    put(size, 8);
  } else {
    put(0x80 | 127, 0);
    put(size, 56);
  }
  const char mask[] = {static_cast<char>(0x5A + size), '\x01', '\x7F', static_cast<char>(0xC3 ^ size)};
  result.append(mask, 4);
  for (std::size_t i = 0; i < size; ++i)
    result += static_cast<char>(payload[i] ^ mask[i % 4]);
  return result;
}

inline std::string masked_close(int code, std::string_view text = {}) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  return masked(8, payload.append(text));
}

} // namespace shardyard::net
