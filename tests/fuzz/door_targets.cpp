// What clients of the bots' door send, and what Discord answers to what is passed on.
#include "net/bot_routes.hpp"
#include "net/client_frames.hpp"
#include "net/http_heads.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/net/client_bytes.hpp"

#include <algorithm>
#include <memory>

namespace shardyard::fuzz {
namespace {

using namespace shardyard::net;

constexpr std::size_t longest_message = 4096;
constexpr http_bounds bounds{.head = 4096, .body = 1 << 16};

std::string_view take_piece(std::string_view& input, unsigned char step) {
  auto result = input.substr(0, step == 0 ? input.size() : step);
  input.remove_prefix(result.size());
  return result;
}

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos;
}

/// Reads `bytes` as messages, whole or piece by piece, until they end or cannot be read.
template <class Stream>
struct read_messages {
  std::vector<http_head> heads;
  std::string bodies;

  read_messages(std::string_view bytes, unsigned char step) {
    Stream stream{bounds};
    auto in_body = false;
    while (!bytes.empty()) {
      stream.push(take_piece(bytes, step));
      while (in_body || !stream.rest().empty()) {
        auto before = bodies.size();
        auto progress = in_body ? stream.read_body(bodies) : stream.read_head();
        demand(bodies.size() - before <= bounds.body, "a body stays within its bound");
        if (progress == http_progress::broken) {
          demand(!stream.fault().empty(), "a fault says what is wrong");
          return;
        }
        if (progress == http_progress::more)
          break;
        if (in_body)
          stream.next();
        else
          heads.push_back(stream.head());
        in_body = !in_body;
      }
    }
    stream.end();
  }
};

/// What is written for Discord or a bot must be read by the next server as exactly one head like it.
template <class Stream>
void demand_one_head(std::string_view written) {
  Stream stream{{.head = 1 << 20, .body = UINT64_MAX}};
  stream.push(written);
  demand(stream.read_head() == http_progress::complete, "a head that is written can be read");
  demand(stream.rest().empty(), "and is one head");
}

void check_request(const http_head& head) {
  static const auto base = *parse_url("https://discord.com/api/v10");
  demand(is_one_line(head.method) && is_one_line(head.target), "a request line is one line");
  for (auto& field : head.fields)
    demand(is_one_line(field.name) && is_one_line(field.value), "a field is one line");
  if (asks_for_web_socket(head) && !upgrade_objection(head))
    demand(head.find("Sec-WebSocket-Key").has_value(), "an upgrade has a key");
  parse_bot_query(head.target);
  auto [route, target] = route_of(head.target, base);
  if (route != bot_route::pass_on || objection_to(head))
    return;
  demand(target.starts_with("/api/v"), "nothing leaves the API's path");
  auto path = target.substr(0, target.find('?'));
  demand(path.find("/../") == std::string::npos, "nor climbs out of it");
  demand_one_head<http_requests>(request_head(head, {target, "discord.com", "Bot x", "agent"}));
}

} // namespace

void parse_client_frames(std::string_view input) {
  auto step = take_byte(input);
  client_frames frames{longest_message};
  auto most = step == 0 ? input.size() : std::min<std::size_t>(step, input.size());
  auto room = std::make_unique<char[]>(most + byte_buffer::padding);
  while (!input.empty()) {
    auto bytes = take_piece(input, step);
    // At the end of the room but for the promised padding, so that a read beyond that is found.
    std::span<char> piece{room.get() + most - bytes.size(), bytes.size()};
    std::ranges::copy(bytes, piece.begin());
    for (;;) {
      auto before = piece.size();
      auto part = frames.next(piece);
      demand(part.bytes.size() <= longest_message, "no message is longer than allowed");
      if (part.kind == client_piece_kind::broken)
        return;
      if (part.kind == client_piece_kind::need_more)
        break;
      demand(piece.size() < before, "each step takes something");
      if (part.kind == client_piece_kind::text) { // padding can be read too
        [[maybe_unused]] volatile auto last = part.bytes.data()[part.bytes.size() + byte_buffer::padding - 1];
      }
    }
    demand(piece.empty(), "more is asked for only when all is used");
  }
}

void parse_requests(std::string_view input) {
  auto step = take_byte(input);
  read_messages<http_requests> requests{input, step};
  std::ranges::for_each(requests.heads, check_request);
  if (step != 0) {
    read_messages<http_requests> whole{input, 0};
    demand(whole.heads.size() == requests.heads.size(), "how the bytes are cut does not change the requests");
    demand(whole.bodies == requests.bodies, "nor their bodies");
  }
  read_messages<http_answers> answers{input, step};
  http_head client;
  for (auto& answer : answers.heads) {
    demand(is_one_line(answer.reason), "a reason is one line");
    if (answer.status >= 200)
      demand_one_head<http_answers>(answer_head(answer, client, true));
  }
}

std::vector<std::string> client_frame_seeds() {
  auto with_step = [](char step, const std::string& bytes) { return std::string(1, step) + bytes; };
  auto session = masked(1, R"({"op":1,"d":null})") + masked(9, "ping") + masked(1, "ha", false) +
                 masked(10, "") + masked(0, "lf") + masked(2, "binary") + masked(1, std::string(5000, 'x')) +
                 masked_close(4000, "bye");
  return {with_step(0, session), with_step(1, session), with_step(7, session), with_step(0, masked(8, ""))};
}

std::vector<std::string> request_seeds() {
  std::string get = "GET /api/v10/gateway/bot HTTP/1.1\r\nHost: h\r\nAuthorization: Bot t\r\n\r\n";
  std::string upgrade =
      "GET /?v=10&encoding=json&compress=zlib-stream HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  std::string sized = "POST /api/v9/channels/1/messages?x=%20 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                      "Connection: keep-alive, X-A\r\nX-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello";
  std::string chunked = "PATCH /v10/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3;a=\"b\"\r\nabc\r\n0\r\nT: u\r\n\r\n";
  std::string answers = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\n"
                        "Content-Length: 2\r\n\r\n{}HTTP/1.1 204 No Content\r\n\r\n"
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
  std::vector<std::string> result;
  for (char step : {0, 1, 9})
    for (auto& text : {get + sized + chunked, upgrade, answers, "HTTP/1.1 200 OK\r\n\r\nto the end" + get})
      result.push_back(std::string(1, step) + text);
  return result;
}

} // namespace shardyard::fuzz
