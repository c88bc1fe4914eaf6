#include "net/client_frames.hpp"

#include "net/frame_opcodes.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace shardyard::net {
namespace {

// RFC 6455, section 7.4: what may stand in a close frame; 1012 to 1014 were registered later.
bool may_be_sent(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

} // namespace

client_piece client_frames::next(std::span<char>& input) {
  if (std::exchange(handed_out_, false))
    message_.clear(0);
  for (;;) {
    if (stage_ == stage::failed)
      return fail(why_);
    if (stage_ == stage::head) {
      if (!take_head(input))
        return {};
      if (auto why = begin_frame(); !why.empty())
        return fail(why);
      if (std::exchange(report_, false))
        return {client_piece_kind::undecodable};
    }
    if (is_control())
      return take_control(input);
    if (auto piece = take_data(input))
      return *piece;
  }
}

std::size_t client_frames::head_needed() const {
  if (head_size_ < 2)
    return 2;
  auto length = head_[1] & 0x7F;
  auto extended = length == 126 ? 2U : length == 127 ? 8U : 0U;
  auto mask = (head_[1] & 0x80) != 0 ? 4U : 0U;
  return 2 + extended + mask;
}

bool client_frames::take_head(std::span<char>& input) {
  for (;;) {
    auto missing = head_needed() - head_size_;
    if (missing == 0)
      return true;
    auto taken = std::min(missing, input.size());
    if (taken == 0)
      return false;
    std::memcpy(head_.data() + head_size_, input.data(), taken);
    head_size_ += static_cast<std::uint8_t>(taken);
    input = input.subspan(taken);
  }
}

/// Checks the head that is complete now. Returns what is wrong with it, or nothing.
std::string_view client_frames::begin_frame() {
  auto head_size = std::exchange(head_size_, std::uint8_t{0});
  final_ = (head_[0] & 0x80) != 0;
  opcode_ = head_[0] & 0x0F;
  left_ = head_[1] & 0x7F;
  if ((head_[0] & 0x70) != 0)
    return "reserved bit set without an extension";
  if ((head_[1] & 0x80) == 0)
    return "unmasked frame from the client";
  if ((opcode_ > binary_opcode && opcode_ < close_opcode) || opcode_ > pong_opcode)
    return "reserved opcode";
  std::memcpy(mask_.data(), head_.data() + head_size - mask_.size(), mask_.size());
  mask_at_ = 0;
  stage_ = stage::payload;
  if (is_control()) {
    control_size_ = 0;
    if (!final_)
      return "fragmented control frame";
    return left_ > control_.size() ? "control frame longer than 125 bytes" : "";
  }
  if (left_ >= 126) {
    auto width = left_ == 126 ? 2U : 8U;
    left_ = 0;
    for (auto i = 0U; i < width; ++i)
      left_ = left_ << 8 | head_[2 + i];
  }
  if (left_ >> 63 != 0)
    return "length above 2^63";
  if (opcode_ == continuation_opcode && !in_message_)
    return "continuation without a message";
  if (opcode_ != continuation_opcode && in_message_)
    return "new message inside a fragmented one";
  if (opcode_ != continuation_opcode)
    total_ = 0;
  // A message that is skipped already may go on for ever: its bytes are not counted.
  if (!skipping_ && (opcode_ == binary_opcode || left_ > longest_ - total_)) {
    report_ = skipping_ = true;
    message_.clear(0);
  }
  total_ += skipping_ ? 0 : left_;
  in_message_ = !final_;
  return {};
}

/// Unmasks up to `most` bytes off the front of `input`.
std::string_view client_frames::take(std::span<char>& input, std::uint64_t most) {
  auto taken = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(most, input.size())));
  input = input.subspan(taken.size());
  std::array<unsigned char, 8> mask;
  for (auto i = 0U; i < mask.size(); ++i)
    mask[i] = mask_[(mask_at_ + i) % 4];
  std::uint64_t wide;
  std::memcpy(&wide, mask.data(), sizeof wide);
  std::size_t at = 0;
  for (; at + sizeof wide <= taken.size(); at += sizeof wide) {
    std::uint64_t bytes;
    std::memcpy(&bytes, taken.data() + at, sizeof bytes);
    bytes ^= wide;
    std::memcpy(taken.data() + at, &bytes, sizeof bytes);
  }
  for (; at < taken.size(); ++at)
    taken[at] = static_cast<char>(static_cast<unsigned char>(taken[at]) ^ mask[at % 8]);
  mask_at_ = static_cast<std::uint8_t>((mask_at_ + taken.size()) % 4);
  left_ -= taken.size();
  return {taken.data(), taken.size()};
}

/// Nothing: the frame is used up, and the message goes on in the next one.
std::optional<client_piece> client_frames::take_data(std::span<char>& input) {
  auto taken = take(input, left_);
  if (left_ > 0) {
    if (!skipping_)
      message_.append(taken);
    return client_piece{};
  }
  stage_ = stage::head;
  if (skipping_) {
    skipping_ = !final_;
    return std::nullopt;
  }
  if (final_ && message_.size() == 0) // the usual case: all of it lies in the input
    return client_piece{client_piece_kind::text, 0, taken};
  message_.append(taken);
  if (!final_)
    return std::nullopt;
  handed_out_ = true;
  return client_piece{client_piece_kind::text, 0, message_.view()};
}

client_piece client_frames::take_control(std::span<char>& input) {
  auto taken = take(input, left_);
  std::memcpy(control_.data() + control_size_, taken.data(), taken.size());
  control_size_ += static_cast<std::uint8_t>(taken.size());
  if (left_ > 0)
    return {};
  stage_ = stage::head;
  std::string_view payload{control_.data(), control_size_};
  if (opcode_ == close_opcode)
    return read_close(payload);
  return {opcode_ == ping_opcode ? client_piece_kind::ping : client_piece_kind::pong, 0, payload};
}

client_piece client_frames::read_close(std::string_view payload) {
  if (payload.empty())
    return {client_piece_kind::close, 1005, {}};
  if (payload.size() == 1)
    return fail("close frame with half a code");
  auto code = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                         static_cast<unsigned char>(payload[1]));
  if (!may_be_sent(code))
    return fail("close code that must not be sent");
  return {client_piece_kind::close, code, payload.substr(2)};
}

client_piece client_frames::fail(std::string_view why) {
  stage_ = stage::failed;
  why_ = why;
  return {client_piece_kind::broken, 0, why};
}

} // namespace shardyard::net
