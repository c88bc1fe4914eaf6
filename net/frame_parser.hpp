// Cuts the byte stream of a WebSocket server into frames (RFC 6455, section 5), as a client sees it. Owns
// only the part of a frame head or control payload that a read left unfinished: data payloads are handed on
// as pieces of the input.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shardyard::net {

enum class frame_kind : std::uint8_t {
  need_more, ///< the input is used up
  data,      ///< a piece of a text or binary message
  ping,
  pong,
  close,
  broken, ///< the server broke the protocol; `bytes` says how and the parser must not be used again
};

/// One step of the parser. `bytes` points into the input or into the parser and is valid until its next call.
struct frame_piece {
  frame_kind kind = frame_kind::need_more;
  bool message_end = false;     ///< data: the message is complete with this piece
  std::uint16_t close_code = 0; ///< close: the code, 1005 when the frame carried none
  std::string_view bytes;       ///< data and control: payload; close: the text behind the code
};

class frame_parser {
public:
  /// `max_message_bytes` bounds the payload of one message over all its frames, as sent (compressed).
  explicit frame_parser(std::uint64_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  /// Takes the next piece off the front of `input`.
  frame_piece next(std::string_view& input);

private:
  enum class stage : std::uint8_t { head, data, control, failed };

  bool take_head(std::string_view& input);
  std::size_t head_needed() const;
  std::string_view begin_frame();
  frame_piece take_data(std::string_view& input);
  frame_piece take_control(std::string_view& input);
  frame_piece fail(std::string_view why);

  std::uint64_t max_message_bytes_;
  std::uint64_t left_ = 0;          // payload bytes of the current frame still to come
  std::uint64_t message_bytes_ = 0; // payload bytes announced for the current message
  std::array<unsigned char, 14> head_{};
  std::array<char, 125> control_{};
  std::uint8_t head_size_ = 0;
  std::uint8_t control_size_ = 0;
  std::uint8_t opcode_ = 0;
  bool final_ = false;
  bool in_message_ = false;
  stage stage_ = stage::head;
};

} // namespace shardyard::net
