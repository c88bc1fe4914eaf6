#include "actors/bot_session/bot_connection.hpp"

#include "actors/bot_session/ready_payload.hpp"

#include <algorithm>
#include <utility>

namespace shardyard {
namespace {

// Discord's reason texts (Opcodes and Status Codes).
std::string_view reason_of(std::uint16_t code) {
  switch (code) {
  case 4001:
    return "Unknown opcode.";
  case 4002:
    return "Error while decoding payload.";
  case 4003:
    return "Not authenticated.";
  case 4004:
    return "Authentication failed.";
  case 4005:
    return "Already authenticated.";
  case 4007:
    return "Invalid seq.";
  case 4008:
    return "Rate limited.";
  case 4009:
    return "Session timed out.";
  case 4010:
    return "Invalid shard.";
  case 4012:
    return "Invalid API version.";
  case 4013:
    return "Invalid intent(s).";
  case 4014:
    return "Disallowed intent(s).";
  default:
    return "Unknown error.";
  }
}

} // namespace

bot_connection::bot_connection(connection_owner& owner, std::shared_ptr<net::bot_link> link, limits bounds,
                               time now)
    : owner_(&owner), link_(std::move(link)), limits_(bounds), silent_since_(now), last_beat_(now) {}

void bot_connection::open(const net::bot_query& query) {
  if (!query.version_ok)
    return close(4012);
  if (!query.encoding_ok || !query.compress_ok)
    return close(4002);
  link_->send(hello_payload(limits_.heartbeat));
}

void bot_connection::attach(bot_session& session, time now) {
  session_ = &session;
  waiting_ = true;
  last_beat_ = now;
}

void bot_connection::greeted(time now) {
  waiting_ = false;
  last_beat_ = std::max(last_beat_, now);
}

void bot_connection::say_invalid(time now) {
  session_ = nullptr;
  silent_since_ = now;
  link_->send(invalid_session);
}

void bot_connection::close(std::uint16_t code) {
  if (std::exchange(closing_, true))
    return;
  if (owner_)
    owner_->detached(*this, false);
  link_->close(code, reason_of(code));
}

// DPP beats only after the first dispatch and eris not before READY, so a bot that waits for READY is not
// expected to.
bot_connection::time bot_connection::deadline() const {
  if (closing_ || waiting_)
    return time::max();
  auto beat = last_beat_ + limits_.heartbeat * 3 / 2;
  return session_ ? beat : std::min(beat, silent_since_ + limits_.identify_patience);
}

void bot_connection::tick(time now) {
  if (now < deadline())
    return;
  close(!session_ && now >= silent_since_ + limits_.identify_patience ? 4009 : 4000);
}

void bot_connection::on_payload(std::string_view payload) {
  if (!owner_ || closing_)
    return;
  if (!payloads_.take(owner_->now()))
    return close(4008);
  std::visit([this](const auto& x) { handle(x); }, owner_->read(payload));
}

void bot_connection::on_undecodable() {
  close(4002);
}

void bot_connection::on_drained() {
  if (owner_ && !closing_)
    owner_->drained(*this);
}

void bot_connection::on_closed(std::uint16_t code) {
  auto* owner = std::exchange(owner_, nullptr);
  if (!owner)
    return;
  if (!std::exchange(closing_, true))
    owner->detached(*this, code == 1000 || code == 1001);
  owner->gone(*this);
}

void bot_connection::handle(const payload_refused& x) {
  close(x.code);
}

void bot_connection::handle(const heartbeat_sent&) {
  last_beat_ = owner_->now();
  link_->send(heartbeat_ack);
}

bool bot_connection::open_for_handshake() {
  if (session_)
    close(4005);
  return !closing_;
}

bool bot_connection::authenticated() {
  if (!session_)
    close(4003);
  return !closing_;
}

void bot_connection::handle(const identification_sent& x) {
  if (open_for_handshake())
    owner_->identified(*this, x);
}

void bot_connection::handle(const resume_sent& x) {
  if (open_for_handshake())
    owner_->resumed(*this, x);
}

void bot_connection::handle(const presence_sent& x) {
  if (authenticated() && presences_.take(owner_->now()))
    owner_->said_presence(*this, x.d);
}

void bot_connection::handle(const command_sent& x) {
  if (authenticated())
    owner_->commanded(*this, x);
}

} // namespace shardyard
