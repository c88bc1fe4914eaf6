#include "sim/ws_frames.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

namespace shardyard::sim {
namespace {

constexpr std::size_t longest_control = 125;

bool is_control_frame(std::uint8_t opcode) {
  return opcode >= 8;
}

bool is_known(std::uint8_t opcode) {
  return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

} // namespace

int ws_message::close_code() const {
  if (bytes.size() < 2)
    return 1005;
  return static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1]);
}

bool ws_reader::read_header(std::size_t& header_size, std::uint64_t& length, std::array<char, 4>& mask) {
  auto at = [this](std::size_t i) { return static_cast<std::uint8_t>(input_[i]); };
  if (input_.size() < 2)
    return false;
  auto opcode = static_cast<std::uint8_t>(at(0) & 15);
  auto is_final = (at(0) & 128) != 0;
  length = at(1) & 127;
  auto sensible = (at(0) & 0x70) == 0 && is_known(opcode) && (at(1) & 128) != 0 &&
                  (!is_control_frame(opcode) || (is_final && length <= longest_control)) &&
                  (is_control_frame(opcode) || (opcode == 0) == partial_.has_value());
  if (!sensible) {
    error_ = 1002;
    return false;
  }
  auto extra = length == 126 ? 2u : length == 127 ? 8u : 0u;
  header_size = 2 + extra + 4;
  if (input_.size() < header_size)
    return false;
  if (extra > 0) {
    length = 0;
    for (auto i = 0u; i < extra; ++i)
      length = length << 8 | at(2 + i);
  }
  if (length > limit_ ||
      (partial_ && !is_control_frame(opcode) && partial_->bytes.size() + length > limit_)) {
    error_ = 1009;
    return false;
  }
  for (std::size_t i = 0; i < 4; ++i)
    mask[i] = input_[2 + extra + i];
  return true;
}

std::optional<ws_message> ws_reader::next() {
  std::size_t header_size = 0;
  std::uint64_t length = 0;
  std::array<char, 4> mask{};
  while (error_ == 0 && read_header(header_size, length, mask) && input_.size() >= header_size + length) {
    auto first = static_cast<std::uint8_t>(input_[0]);
    auto opcode = static_cast<std::uint8_t>(first & 15);
    std::string bytes = input_.substr(header_size, length);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<char>(bytes[i] ^ mask[i % 4]);
    input_.erase(0, header_size + length);
    if (is_control_frame(opcode))
      return ws_message{static_cast<ws_opcode>(opcode), std::move(bytes)};
    if (opcode != 0)
      partial_ = ws_message{static_cast<ws_opcode>(opcode), std::move(bytes)};
    else
      partial_->bytes += bytes;
    if ((first & 128) != 0) {
      auto whole = std::move(partial_);
      partial_.reset();
      return whole;
    }
  }
  return std::nullopt;
}

void put_ws_frame(std::string& out, ws_opcode opcode, std::string_view bytes) {
  out.push_back(static_cast<char>(128 | static_cast<std::uint8_t>(opcode)));
  auto put_big_endian = [&out](std::uint64_t value, int count) {
    for (auto shift = (count - 1) * 8; shift >= 0; shift -= 8)
      out.push_back(static_cast<char>(value >> shift & 255));
  };
  if (bytes.size() < 126) {
    out.push_back(static_cast<char>(bytes.size()));
  } else if (bytes.size() < 65536) {
    out.push_back(126);
    put_big_endian(bytes.size(), 2);
  } else {
    out.push_back(127);
    put_big_endian(bytes.size(), 8);
  }
  out.append(bytes);
}

void put_ws_close(std::string& out, int code, std::string_view reason) {
  std::string body{static_cast<char>(code >> 8 & 255), static_cast<char>(code & 255)};
  body.append(reason);
  put_ws_frame(out, ws_opcode::close, body);
}

std::string ws_accept_key(std::string_view client_key) {
  std::string text{client_key};
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string encoded(4 * ((sizeof digest + 2) / 3) + 1, '\0');
  auto length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()), digest, sizeof digest);
  encoded.resize(static_cast<std::size_t>(length));
  return encoded;
}

} // namespace shardyard::sim
