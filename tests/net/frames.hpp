// Server-side WebSocket frames for tests, written independently of net/'s own writer and parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shardyard::net {

inline std::string frame(int opcode, std::string_view payload, bool final = true, int extra_first_bits = 0) {
  std::string result;
  result += static_cast<char>((final ? 0x80 : 0) | extra_first_bits | opcode);
  auto size = payload.size();
  if (size < 126) {
    result += static_cast<char>(size);
  } else if (size < 65536) {
    result += static_cast<char>(126);
    result += static_cast<char>(size >> 8);
    result += static_cast<char>(size & 0xFF);
  } else {
    result += static_cast<char>(127);
    for (int shift = 56; shift >= 0; shift -= 8)
      result += static_cast<char>(size >> shift & 0xFF);
  }
  return result.append(payload);
}

inline std::string text_frame(std::string_view payload) {
  return frame(1, payload);
}
inline std::string binary_frame(std::string_view payload) {
  return frame(2, payload);
}

inline std::string close_frame(int code, std::string_view text = {}) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  return frame(8, payload.append(text));
}

} // namespace shardyard::net
