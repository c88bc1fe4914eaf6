// A small blocking server on a loopback port that plays a script for each connection: the other side of the
// tests of links and REST requests. Every wait inside it is bounded; a script that waits in vain is found in
// `failures`.
#pragma once

#include "tests/net/compressors.hpp"
#include "tests/net/frames.hpp"

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <boost/json.hpp>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

namespace shardyard::net {

/// A self-signed certificate in a file that clients may trust, and the server side that goes with it.
class test_certificate {
public:
  /// `names`: as in "DNS:localhost,IP:127.0.0.1".
  explicit test_certificate(const std::string& names) : context_(SSL_CTX_new(TLS_server_method())) {
    static std::atomic<int> count = 0;
    file_ = std::filesystem::temp_directory_path() /
            ("net_test_ca_" + std::to_string(getpid()) + "_" + std::to_string(count++) + ".pem");
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
    std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), X509_free};
    auto x = certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    auto extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(x, key.get(), EVP_sha256());
    SSL_CTX_use_certificate(context_, x);
    SSL_CTX_use_PrivateKey(context_, key.get());
    std::unique_ptr<FILE, decltype(&fclose)> file{fopen(file_.c_str(), "w"), fclose};
    PEM_write_X509(file.get(), x);
    std::unique_ptr<FILE, decltype(&fclose)> secret{fopen(key_file().c_str(), "w"), fclose};
    PEM_write_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }
  ~test_certificate() {
    SSL_CTX_free(context_);
    std::filesystem::remove(file_);
    std::filesystem::remove(key_file());
  }
  test_certificate(const test_certificate&) = delete;
  test_certificate& operator=(const test_certificate&) = delete;

  std::string file() const { return file_; }
  std::string key_file() const { return file_.string() + ".key"; }
  SSL_CTX* context() const { return context_; }

private:
  std::filesystem::path file_;
  SSL_CTX* context_;
};

/// One accepted connection, as its script sees it. Throws std::runtime_error when the client does not do what
/// is awaited.
class server_peer {
public:
  server_peer(int fd, SSL_CTX* tls, compression mode) : fd_(fd), deflater_(make_deflater(mode)) {
    timeval patience{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tls == nullptr)
      return;
    tls_ = SSL_new(tls);
    SSL_set_fd(tls_, fd_);
    if (SSL_accept(tls_) != 1) {
      ERR_clear_error();
      drop();
    }
  }
  ~server_peer() { drop(); }
  server_peer(const server_peer&) = delete;
  server_peer& operator=(const server_peer&) = delete;

  /// Whether the TLS handshake went well; without TLS true.
  bool connected() const { return fd_ >= 0; }

  std::string server_name() const {
    auto name = tls_ == nullptr ? nullptr : SSL_get_servername(tls_, TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }

  /// Reads an HTTP request head and returns it.
  std::string request() {
    std::size_t end;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos)
      if (!read_some())
        throw std::runtime_error{"no request"};
    auto head = pending_.substr(0, end + 4);
    pending_.erase(0, end + 4);
    return head;
  }

  /// Reads so many bytes of a body.
  std::string body(std::size_t bytes) {
    std::string result;
    if (!read(bytes, result))
      throw std::runtime_error{"no body"};
    return result;
  }

  /// request, then answer 101, with `same_segment` behind it in one write.
  std::string upgrade(std::string_view same_segment = {}) {
    auto head = request();
    auto start = head.find("Sec-WebSocket-Key: ") + 19;
    auto text = head.substr(start, head.find("\r\n", start) - start) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[20], base64[29];
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
    EVP_EncodeBlock(base64, digest, 20);
    std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: ";
    answer.append(reinterpret_cast<char*>(base64), 28).append("\r\n\r\n").append(same_segment);
    send_raw(answer);
    return head;
  }

  /// `text` as the connection's compression demands, as a frame; not yet sent.
  std::string packed(std::string_view text) { return binary_frame(deflater_->pack(text)); }

  void send(std::string_view payload) { send_raw(packed(payload)); }

  void send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
      auto sent = tls_ != nullptr ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                                  : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        throw std::runtime_error{"client does not take what is sent"};
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  /// The next message: its text, "close 4000", "pong ..", or "end" when the client is gone.
  std::string receive() {
    std::string head;
    if (!read(2, head))
      return "end";
    std::string length, mask, payload;
    std::size_t size = head[1] & 0x7F;
    auto complete = true;
    if (size == 126) {
      complete = read(2, length);
      size = static_cast<unsigned char>(length[0]) << 8 | static_cast<unsigned char>(length[1]);
    }
    if (!complete || !read(4, mask) || !read(size, payload) || (head[1] & 0x80) == 0)
      throw std::runtime_error{"unmasked or cut-off frame"};
    for (std::size_t i = 0; i < size; ++i)
      payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
    switch (head[0] & 0x0F) {
    case 1:
      return payload;
    case 8:
      return "close " + std::to_string(payload.size() < 2 ? 1005
                                                          : static_cast<unsigned char>(payload[0]) << 8 |
                                                                static_cast<unsigned char>(payload[1]));
    case 10:
      return "pong " + payload;
    default:
      throw std::runtime_error{"unexpected opcode"};
    }
  }

  /// The next message that is no heartbeat; heartbeats are acknowledged.
  std::string receive_other() {
    for (;;) {
      auto text = receive();
      if (!text.starts_with(R"({"op":1,)"))
        return text;
      send(R"({"op":11})");
    }
  }

  void expect(const std::string& expected) {
    auto text = receive_other();
    if (text != expected)
      throw std::runtime_error{"expected " + expected + ", got " + text};
  }

  /// The next payload with this op, as JSON; heartbeats are acknowledged on the way.
  boost::json::object expect_op(int op) {
    auto text = receive_other();
    auto value = text.starts_with('{') ? boost::json::parse(text) : boost::json::value{};
    if (!value.is_object() || value.at("op").to_number<int>() != op)
      throw std::runtime_error{"expected op " + std::to_string(op) + ", got " + text};
    return value.as_object();
  }

  /// Ends the connection without a close frame.
  void drop() {
    SSL_free(tls_);
    tls_ = nullptr;
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = -1;
  }

private:
  bool read(std::size_t bytes, std::string& out) {
    while (pending_.size() < bytes)
      if (!read_some())
        return false;
    out = pending_.substr(0, bytes);
    pending_.erase(0, bytes);
    return true;
  }

  bool read_some() {
    char room[4096];
    auto got = tls_ != nullptr ? SSL_read(tls_, room, sizeof room) : ::recv(fd_, room, sizeof room, 0);
    if (got <= 0 && tls_ == nullptr && (errno == EAGAIN || errno == EWOULDBLOCK))
      throw std::runtime_error{"client is silent"};
    if (got <= 0)
      return false;
    pending_.append(room, static_cast<std::size_t>(got));
    return true;
  }

  int fd_;
  SSL* tls_ = nullptr;
  std::unique_ptr<deflater> deflater_;
  std::string pending_;
};

class scripted_server {
public:
  using script = std::function<void(server_peer&)>;

  explicit scripted_server(script play, compression mode = compression::none,
                           const test_certificate* certificate = nullptr)
      : play_(std::move(play)),
        mode_(mode),
        tls_(certificate == nullptr ? nullptr : certificate->context()),
        listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    ::signal(SIGPIPE, SIG_IGN);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error{"cannot listen"};
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread{[this] { accept_all(); }};
  }

  ~scripted_server() {
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    ::close(listener_);
    for (auto& thread : serving_)
      thread.join();
  }

  std::uint16_t port() const { return port_; }

  std::string url(const std::string& host = "127.0.0.1") const {
    return (tls_ != nullptr ? "wss://" : "ws://") + host + ":" + std::to_string(port_);
  }

  std::string http_url(const std::string& host = "127.0.0.1") const {
    return (tls_ != nullptr ? "https://" : "http://") + host + ":" + std::to_string(port_);
  }

  std::vector<std::string> failures() const {
    std::lock_guard lock{mutex_};
    return failures_;
  }

private:
  void accept_all() {
    for (;;) {
      auto fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0)
        return;
      serving_.emplace_back([this, fd] {
        server_peer peer{fd, tls_, mode_};
        try {
          if (peer.connected())
            play_(peer);
        } catch (const std::exception& error) {
          std::lock_guard lock{mutex_};
          failures_.emplace_back(error.what());
        }
      });
    }
  }

  script play_;
  compression mode_;
  SSL_CTX* tls_;
  int listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> failures_;
  std::vector<std::thread> serving_;
  std::thread accepting_;
};

} // namespace shardyard::net
