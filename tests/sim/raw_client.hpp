// A blocking WebSocket client of a few lines, on plain sockets or TLS, that shares nothing with the server:
// its own frames, its own decompression. Waits at most ten seconds for anything.
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace shardyard::sim {

class raw_client {
public:
  struct ended : std::runtime_error {
    explicit ended(int code) : std::runtime_error{"closed with " + std::to_string(code)}, code(code) {}
    int code; ///< of the close frame; 1006 when there was none
  };

  /// `ca_pem` empty: plain TCP.
  explicit raw_client(std::uint16_t port, const std::string& ca_pem = {})
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    timeval patience{10, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error{"cannot connect"};
    if (!ca_pem.empty())
      start_tls(ca_pem);
  }

  ~raw_client() {
    release();
    if (zlib_open_)
      inflateEnd(&zlib_);
    ZSTD_freeDCtx(zstd_);
  }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  /// Sends a request and returns the whole answer (the server closes after `Connection: close`).
  std::string http(std::string_view method, std::string_view target, std::string_view body = {},
                   std::string_view headers = {}) {
    write(std::string{method} + " " + std::string{target} +
          " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\n" + std::string{headers} + "\r\n" + std::string{body});
    std::string answer;
    try {
      for (;;)
        read_more(answer);
    } catch (const ended&) {
    }
    return answer;
  }

  void open(std::string_view query = "v=10&encoding=json") {
    write("GET /?" + std::string{query} +
          " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    while (input_.find("\r\n\r\n") == std::string::npos)
      read_more(input_);
    head = input_.substr(0, input_.find("\r\n\r\n"));
    input_.erase(0, head.size() + 4);
    zstd_ = query.find("zstd") != std::string_view::npos ? ZSTD_createDCtx() : nullptr;
    zlib_open_ = query.find("zlib") != std::string_view::npos && inflateInit(&zlib_) == Z_OK;
  }

  void say(std::string_view text) { send_frame(1, text); }

  void close(int code) {
    std::string body{static_cast<char>(code >> 8), static_cast<char>(code & 255)};
    send_frame(8, body);
  }

  /// The next gateway message as JSON text; throws `ended`.
  std::string receive() {
    std::string packed;
    for (;;) {
      packed += frame();
      if (!zlib_open_ || (packed.size() >= 4 && packed.ends_with(std::string_view{"\0\0\xFF\xFF", 4})))
        return unpack(packed);
    }
  }

  /// Bytes of the next frame, still compressed.
  std::size_t skip() { return frame().size(); }

  std::string head; ///< of the upgrade's answer

private:
  void start_tls(const std::string& ca_pem) {
    context_ = SSL_CTX_new(TLS_client_method());
    std::unique_ptr<BIO, int (*)(BIO*)> memory{
        BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())), BIO_free};
    auto* trusted = PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), trusted);
    X509_free(trusted);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    tls_ = SSL_new(context_);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_), "127.0.0.1");
    SSL_set_fd(tls_, socket_);
    if (SSL_connect(tls_) == 1)
      return;
    release(); // a constructor that throws is not followed by the destructor
    throw std::runtime_error{"TLS handshake refused"};
  }

  void release() {
    SSL_free(tls_);
    SSL_CTX_free(context_);
    ::close(socket_);
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      auto done = tls_ ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                       : static_cast<int>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (done <= 0)
        throw ended{1006};
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }

  void read_more(std::string& into) {
    char buffer[65536];
    auto size = tls_ ? SSL_read(tls_, buffer, sizeof buffer)
                     : static_cast<int>(::recv(socket_, buffer, sizeof buffer, 0));
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      throw std::runtime_error{"nothing came for ten seconds"};
    if (size <= 0)
      throw ended{1006};
    into.append(buffer, static_cast<std::size_t>(size));
  }

  void send_frame(int opcode, std::string_view text) {
    std::string out{static_cast<char>(0x80 | opcode)};
    if (text.size() < 126) {
      out += static_cast<char>(0x80 | text.size());
    } else {
      out += static_cast<char>(0x80 | 126);
      out += static_cast<char>(text.size() >> 8);
      out += static_cast<char>(text.size() & 255);
    }
    constexpr std::string_view mask{"\x12\x34\x56\x78", 4};
    out += mask;
    for (std::size_t i = 0; i < text.size(); ++i)
      out += static_cast<char>(text[i] ^ mask[i % 4]);
    write(out);
  }

  std::string take(std::size_t size) {
    while (input_.size() - at_ < size) {
      input_.erase(0, at_);
      at_ = 0;
      read_more(input_);
    }
    auto bytes = input_.substr(at_, size);
    at_ += size;
    return bytes;
  }

  std::string frame() {
    auto begin = take(2);
    std::uint64_t size = begin[1] & 127;
    if (size >= 126) {
      auto bytes = take(size == 126 ? 2 : 8);
      size = 0;
      for (auto c : bytes)
        size = size << 8 | static_cast<unsigned char>(c);
    }
    auto body = take(size);
    if ((begin[0] & 15) == 8)
      throw ended{body.size() < 2
                      ? 1005
                      : static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1])};
    return body;
  }

  std::string unpack(const std::string& packed) {
    if (!zlib_open_ && !zstd_)
      return packed;
    std::string out, piece(1u << 18, '\0');
    ZSTD_inBuffer source{packed.data(), packed.size(), 0};
    zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    zlib_.avail_in = static_cast<uInt>(packed.size());
    for (;;) {
      if (zstd_) {
        ZSTD_outBuffer target{piece.data(), piece.size(), 0};
        if (ZSTD_isError(ZSTD_decompressStream(zstd_, &target, &source)))
          throw std::runtime_error{"bad zstd stream"};
        out.append(piece, 0, target.pos);
        if (source.pos == source.size && target.pos < target.size)
          return out;
      } else {
        zlib_.next_out = reinterpret_cast<Bytef*>(piece.data());
        zlib_.avail_out = static_cast<uInt>(piece.size());
        if (auto code = inflate(&zlib_, Z_SYNC_FLUSH); code != Z_OK && code != Z_BUF_ERROR)
          throw std::runtime_error{"bad zlib stream"};
        out.append(piece, 0, piece.size() - zlib_.avail_out);
        if (zlib_.avail_out > 0)
          return out;
      }
    }
  }

  int socket_;
  SSL_CTX* context_ = nullptr;
  SSL* tls_ = nullptr;
  std::string input_;
  std::size_t at_ = 0;
  z_stream zlib_{};
  bool zlib_open_ = false;
  ZSTD_DCtx* zstd_ = nullptr;
};

} // namespace shardyard::sim
