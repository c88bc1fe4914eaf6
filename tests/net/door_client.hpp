// What the tests of bot_door share: a door on a free port whose decisions are written down, and a blocking
// client that speaks whatever bytes it is told to. Every wait is bounded and throws.
#pragma once

#include "net/bot_door.hpp"
#include "net/io_thread.hpp"
#include "tests/net/client_bytes.hpp"
#include "tests/net/scripted_server.hpp"

#include <condition_variable>
#include <future>
#include <map>

namespace shardyard::net {

/// Writes down what a bot did, one line each; `heard` waits for a line.
class door_log {
public:
  void add(std::string line) {
    std::lock_guard lock{mutex_};
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }

  std::vector<std::string> lines() const {
    std::lock_guard lock{mutex_};
    return lines_;
  }

  std::size_t count(const std::string& line) const {
    std::lock_guard lock{mutex_};
    return static_cast<std::size_t>(std::ranges::count(lines_, line));
  }

  void heard(const std::string& line) {
    std::unique_lock lock{mutex_};
    auto there = [&] { return std::ranges::find(lines_, line) != lines_.end(); };
    if (changed_.wait_for(lock, std::chrono::seconds{20}, there))
      return;
    std::string all;
    for (auto& each : lines_)
      all += "\n  " + each;
    throw std::runtime_error{"never heard '" + line + "', but:" + all};
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

class logging_bot final : public bot_events {
public:
  explicit logging_bot(std::shared_ptr<door_log> log) : log_(std::move(log)) {}
  void on_payload(std::string_view payload) override { log_->add("payload " + std::string{payload}); }
  void on_undecodable() override { log_->add("undecodable"); }
  void on_drained() override { log_->add("drained"); }
  void on_closed(std::uint16_t code) override { log_->add("closed " + std::to_string(code)); }

private:
  std::shared_ptr<door_log> log_;
};

class logging_decisions final : public bot_door_events {
public:
  std::optional<std::string> authorize(std::string_view given) override {
    if (given != "Bot good")
      return std::nullopt;
    return "Bot real";
  }
  std::string gateway_bot_body() override { return R"({"url":"ws://here","shards":3})"; }
  std::string gateway_body() override { return R"({"url":"ws://here"})"; }
  std::shared_ptr<bot_events> on_connected(std::shared_ptr<bot_link> link, const bot_query& query) override {
    links.push_back(link);
    asked = query;
    link->send(R"({"op":10})");
    if (greet)
      greet(*link);
    log->add("connected");
    return std::make_shared<logging_bot>(log);
  }

  std::shared_ptr<door_log> log = std::make_shared<door_log>();
  std::function<void(bot_link&)> greet;
  // On the door's thread.
  std::vector<std::shared_ptr<bot_link>> links;
  bot_query asked;
};

struct open_door {
  explicit open_door(bot_door_settings settings = {})
      : decisions(std::make_shared<logging_decisions>()), door(std::in_place, thread, settings, decisions) {}

  /// Runs on the door's thread and waits for it.
  template <class Work>
  auto on_thread(Work work) {
    std::promise<decltype(work())> done;
    door->post([&] {
      if constexpr (std::is_void_v<decltype(work())>) {
        work();
        done.set_value();
      } else {
        done.set_value(work());
      }
    });
    return done.get_future().get();
  }

  bot_door_figures figures() {
    return on_thread([this] { return door->figures(); });
  }

  /// Waits until the figures are so.
  template <class Claim>
  bot_door_figures until(Claim claim) {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    for (;;) {
      auto now = figures();
      if (claim(now))
        return now;
      if (std::chrono::steady_clock::now() > end)
        throw std::runtime_error{"the figures never became so"};
      std::this_thread::yield();
    }
  }

  bot_link& link(std::size_t number = 0) { return *decisions->links.at(number); }

  io_thread thread;
  std::shared_ptr<logging_decisions> decisions;
  std::optional<bot_door> door;
};

struct door_answer {
  int status = 0;
  std::string head, body;

  std::string field(const std::string& name) const {
    auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos)
      return "";
    at += name.size() + 4;
    return head.substr(at, head.find("\r\n", at) - at);
  }
};

class door_client {
public:
  /// `authority`: certificate file to trust; empty: without TLS. `receive_buffer`: of the socket, in bytes.
  explicit door_client(std::uint16_t port, const std::string& authority = {}, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    ::signal(SIGPIPE, SIG_IGN);
    timeval patience{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0)
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error{"cannot connect"};
    if (!authority.empty())
      shake_hands(authority);
  }
  ~door_client() { drop(); }
  door_client(const door_client&) = delete;
  door_client& operator=(const door_client&) = delete;

  void drop() {
    SSL_free(tls_);
    SSL_CTX_free(context_);
    tls_ = nullptr;
    context_ = nullptr;
    if (fd_ >= 0)
      ::close(fd_);
    fd_ = -1;
  }

  void end_writing() { ::shutdown(fd_, SHUT_WR); }

  /// False: the door takes no more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto sent = tls_ != nullptr ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                                  : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Sends a request without body (or with what `rest` holds) and reads its answer.
  door_answer ask(const std::string& line, const std::string& fields = {}, std::string_view rest = {}) {
    send(line + " HTTP/1.1\r\nHost: here\r\n" + fields + "\r\n");
    send(rest);
    return answer(line.starts_with("HEAD"));
  }

  door_answer answer(bool to_head = false) {
    door_answer result;
    result.head = until("\r\n\r\n");
    result.status = std::stoi(result.head.substr(9, 3));
    if (result.status == 100)
      return answer(to_head);
    if (to_head || result.status == 204 || result.status == 101)
      return result;
    if (result.field("Transfer-Encoding") == "chunked")
      result.body = chunks();
    else if (auto length = result.field("Content-Length"); !length.empty())
      result.body = take(std::stoul(length));
    else
      result.body = to_end();
    return result;
  }

  /// Opens the WebSocket and reads the first message. Returns the head of the answer.
  std::string upgrade(const std::string& target = "/?v=10&encoding=json",
                      std::string_view same_segment = {}) {
    send("GET " + target +
         " HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n" +
         std::string{same_segment});
    return until("\r\n\r\n");
  }

  /// The next frame: "text ..", "binary ..", "pong ..", "close CODE REASON", or "end".
  std::string frame() {
    std::string head;
    if (!try_take(2, head))
      return "end";
    if ((head[0] & 0xF0) != 0x80 || (head[1] & 0x80) != 0)
      throw std::runtime_error{"no whole, unmasked frame"};
    std::size_t size = head[1] & 0x7F;
    if (auto width = size == 126 ? 2 : size == 127 ? 8 : 0; width > 0) {
      auto shortest = width == 2 ? 126U : 65536U;
      size = 0;
      for (auto c : take(static_cast<std::size_t>(width)))
        size = size << 8 | static_cast<unsigned char>(c);
      if (size < shortest)
        throw std::runtime_error{"length not in its shortest form"};
    }
    auto payload = take(size);
    switch (head[0] & 0x0F) {
    case 1:
      return "text " + payload;
    case 2:
      return "binary " + payload;
    case 10:
      return "pong " + payload;
    case 8:
      return payload.empty() ? "close"
                             : "close " +
                                   std::to_string(static_cast<unsigned char>(payload[0]) << 8 |
                                                  static_cast<unsigned char>(payload[1])) +
                                   " " + payload.substr(2);
    default:
      throw std::runtime_error{"unexpected opcode"};
    }
  }

  std::string take(std::size_t bytes) {
    std::string result;
    if (!try_take(bytes, result))
      throw std::runtime_error{"the door closed in the middle"};
    return result;
  }

  /// Everything up to the end of the connection.
  std::string to_end() {
    while (read_some()) {
    }
    return std::exchange(pending_, {});
  }

private:
  void shake_hands(const std::string& authority) {
    context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_load_verify_locations(context_, authority.c_str(), nullptr);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    tls_ = SSL_new(context_);
    SSL_set_fd(tls_, fd_);
    constexpr unsigned char offer[] = "\x02h2\x08http/1.1"; // as curl and undici do
    SSL_set_alpn_protos(tls_, offer, sizeof offer - 1);
    if (SSL_connect(tls_) != 1)
      throw std::runtime_error{"no TLS"};
    const unsigned char* chosen = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(tls_, &chosen, &size);
    if (std::string_view{reinterpret_cast<const char*>(chosen), size} != "http/1.1")
      throw std::runtime_error{"not the protocol that was offered"};
  }

  std::string until(std::string_view mark) {
    for (;;) {
      if (auto at = pending_.find(mark); at != std::string::npos)
        return take(at + mark.size());
      if (!read_some())
        throw std::runtime_error{"the door closed without an answer, after '" + pending_ + "'"};
    }
  }

  std::string chunks() {
    std::string result;
    for (;;) {
      auto size = std::stoul(until("\r\n"), nullptr, 16);
      result += take(size);
      if (until("\r\n") != "\r\n")
        throw std::runtime_error{"a chunk does not end where it should"};
      if (size == 0)
        return result;
    }
  }

  bool try_take(std::size_t bytes, std::string& out) {
    while (pending_.size() < bytes)
      if (!read_some())
        return false;
    out = pending_.substr(0, bytes);
    pending_.erase(0, bytes);
    return true;
  }

  bool read_some() {
    char room[16384];
    auto got = tls_ != nullptr ? SSL_read(tls_, room, sizeof room) : ::recv(fd_, room, sizeof room, 0);
    if (got <= 0 && tls_ == nullptr && (errno == EAGAIN || errno == EWOULDBLOCK) && got < 0)
      throw std::runtime_error{"the door is silent"};
    if (got <= 0)
      return false;
    pending_.append(room, static_cast<std::size_t>(got));
    return true;
  }

  int fd_;
  SSL_CTX* context_ = nullptr;
  SSL* tls_ = nullptr;
  std::string pending_;
};

} // namespace shardyard::net
