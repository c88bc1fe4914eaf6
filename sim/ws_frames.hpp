// WebSocket frames of a server (RFC 6455): reads the client's masked ones from any pieces, writes unmasked
// ones into a buffer. Written here because a library sends one frame per write, and the simulator gathers a
// tick's messages into one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shardyard::sim {

enum class ws_opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10
};

/// A whole message or a control frame.
struct ws_message {
  ws_opcode opcode = ws_opcode::text;
  std::string bytes;

  /// Of a close frame; 1005 when it names none.
  int close_code() const;
};

class ws_reader {
public:
  /// Messages above `limit` bytes are an error.
  explicit ws_reader(std::size_t limit) : limit_(limit) {}

  void feed(std::string_view bytes) { input_.append(bytes); }

  /// The next complete message; nothing when more bytes are needed or after an error.
  std::optional<ws_message> next();

  /// 0, or the close code that the client's frames deserve (1002 protocol error, 1009 too big).
  int error() const { return error_; }

private:
  bool read_header(std::size_t& header_size, std::uint64_t& length, std::array<char, 4>& mask);

  std::size_t limit_;
  std::string input_;
  std::optional<ws_message> partial_;
  int error_ = 0;
};

void put_ws_frame(std::string& out, ws_opcode opcode, std::string_view bytes);
void put_ws_close(std::string& out, int code, std::string_view reason);

/// The value of Sec-WebSocket-Accept for a client's Sec-WebSocket-Key.
std::string ws_accept_key(std::string_view client_key);

} // namespace shardyard::sim
