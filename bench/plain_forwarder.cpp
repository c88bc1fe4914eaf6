#include "bench/plain_forwarder.hpp"

#include <array>
#include <charconv>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

namespace shardyard::bench {
namespace {

constexpr std::uint8_t text_opcode = 1;
constexpr std::uint8_t binary_opcode = 2;
constexpr std::size_t forwarded_read_size = 256 << 10;

[[noreturn]] void read_forever(int listener) {
  auto connection = accept(listener, nullptr, nullptr);
  std::string room(forwarded_read_size, '\0');
  while (read(connection, room.data(), room.size()) > 0) {
  }
  _exit(0);
}

} // namespace

plain_forwarder::plain_forwarder(transport mode) {
  auto listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error{"no port to forward to"};
  reader_ = fork();
  if (reader_ == 0)
    read_forever(listener);
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (reader_ < 0 || connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error{"nobody to forward to"};
  close(listener);
  if (mode != transport::zstd_stream)
    return;
  zstd_ = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(zstd_, ZSTD_c_compressionLevel, 1);
  ZSTD_CCtx_setParameter(zstd_, ZSTD_c_windowLog, 17);
  ZSTD_CCtx_setParameter(zstd_, ZSTD_c_contentSizeFlag, 0);
}

plain_forwarder::~plain_forwarder() {
  close(fd_);
  if (reader_ > 0)
    waitpid(reader_, nullptr, 0);
  ZSTD_freeCCtx(zstd_);
}

void plain_forwarder::add(const plain_event& event) {
  std::array<char, 20> number;
  auto* end = std::to_chars(number.data(), number.data() + number.size(), ++s_).ptr;
  payload_.assign(R"({"t":")").append(event.t).append(R"(","s":)").append(number.data(), end);
  payload_.append(R"(,"op":0,"d":)").append(event.d).append("}");
  if (!zstd_)
    return append_frame(out_, text_opcode, payload_);
  compressed_.resize(ZSTD_compressBound(payload_.size()) + 64);
  ZSTD_inBuffer in{payload_.data(), payload_.size(), 0};
  ZSTD_outBuffer out{compressed_.data(), compressed_.size(), 0};
  if (ZSTD_compressStream2(zstd_, &out, &in, ZSTD_e_flush) != 0)
    throw std::runtime_error{"zstd did not flush"};
  append_frame(out_, binary_opcode, {compressed_.data(), out.pos});
}

void plain_forwarder::flush() {
  for (std::string_view bytes = out_; !bytes.empty();) {
    auto size = write(fd_, bytes.data(), bytes.size());
    if (size <= 0)
      throw std::runtime_error{"the reader is gone"};
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  out_.clear();
}

} // namespace shardyard::bench
