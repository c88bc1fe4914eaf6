#include "net/upgrade.hpp"

#include <algorithm>
#include <cctype>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

namespace shardyard::net {
namespace {

template <std::size_t Size>
std::string base64(const std::array<unsigned char, Size>& bytes) {
  std::array<unsigned char, (Size + 2) / 3 * 4 + 1> text;
  auto length = EVP_EncodeBlock(text.data(), bytes.data(), Size);
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

bool contains_word(std::string_view text, std::string_view lower_word) {
  std::string lower{text};
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find(lower_word) != std::string::npos;
}

} // namespace

std::string upgrade_key() {
  std::array<unsigned char, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return base64(bytes);
}

std::string upgrade_request(const url& target, std::string_view user_agent, std::string_view key) {
  std::string request = "GET " + target.target() + " HTTP/1.1\r\nHost: " + target.authority();
  request.append("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13");
  request.append("\r\nSec-WebSocket-Key: ").append(key);
  request.append("\r\nUser-Agent: ").append(header_safe(user_agent)).append("\r\n\r\n");
  return request;
}

std::string accept_value(std::string_view key) {
  auto text = std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return base64(digest);
}

std::string_view check_upgrade(const http_reply& reply, std::string_view key) {
  if (!contains_word(reply.header("Upgrade"), "websocket") ||
      !contains_word(reply.header("Connection"), "upgrade"))
    return "answer 101 without an upgrade to websocket";
  if (reply.header("Sec-WebSocket-Accept") != accept_value(key))
    return "wrong Sec-WebSocket-Accept";
  if (!reply.header("Sec-WebSocket-Extensions").empty())
    return "server chose an extension that was not offered";
  return {};
}

void append_frame(std::string& out, client_frame kind, std::string_view payload,
                  std::array<unsigned char, 4> mask) {
  auto put = [&out](std::uint64_t value, int bytes) {
    for (auto shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      out.push_back(static_cast<char>(value >> shift & 0xFF));
  };
  put(0x80 | static_cast<unsigned>(kind), 1);
  if (payload.size() < 126) {
    put(0x80 | payload.size(), 1);
  } else if (payload.size() <= 0xFFFF) {
    put(0x80 | 126, 1);
    put(payload.size(), 2);
  } else {
    put(0x80 | 127, 1);
    put(payload.size(), 8);
  }
  out.append(reinterpret_cast<const char*>(mask.data()), mask.size());
  for (std::size_t i = 0; i < payload.size(); ++i)
    out.push_back(static_cast<char>(static_cast<unsigned char>(payload[i]) ^ mask[i % 4]));
}

std::array<unsigned char, 4> random_mask() {
  std::array<unsigned char, 4> mask{};
  RAND_bytes(mask.data(), static_cast<int>(mask.size()));
  return mask;
}

std::string header_safe(std::string_view text) {
  std::string result{text};
  std::erase_if(result, [](unsigned char c) { return c < ' ' || c == 0x7F; });
  return result;
}

} // namespace shardyard::net
