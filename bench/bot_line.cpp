#include "bench/bot_line.hpp"

#include "bench/stream_figures.hpp"

#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zstd.h>

namespace shardyard::bench {
namespace {

// Shared by all lines of the process: a read is over before the next one begins.
constexpr std::size_t read_size = 256 << 10;
std::string input;
std::string plain;

} // namespace

bot_line::bot_line(std::uint16_t port, transport mode, int receive_buffer)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer > 0)
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error{"no endpoint on port " + std::to_string(port)};
  if (mode == transport::zstd_stream)
    zstd_ = ZSTD_createDCtx();
  auto compress =
      mode == transport::none ? std::string{} : "&compress=" + std::string{to_string(mode)} + "-stream";
  auto request = "GET /?v=10&encoding=json" + compress +
                 " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  if (::write(fd_, request.data(), request.size()) != std::ssize(request))
    throw std::runtime_error{"the endpoint takes no request"};
}

bot_line::~bot_line() {
  ZSTD_freeDCtx(zstd_);
  close(fd_);
}

void bot_line::write(std::string_view payload) {
  // A masked text frame with an all-zero mask.
  std::string frame{"\x81", 1};
  frame += static_cast<char>(0x80 | 126);
  frame += static_cast<char>(payload.size() >> 8);
  frame += static_cast<char>(payload.size() & 0xff);
  frame.append(4, '\0');
  frame += payload;
  if (::write(fd_, frame.data(), frame.size()) != std::ssize(frame))
    throw std::runtime_error{"the endpoint takes no payload"};
}

void bot_line::heartbeat() {
  if (upgraded_)
    write(R"({"op":1,"d":null})");
}

void bot_line::read() {
  if (input.size() < read_size + rest_.size())
    input.resize(read_size * 2 + rest_.size());
  auto held = rest_.size();
  std::memcpy(input.data(), rest_.data(), held);
  auto size = ::read(fd_, input.data() + held, read_size);
  if (size <= 0)
    throw std::runtime_error{"the endpoint closed a connection"};
  std::string_view bytes{input.data(), held + static_cast<std::size_t>(size)};
  if (!upgraded_) {
    auto end = bytes.find("\r\n\r\n");
    if (end == bytes.npos) {
      rest_.assign(bytes);
      return;
    }
    if (!bytes.starts_with("HTTP/1.1 101"))
      throw std::runtime_error{"the upgrade was refused"};
    upgraded_ = true;
    bytes.remove_prefix(end + 4);
  }
  while (bytes.size() >= 2) {
    std::size_t length = static_cast<std::uint8_t>(bytes[1]) & 0x7f;
    std::size_t head = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (bytes.size() < head)
      break;
    if (head > 2) {
      length = 0;
      for (std::size_t i = 2; i < head; ++i)
        length = length << 8 | static_cast<std::uint8_t>(bytes[i]);
    }
    if (bytes.size() < head + length)
      break;
    if ((bytes[0] & 0x0f) == 8)
      throw std::runtime_error{"the endpoint closed a connection: " +
                               std::string{bytes.substr(head + 2, length - 2)}};
    take(bytes.substr(head, length));
    bytes.remove_prefix(head + length);
  }
  rest_.assign(bytes);
}

void bot_line::take(std::string_view frame) {
  if (!zstd_)
    return take_payload(frame);
  if (plain.size() < (1 << 20))
    plain.resize(1 << 20);
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  ZSTD_outBuffer out{plain.data(), plain.size(), 0};
  while (in.pos < in.size)
    if (ZSTD_isError(ZSTD_decompressStream(zstd_, &out, &in)))
      throw std::runtime_error{"the stream is corrupt"};
  take_payload({plain.data(), out.pos});
}

void bot_line::take_payload(std::string_view json) {
  bytes_ += json.size();
  if (json.starts_with(R"({"t":"GUILD_CREATE")")) {
    ++guilds_;
  } else if (json.starts_with(R"({"t":"READY")")) {
    is_ready_ = true;
    for (auto at = json.find("\"unavailable\""); at != json.npos; at = json.find("\"unavailable\"", at + 1))
      ++expected_;
  } else if (json.starts_with(R"({"t":")")) {
    ++events_;
    if (auto sent =
            stream_figures::sent_ns(json.substr(json.size() - std::min<std::size_t>(json.size(), 48)));
        sent != 0)
      delays_.push_back(monotonic_ns() - sent);
  } else if (json.find(R"("op":10)") != json.npos) {
    write(R"({"op":2,"d":{"token":"bench","intents":53608447,"properties":{"os":"linux","browser":"bench",)"
          R"("device":"bench"}}})");
  }
}

} // namespace shardyard::bench
