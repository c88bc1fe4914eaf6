#include "bench/plain_client.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace shardyard::bench {
namespace {

constexpr std::size_t client_read_size = 64 << 10;

// Shared by all clients of the process, as they are only needed within one read.
std::string input;
std::string plain;
simdjson::ondemand::parser parser;

int connect_to(std::uint16_t port) {
  auto fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error{"cannot connect to port " + std::to_string(port)};
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

SSL_CTX* client_settings(const std::string& ca_file) {
  static std::map<std::string, tls_settings> known;
  auto& settings = known[ca_file];
  if (!settings) {
    settings.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_verify(settings.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(settings.get(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(settings.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(settings.get(), 1);
    if (SSL_CTX_load_verify_locations(settings.get(), ca_file.c_str(), nullptr) != 1)
      throw std::runtime_error{"cannot read " + ca_file};
  }
  return settings.get();
}

} // namespace

struct plain_client::state {
  int fd = -1;
  tls_connection tls;
  transport mode;
  z_stream zlib{};
  ZSTD_DCtx* zstd = nullptr;

  std::string rest; // an incomplete frame between two reads

  ~state() {
    if (mode == transport::zlib_stream)
      inflateEnd(&zlib);
    ZSTD_freeDCtx(zstd);
    tls.reset();
    close(fd);
  }

  std::ptrdiff_t read_some(char* to, std::size_t size) {
    return tls ? SSL_read(tls.get(), to, static_cast<int>(size)) : ::read(fd, to, size);
  }

  // Only short requests and payloads, which a socket takes whole.
  void write(std::string_view bytes) {
    auto done = tls ? SSL_write(tls.get(), bytes.data(), static_cast<int>(bytes.size()))
                    : ::write(fd, bytes.data(), bytes.size());
    if (done != std::ssize(bytes))
      throw std::runtime_error{"the connection takes nothing more"};
  }

  std::string_view decompress(std::string_view frame) {
    if (plain.size() < (1 << 20))
      plain.resize(1 << 20);
    if (mode == transport::zlib_stream) {
      zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(frame.data()));
      zlib.avail_in = static_cast<uInt>(frame.size());
      zlib.next_out = reinterpret_cast<Bytef*>(plain.data());
      zlib.avail_out = static_cast<uInt>(plain.size() - simdjson::SIMDJSON_PADDING);
      inflate(&zlib, Z_SYNC_FLUSH);
      return {plain.data(), plain.size() - simdjson::SIMDJSON_PADDING - zlib.avail_out};
    }
    if (mode == transport::zstd_stream) {
      ZSTD_inBuffer in{frame.data(), frame.size(), 0};
      ZSTD_outBuffer out{plain.data(), plain.size() - simdjson::SIMDJSON_PADDING, 0};
      while (in.pos < in.size)
        if (ZSTD_isError(ZSTD_decompressStream(zstd, &out, &in)))
          throw std::runtime_error{"the stream is corrupt"};
      return {plain.data(), out.pos};
    }
    return frame;
  }

  void parse(std::string_view json, const std::function<void(const plain_event&)>& on_event) {
    plain_event event;
    // The frame's bytes are followed by more than the padding: both buffers keep it behind their end.
    auto document = parser.iterate(json.data(), json.size(), json.size() + simdjson::SIMDJSON_PADDING);
    auto root = document.get_object();
    for (auto field : root) {
      std::string_view key = field.unescaped_key();
      if (key == "t") {
        if (field.value().get_string().get(event.t) != simdjson::SUCCESS)
          return;
      } else if (key == "s") {
        event.s = field.value().get_uint64();
      } else if (key == "d") {
        std::string_view token = field.value().raw_json_token();
        simdjson::ondemand::object d;
        if (field.value().get_object().get(d) != simdjson::SUCCESS)
          continue;
        for (auto inner : d) {
          if (std::string_view{inner.unescaped_key()} != "guild_id")
            continue;
          event.guild = inner.value().get_uint64_in_string();
          break;
        }
        // Our server writes `d` last: it reaches to the closing brace of the payload.
        event.d = json.substr(static_cast<std::size_t>(token.data() - json.data()));
        event.d.remove_suffix(1);
      }
    }
    on_event(event);
  }
};

plain_client::plain_client(std::uint16_t port, const std::string& ca_file, transport mode)
    : state_(std::make_unique<state>()) {
  auto& x = *state_;
  x.mode = mode;
  x.fd = connect_to(port);
  if (!ca_file.empty()) {
    x.tls.reset(SSL_new(client_settings(ca_file)));
    SSL_set_fd(x.tls.get(), x.fd);
    if (SSL_connect(x.tls.get()) != 1)
      throw std::runtime_error{"TLS handshake failed"};
  }
  if (mode == transport::zlib_stream)
    inflateInit(&x.zlib);
  if (mode == transport::zstd_stream)
    x.zstd = ZSTD_createDCtx();

  auto compress =
      mode == transport::none ? std::string{} : "&compress=" + std::string{to_string(mode)} + "-stream";
  auto request = "GET /?v=10&encoding=json" + compress +
                 " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  x.write(request);
  while (x.rest.find("\r\n\r\n") == x.rest.npos) {
    std::array<char, 4096> room;
    auto size = x.read_some(room.data(), room.size());
    if (size <= 0)
      throw std::runtime_error{"no answer to the upgrade"};
    x.rest.append(room.data(), static_cast<std::size_t>(size));
  }
  if (!x.rest.starts_with("HTTP/1.1 101"))
    throw std::runtime_error{"the upgrade was refused"};
  x.rest.erase(0, x.rest.find("\r\n\r\n") + 4);
}

plain_client::~plain_client() = default;
plain_client::plain_client(plain_client&&) noexcept = default;

void plain_client::identify(std::uint32_t id, std::uint32_t count) {
  auto payload =
      R"({"op":2,"d":{"token":"bench","intents":53608447,"properties":{"os":"linux","browser":"floor",)"
      R"("device":"floor"},"shard":[)" +
      std::to_string(id) + "," + std::to_string(count) + "]}}";
  // A masked text frame with an all-zero mask.
  std::string frame{"\x81", 1};
  frame += static_cast<char>(0x80 | 126);
  frame += static_cast<char>(payload.size() >> 8);
  frame += static_cast<char>(payload.size() & 0xff);
  frame.append(4, '\0');
  frame += payload;
  state_->write(frame);
}

bool plain_client::read(const std::function<void(const plain_event&)>& on_event) {
  auto& x = *state_;
  if (input.size() < client_read_size * 2 + x.rest.size())
    input.resize(client_read_size * 4 + x.rest.size());
  auto held = x.rest.size();
  std::memcpy(input.data(), x.rest.data(), held);
  auto size = x.read_some(input.data() + held, client_read_size);
  if (size <= 0)
    return false;
  std::string_view bytes{input.data(), held + static_cast<std::size_t>(size)};
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
    x.parse(x.decompress(bytes.substr(head, length)), on_event);
    bytes.remove_prefix(head + length);
  }
  x.rest.assign(bytes);
  return true;
}

void plain_client::settle() {
  fcntl(state_->fd, F_SETFL, O_NONBLOCK);
  char one = 0;
  SSL_read(state_->tls.get(), &one, 1);
  state_->rest.shrink_to_fit();
}

} // namespace shardyard::bench
