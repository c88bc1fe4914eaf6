#include "bench/blaster_session.hpp"

#include "bench/clocks.hpp"

#include <array>
#include <cstring>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <simdjson.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace shardyard::bench {
namespace {

constexpr std::string_view bot_user =
    R"({"verified":true,"username":"Lantern","mfa_enabled":true,"id":"982934807904649217","global_name":null,)"
    R"("flags":0,"email":null,"discriminator":"4417","bot":true,"avatar":null})";
constexpr std::string_view bot_application = R"({"id":"982934807904649217","flags":11051008})";
constexpr std::size_t max_input = 1 << 20;
constexpr std::size_t piece = 256 << 10; // between two looks for input
constexpr std::size_t step = 32 << 10;   // ... where several sessions keep step

std::string_view header_value(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at + 2)) {
    auto line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (line.size() <= name.size() || line[name.size()] != ':' ||
        strncasecmp(line.data(), name.data(), name.size()) != 0)
      continue;
    auto value = line.substr(name.size() + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    return value;
  }
  return {};
}

// RFC 6455, 4.2.2
std::string accept_key(std::string_view key) {
  auto text = std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, 64> encoded{};
  auto size = EVP_EncodeBlock(encoded.data(), digest.data(), digest.size());
  return {reinterpret_cast<char*>(encoded.data()), static_cast<std::size_t>(size)};
}

std::string_view query_value(std::string_view target, std::string_view name) {
  auto at = target.find(std::string{name} + "=");
  if (at == target.npos)
    return {};
  auto value = target.substr(at + name.size() + 1);
  return value.substr(0, value.find('&'));
}

} // namespace

blaster_session::blaster_session(blaster& owner, tls_connection tls, int socket)
    : owner_(owner), tls_(std::move(tls)), socket_(socket), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  prctl(PR_SET_TIMERSLACK, 1UL);
}

blaster_session::~blaster_session() {
  owner_.unwatch(wake_);
  close(wake_);
}

bool blaster_session::read_more() {
  std::array<char, 16384> room;
  auto size = SSL_read(tls_.get(), room.data(), room.size());
  if (size <= 0)
    return false;
  input_.append(room.data(), static_cast<std::size_t>(size));
  if (input_.size() > max_input)
    throw std::runtime_error{"the client sends too much at once"};
  return true;
}

void blaster_session::write(std::string_view bytes) {
  if (!bytes.empty() && SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0)
    closed_ = true;
}

bool blaster_session::input_is_waiting() const {
  if (SSL_pending(tls_.get()) > 0)
    return true;
  pollfd one{socket_, POLLIN, 0};
  return poll(&one, 1, 0) == 1;
}

// True when there is input; false at `until_ns` or at a new order.
bool blaster_session::wait(std::int64_t until_ns) {
  if (SSL_pending(tls_.get()) > 0)
    return true;
  std::array<pollfd, 2> both{{{socket_, POLLIN, 0}, {wake_, POLLIN, 0}}};
  auto left = std::max<std::int64_t>(until_ns - monotonic_ns(), 0);
  timespec limit{left / 1'000'000'000, left % 1'000'000'000};
  // While a paced stream runs, a new order waits its turn.
  ppoll(both.data(), until_ns < 0 ? 2 : 1, until_ns < 0 ? nullptr : &limit, nullptr);
  if (both[1].revents != 0) {
    eventfd_t count = 0;
    eventfd_read(wake_, &count);
  }
  return both[0].revents != 0;
}

void blaster_session::run() {
  if (SSL_accept(tls_.get()) != 1)
    return;
  while (!upgraded_) {
    auto end = input_.find("\r\n\r\n");
    if (end == input_.npos) {
      if (!read_more())
        return;
      continue;
    }
    auto head = input_.substr(0, end + 2);
    input_.erase(0, end + 4);
    if (!answer_request(head))
      return;
  }
  while (!closed_) {
    if (wait(-1) && !(read_more() && take_frames()))
      return;
    send_acknowledgements();
    run_orders();
  }
}

bool blaster_session::answer_request(std::string_view head) {
  auto target = head.substr(0, head.find("\r\n"));
  if (!target.starts_with("GET "))
    throw std::runtime_error{"not a GET request"};
  target.remove_prefix(4);
  target = target.substr(0, target.find(' '));
  if (!header_value(head, "Sec-WebSocket-Key").empty()) {
    upgrade(head);
    encoder_ = wire_encoder{transport_from(query_value(target, "compress"))};
    upgraded_ = true;
    send(R"({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":)" +
         std::to_string(owner_.settings().heartbeat_ms) +
         R"(,"_trace":["[\"gateway-bench\",{\"micros\":0.0}]"]}})");
    return take_frames();
  }
  auto known = true;
  std::string body;
  if (target.ends_with("/gateway/bot") || target.ends_with("/gateway"))
    body = bot_gateway();
  else if (target.ends_with("/users/@me"))
    body = bot_user;
  else if (target.ends_with("/applications/@me"))
    body = bot_application;
  else
    known = false, body = R"({"message":"404: Not Found","code":0})";
  write(std::string{known ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found"} +
        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
        body);
  return !closed_;
}

void blaster_session::upgrade(std::string_view head) {
  write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\nSec-WebSocket-Accept: " +
        accept_key(header_value(head, "Sec-WebSocket-Key")) + "\r\n\r\n");
}

std::string blaster_session::bot_gateway() const {
  auto& x = owner_.settings();
  return R"({"url":"wss://127.0.0.1:)" + std::to_string(owner_.port()) + R"(","shards":)" +
         std::to_string(x.shards) +
         R"(,"session_start_limit":{"total":100000,"remaining":99000,"reset_after":51840000,"max_concurrency":)" +
         std::to_string(x.max_concurrency) + "}}";
}

// Client frames (RFC 6455, 5.2) are masked and, for gateway payloads, short and final.
bool blaster_session::take_frames() {
  while (input_.size() >= 6) {
    auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(input_[i]); };
    if ((byte(0) & 0x80) == 0 || (byte(1) & 0x80) == 0)
      throw std::runtime_error{"a client frame is split or not masked"};
    std::size_t size = byte(1) & 0x7f;
    std::size_t mask_at = 2;
    if (size == 127)
      throw std::runtime_error{"a client frame is too long"};
    if (size == 126) {
      size = static_cast<std::size_t>(byte(2) << 8 | byte(3));
      mask_at = 4;
    }
    if (input_.size() < mask_at + 4 + size)
      return true;
    auto opcode = byte(0) & 0x0f;
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
      content[i] = static_cast<char>(input_[mask_at + 4 + i] ^ input_[mask_at + i % 4]);
    input_.erase(0, mask_at + 4 + size);
    if (opcode == 1 || opcode == 2)
      take_payload(content);
    if (opcode == 9 || opcode == 8) {
      std::string answer;
      append_frame(answer, opcode == 9 ? 10 : 8, content);
      write(answer);
    }
    if (opcode == 8)
      return false;
  }
  return true;
}

void blaster_session::take_payload(std::string_view text) {
  simdjson::dom::parser parser;
  auto root = parser.parse(text.data(), text.size());
  std::int64_t op = -1;
  if (root["op"].get(op) != simdjson::SUCCESS)
    throw std::runtime_error{"a payload without op"};
  if (op == 1)
    ++owed_acknowledgements_;
  if (op == 6)
    send(R"({"t":null,"s":null,"op":9,"d":false})");
  if (op == 2) {
    simdjson::dom::array shard;
    std::uint64_t id = 0;
    std::uint64_t count = 1;
    auto named = root["d"]["shard"].get(shard) == simdjson::SUCCESS;
    if (named && (shard.at(0).get(id) != simdjson::SUCCESS || shard.at(1).get(count) != simdjson::SUCCESS ||
                  id >= count))
      throw std::runtime_error{"IDENTIFY names no shard"};
    identify(static_cast<std::uint32_t>(id), static_cast<std::uint32_t>(count), named);
  }
}

void blaster_session::send(std::string_view payload) {
  output_.clear();
  encoder_.message(output_, payload);
  write(output_);
}

void blaster_session::send_acknowledgements() {
  for (; owed_acknowledgements_ > 0; --owed_acknowledgements_)
    send(R"({"t":null,"s":null,"op":11,"d":null})");
}

void blaster_session::dispatch(std::string_view t, std::string_view d) {
  payload_.clear();
  append_dispatch(payload_, t, ++s_, d);
  send(payload_);
}

void blaster_session::identify(std::uint32_t id, std::uint32_t count, bool) {
  shard_id_ = id;
  shard_count_ = count;
  s_ = 0;
  auto shard = std::to_string(id) + "," + std::to_string(count);
  std::uint32_t others = 0;
  alive_.reset();
  alive_ = owner_.enter(id, count, others);
  // The same for one client after another, so that they get the same bytes; different for two at once.
  std::array<char, 33> session{};
  std::snprintf(session.data(), session.size(), "%08x%08x%016llx", id, count, 0x5eed5eed0000ULL + others);
  std::string guilds;
  for (auto& guild : owner_.world().guilds())
    if (owns(guild.id))
      guilds += (guilds.empty() ? "" : ",") + std::string{R"({"unavailable":true,"id":")"} +
                std::to_string(guild.id) + "\"}";
  dispatch("READY", R"({"v":10,"user_settings":{},"user":)" + std::string{bot_user} +
                        R"(,"session_type":"normal","session_id":")" + std::string{session.data()} +
                        R"(","resume_gateway_url":"wss://127.0.0.1:)" + std::to_string(owner_.port()) +
                        R"(","relationships":[],"private_channels":[],"presences":[],"guilds":[)" + guilds +
                        R"(],"guild_join_requests":[],"auth":{},"application":)" +
                        std::string{bot_application} + R"(,"shard":[)" + shard + R"(],"_trace":[]})");
  std::uint64_t count_of_guilds = 0;
  for (auto& guild : owner_.world().guilds())
    if (owns(guild.id)) {
      dispatch("GUILD_CREATE", owner_.world().snapshot(guild));
      ++count_of_guilds;
    }
  if (!ready_)
    next_order_ = owner_.watch(wake_);
  ready_ = true;
  owner_.tell("ready " + std::to_string(id) + " " + std::to_string(count) + " guilds " +
              std::to_string(count_of_guilds));
}

void blaster_session::run_orders() {
  if (!ready_)
    return;
  for (auto& order : owner_.orders(next_order_)) {
    next_order_ = order.number + 1;
    auto who = std::to_string(shard_id_) + " " + std::to_string(shard_count_);
    auto before = s_;
    if (order.per_second == 0)
      run_fast(order);
    else
      run_paced(order);
    if (closed_)
      return;
    owner_.tell("end " + who + " events " + std::to_string(s_ - before) + " s " + std::to_string(s_) +
                " at " + std::to_string(monotonic_ns()));
    send_acknowledgements();
  }
}

prepared_stream blaster_session::prepare(const stream_order& order) {
  prepared_stream made;
  load_generator generator{owner_.world(), owner_.settings().seed + order.seed, order.start_ms, 1000};
  load_event event;
  for (std::uint64_t i = 0; i < order.count; ++i) {
    generator.next(event);
    if (!owns(event.guild))
      continue;
    ++made.events;
    payload_.clear();
    append_dispatch(payload_, event.name, s_ + made.events, event.d);
    encoder_.message(made.bytes, payload_);
  }
  made.history = encoder_.history();
  return made;
}

void blaster_session::run_fast(const stream_order& order) {
  auto made_here = false;
  auto stream = owner_.prepared(
      {encoder_.mode(), encoder_.history(), shard_id_, shard_count_, order.seed, order.count}, [&] {
        if (encoder_.detached())
          throw std::runtime_error{"a second stream after a prepared one and other payloads"};
        made_here = true;
        return prepare(order);
      });
  if (!made_here)
    encoder_.adopt(stream->history);
  owner_.keep_step(order, this, 0); // before anyone can be ahead
  owner_.meet(order);
  owner_.tell("begin " + std::to_string(shard_id_) + " " + std::to_string(shard_count_) + " events " +
              std::to_string(stream->events) + " s " + std::to_string(s_ + 1) + " bytes " +
              std::to_string(stream->bytes.size()) + " at " + std::to_string(monotonic_ns()));
  if (write_stream(stream->bytes, order))
    s_ += stream->events;
  owner_.keep_step(order, this, blaster::all_sent);
}

// Heartbeats that arrive meanwhile are answered behind the stream: its bytes leave no room for another
// payload.
bool blaster_session::write_stream(std::string_view bytes, const stream_order& order) {
  auto per_event = owner_.settings().record_per_event;
  auto longest = order.sessions < 2 ? piece : step;
  std::size_t sent = 0;
  for (std::size_t since_look = 0; !bytes.empty() && !closed_;) {
    auto size = std::min(longest, bytes.size());
    if (per_event) {
      auto first = static_cast<std::uint8_t>(bytes[1]) & 0x7f;
      auto wide = first == 126;
      size = wide ? 4 + (static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[2])) << 8 |
                         static_cast<std::uint8_t>(bytes[3]))
                  : 2 + static_cast<std::size_t>(first);
    }
    write(bytes.substr(0, size));
    bytes.remove_prefix(size);
    since_look += size;
    sent += size;
    if (since_look < longest)
      continue;
    since_look = 0;
    owner_.keep_step(order, this, sent);
    while (!closed_ && input_is_waiting())
      closed_ = !(read_more() && take_frames());
  }
  return !closed_;
}

void blaster_session::run_paced(const stream_order& order) {
  if (encoder_.detached())
    throw std::runtime_error{"a paced stream after a prepared one"};
  auto step_ns = 1'000'000'000 / static_cast<std::int64_t>(order.per_second);
  load_generator generator{owner_.world(), owner_.settings().seed + order.seed, order.start_ms,
                           step_ns / 1000};
  load_event event;
  owner_.tell("begin " + std::to_string(shard_id_) + " " + std::to_string(shard_count_) + " events " +
              std::to_string(order.count) + " s " + std::to_string(s_ + 1) + " bytes 0 at " +
              std::to_string(monotonic_ns()));
  for (std::uint64_t i = 0; i < order.count && !closed_; ++i) {
    generator.next(event);
    if (!owns(event.guild))
      continue;
    auto due = order.start_ns + static_cast<std::int64_t>(i) * step_ns;
    while (monotonic_ns() < due && !closed_) {
      if (!wait(due))
        continue;
      closed_ = !(read_more() && take_frames());
      send_acknowledgements();
    }
    if (order.stamped) {
      event.d.pop_back();
      event.d.append(R"(,"sent_ns":)").append(std::to_string(monotonic_ns())).append("}");
    }
    dispatch(event.name, event.d);
  }
}

} // namespace shardyard::bench
