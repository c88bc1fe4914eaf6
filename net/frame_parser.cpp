#include "net/frame_parser.hpp"

#include "net/frame_opcodes.hpp"

#include <algorithm>
#include <cstring>

namespace shardyard::net {
namespace {

bool is_control(std::uint8_t opcode) {
  return opcode >= close_opcode;
}

} // namespace

frame_piece frame_parser::next(std::string_view& input) {
  if (stage_ == stage::failed)
    return fail("read after a protocol error");
  if (stage_ == stage::head) {
    if (!take_head(input))
      return {};
    if (auto why = begin_frame(); !why.empty())
      return fail(why);
  }
  return stage_ == stage::control ? take_control(input) : take_data(input);
}

std::size_t frame_parser::head_needed() const {
  if (head_size_ < 2)
    return 2;
  auto length = head_[1] & 0x7F;
  auto extended = length == 126 ? 2U : length == 127 ? 8U : 0U;
  auto mask = (head_[1] & 0x80) != 0 ? 4U : 0U;
  return 2 + extended + mask;
}

bool frame_parser::take_head(std::string_view& input) {
  for (;;) {
    auto missing = head_needed() - head_size_;
    if (missing == 0)
      return true;
    auto taken = std::min(missing, input.size());
    if (taken == 0)
      return false;
    std::memcpy(head_.data() + head_size_, input.data(), taken);
    head_size_ += static_cast<std::uint8_t>(taken);
    input.remove_prefix(taken);
  }
}

/// Checks the head that is complete now. Returns what is wrong with it, or nothing.
std::string_view frame_parser::begin_frame() {
  head_size_ = 0;
  final_ = (head_[0] & 0x80) != 0;
  opcode_ = head_[0] & 0x0F;
  left_ = head_[1] & 0x7F;
  if ((head_[0] & 0x70) != 0)
    return "reserved bit set without an extension";
  if ((head_[1] & 0x80) != 0)
    return "masked frame from the server";
  if ((opcode_ > binary_opcode && opcode_ < close_opcode) || opcode_ > pong_opcode)
    return "reserved opcode";
  if (is_control(opcode_)) {
    if (!final_)
      return "fragmented control frame";
    if (left_ > control_.size())
      return "control frame longer than 125 bytes";
    control_size_ = 0;
    stage_ = stage::control;
    return {};
  }
  if (left_ >= 126) {
    auto width = left_ == 126 ? 2U : 8U;
    left_ = 0;
    for (auto i = 0U; i < width; ++i)
      left_ = left_ << 8 | head_[2 + i];
  }
  if (opcode_ == continuation_opcode && !in_message_)
    return "continuation without a message";
  if (opcode_ != continuation_opcode && in_message_)
    return "new message inside a fragmented one";
  if (opcode_ != continuation_opcode)
    message_bytes_ = 0;
  if (left_ > max_message_bytes_ - message_bytes_)
    return "message larger than allowed";
  message_bytes_ += left_;
  in_message_ = !final_;
  stage_ = stage::data;
  return {};
}

frame_piece frame_parser::take_data(std::string_view& input) {
  auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  if (taken == 0 && left_ > 0)
    return {};
  auto bytes = input.substr(0, taken);
  input.remove_prefix(taken);
  left_ -= taken;
  if (left_ == 0)
    stage_ = stage::head;
  return {frame_kind::data, final_ && left_ == 0, 0, bytes};
}

frame_piece frame_parser::take_control(std::string_view& input) {
  auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  std::memcpy(control_.data() + control_size_, input.data(), taken);
  control_size_ += static_cast<std::uint8_t>(taken);
  input.remove_prefix(taken);
  left_ -= taken;
  if (left_ > 0)
    return {};
  stage_ = stage::head;
  std::string_view payload{control_.data(), control_size_};
  if (opcode_ != close_opcode)
    return {opcode_ == ping_opcode ? frame_kind::ping : frame_kind::pong, true, 0, payload};
  if (payload.empty())
    return {frame_kind::close, true, 1005, {}};
  if (payload.size() == 1)
    return fail("close frame with half a code");
  auto code = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                         static_cast<unsigned char>(payload[1]));
  return {frame_kind::close, true, code, payload.substr(2)};
}

frame_piece frame_parser::fail(std::string_view why) {
  stage_ = stage::failed;
  return {frame_kind::broken, false, 0, why};
}

} // namespace shardyard::net
