// Cuts what a WebSocket client sends into messages (RFC 6455, section 5), as a server sees it: the twin of
// frame_parser. Unmasks in place; owns only the message or control payload that a read left unfinished, so an
// idle connection holds nothing. Whether text is valid UTF-8 is left to the JSON parser behind it.
#pragma once

#include "net/byte_buffer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace shardyard::net {

enum class client_piece_kind : std::uint8_t {
  need_more,   ///< the input is used up
  text,        ///< a complete text message
  undecodable, ///< a message that is not text or longer than allowed; said once, its payload is skipped
  ping,
  pong,
  close,
  broken, ///< the client broke the protocol (1002); `bytes` says how, every further call repeats it
};

/// One step. `bytes` is valid until the next call; of a text message it has byte_buffer::padding readable
/// bytes behind it.
struct client_piece {
  client_piece_kind kind = client_piece_kind::need_more;
  std::uint16_t close_code = 0; ///< close: the code, 1005 when the frame carried none
  std::string_view bytes;       ///< text and control: payload; close: the text behind the code
};

class client_frames {
public:
  /// `longest` bounds one message over all its frames.
  explicit client_frames(std::size_t longest) : longest_(longest) {}

  /// Takes the next piece off the front of `input`, which has byte_buffer::padding readable bytes behind it
  /// and is overwritten.
  client_piece next(std::span<char>& input);

private:
  enum class stage : std::uint8_t { head, payload, failed };

  bool take_head(std::span<char>& input);
  std::size_t head_needed() const;
  std::string_view begin_frame();
  std::string_view take(std::span<char>& input, std::uint64_t most);
  std::optional<client_piece> take_data(std::span<char>& input);
  client_piece take_control(std::span<char>& input);
  client_piece read_close(std::string_view payload);
  client_piece fail(std::string_view why);
  bool is_control() const { return opcode_ >= 8; }

  std::size_t longest_;
  byte_buffer message_;     // what earlier reads or frames brought of it
  std::uint64_t left_ = 0;  // payload bytes of the current frame still to come
  std::uint64_t total_ = 0; // announced for the current message
  std::string_view why_;
  std::array<unsigned char, 14> head_{};
  std::array<unsigned char, 4> mask_{};
  std::array<char, 125> control_{};
  std::uint8_t mask_at_ = 0;
  std::uint8_t head_size_ = 0;
  std::uint8_t control_size_ = 0;
  std::uint8_t opcode_ = 0;
  bool final_ = false;
  bool in_message_ = false;
  bool skipping_ = false;   // the rest of a message that was reported as undecodable
  bool report_ = false;     // the frame that begins now makes it so
  bool handed_out_ = false; // message_ is with the caller until the next call
  stage stage_ = stage::head;
};

} // namespace shardyard::net
