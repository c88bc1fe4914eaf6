// What clients say: heartbeats, IDENTIFY, RESUME and the rest, each with Discord's rules and close codes
// (Gateway reference; Opcodes and Status Codes).
#include "sim/client_fields.hpp"
#include "sim/gateway.hpp"
#include "sim/text.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace shardyard::sim {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr auto in_flight_allowance = 5s; // payloads that crossed an op 9

} // namespace

void gateway::undecodable(std::uint64_t number, std::string complaint, moment now) {
  auto found = clients_.find(number);
  if (found == clients_.end() || found->second.gone)
    return;
  violated(found->second, "undecodable", std::move(complaint), now);
  close(found->second, 4002, "Error while decoding payload.", now);
}

void gateway::receive(std::uint64_t number, std::string_view text, moment now) {
  auto found = clients_.find(number);
  if (found == clients_.end() || found->second.gone)
    return;
  auto& who = found->second;
  if (who.hello_at)
    send_hello(who); // a client may speak first, but HELLO stays the first that it hears
  if (counted(who.sent, now, 60s) > settings_.send_limit) {
    violated(who, "send_limit", "more than " + std::to_string(settings_.send_limit) + " payloads in 60 s",
             now);
    return close(who, 4008, "Rate limited.", now);
  }
  if (text.size() > settings_.max_payload_bytes)
    return undecodable(number, "payload of " + std::to_string(text.size()) + " bytes", now);
  boost::system::error_code error;
  auto message = json::parse(text, error);
  if (error || !message.is_object())
    return undecodable(number, "no JSON object", now);
  handle(number, who, message.get_object(), now);
}

void gateway::handle(std::uint64_t number, client& who, const json::object& message, moment now) {
  auto op = whole_number(message.if_contains("op"));
  auto* d = message.if_contains("d");
  auto* object = d ? d->if_object() : nullptr;
  auto refuse = [&](std::string rule, std::string text) {
    violated(who, std::move(rule), std::move(text), now);
    close(who, 4001, "Unknown opcode.", now);
  };
  if (!op)
    return refuse("unknown_op", "no op");
  if (*op == 1) {
    who.last_beat = now;
    who.beat_due.reset();
    return who.out->send(R"({"t":null,"s":null,"op":11,"d":null})");
  }
  auto is_handshake = *op == 2 || *op == 6;
  auto is_command = *op == 3 || *op == 4 || *op == 8 || *op == 31 || *op == 43;
  if (!is_handshake && !is_command)
    return refuse("unknown_op", "op " + std::to_string(*op));
  if (is_handshake && !object)
    return refuse("missing_fields", "op " + std::to_string(*op) + " without d");
  if (*op == 2)
    return identify(number, who, *object, now);
  if (*op == 6)
    return resume(number, who, *object, now);
  if (!who.current) {
    if (!who.refused_at || now - *who.refused_at > in_flight_allowance)
      violated(who, "not_authenticated", "op " + std::to_string(*op) + " before IDENTIFY or RESUME", now);
    return close(who, 4003, "Not authenticated.", now);
  }
  command(who, static_cast<int>(*op), object, now);
}

bool gateway::token_matches(const json::object& d) const {
  auto token = text_of(d.if_contains("token"));
  if (token.starts_with("Bot "))
    token.remove_prefix(4);
  return token_valid_ && token == settings_.token;
}

bool gateway::acceptable(client& who, const json::object& d, session::declared& as, moment now) {
  auto refuse = [&](int code, std::string_view reason, std::string rule, std::string text) {
    violated(who, std::move(rule), std::move(text), now);
    close(who, code, reason, now);
    return false;
  };
  if (who.current || who.invalid_at)
    return refuse(4005, "Already authenticated.", "already_authenticated", "second IDENTIFY on a connection");
  if (!token_matches(d))
    return refuse(4004, "Authentication failed.", "token", "wrong token in IDENTIFY");
  auto* properties = d.if_contains("properties");
  if (!properties || !properties->is_object())
    return refuse(4001, "Unknown opcode.", "missing_fields", "IDENTIFY without properties");
  auto intents = whole_number(d.if_contains("intents"));
  if (!intents || (*intents & ~known_intents) != 0)
    return refuse(4013, "Invalid intent(s).", "intents", intents ? std::to_string(*intents) : "missing");
  if ((*intents & privileged_intents & ~settings_.privileged_intents) != 0)
    return refuse(4014, "Disallowed intent(s).", "intents", "privileged intent without approval");
  as.intents = *intents;
  as.large_threshold = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(whole_number(d.if_contains("large_threshold")).value_or(50), 25, 250));
  if (auto* shard = d.if_contains("shard"); shard && !shard->is_null()) {
    auto* pair = shard->if_array();
    auto id = pair && pair->size() == 2 ? whole_number(&(*pair)[0]) : std::nullopt;
    auto count = pair && pair->size() == 2 ? whole_number(&(*pair)[1]) : std::nullopt;
    if (!id || !count || *count == 0 || *id >= *count || *count > 100'000 ||
        *count % std::max(1u, settings_.shard_multiple) != 0)
      return refuse(4010, "Invalid shard.", "shard", json::serialize(*shard));
    as.sharded = true;
    as.shard_id = static_cast<std::uint32_t>(*id);
    as.shard_count = static_cast<std::uint32_t>(*count);
  }
  if (world_.guilds_of(as.shard_id, as.shard_count).size() > settings_.guild_limit)
    return refuse(4011, "Sharding required.", "sharding_required",
                  "shard of more than " + std::to_string(settings_.guild_limit) + " guilds");
  return true;
}

void gateway::identify(std::uint64_t number, client& who, const json::object& d, moment now) {
  session::declared as;
  if (!acceptable(who, d, as, now))
    return;
  switch (limiter_.identify(as.shard_id, now)) {
  case identify_limiter::verdict::granted:
    break;
  case identify_limiter::verdict::exhausted:
    violated(who, "identify_budget", "IDENTIFY without budget: all sessions end, the token is reset", now);
    return budget_overrun(now);
  case identify_limiter::verdict::too_soon:
    violated(who, "identify_spacing",
             "shard " + std::to_string(as.shard_id) + " of " + std::to_string(as.shard_count) + ", key " +
                 std::to_string(as.shard_id % std::max(1u, limiter_.max_concurrency())) + ": " +
                 std::to_string(limiter_.last_gap().count()) + " ms after the last",
             now);
    who.invalid_at = now + settings_.invalid_session_delay;
    return;
  }
  if (auto* compress = d.if_contains("compress"); compress && compress->is_bool() && compress->get_bool())
    who.out->compress_payloads();
  std::string id;
  put_hex(id, delays_.next());
  auto limit = replay_limit(world_.guilds_of(as.shard_id, as.shard_count).size());
  ++last_session_;
  auto& made = *sessions_.emplace(last_session_, std::make_unique<session>(last_session_, id, as, limit))
                    .first->second;
  by_id_[id] = &made;
  auto& layout = layouts_[as.shard_count];
  layout.resize(as.shard_count);
  layout[as.shard_id].push_back(&made);
  if (auto* presence = d.if_contains("presence"); presence && presence->is_object())
    made.presence = json::serialize(*presence);
  made.shuffle_envelope = settings_.shuffle_envelope;
  made.connection = who.out;
  made.client = number;
  made.ready_at = now + settings_.ready_delay;
  who.current = &made;
  who.refused_at.reset();
  if (settings_.ready_delay <= 0ms)
    greet(made, now);
}

void gateway::resume(std::uint64_t number, client& who, const json::object& d, moment now) {
  if (who.current || who.invalid_at) {
    violated(who, "already_authenticated", "RESUME on an authenticated connection", now);
    return close(who, 4005, "Already authenticated.", now);
  }
  if (!token_matches(d)) {
    violated(who, "token", "wrong token in RESUME", now);
    return close(who, 4004, "Authentication failed.", now);
  }
  auto* given = d.if_contains("seq");
  auto seq = given && given->is_null() ? std::optional<std::uint64_t>{0} : whole_number(given);
  if (!seq || !d.contains("session_id")) {
    violated(who, "missing_fields", "RESUME without session_id or seq", now);
    return close(who, 4001, "Unknown opcode.", now);
  }
  auto found = by_id_.find(std::string{text_of(d.if_contains("session_id"))});
  if (found == by_id_.end() || !found->second->ready)
    return send_invalid(who, false, now);
  auto& back = *found->second;
  if (*seq > back.s()) {
    violated(who, "resume_seq", "RESUME with seq " + std::to_string(*seq) + " of " + std::to_string(back.s()),
             now);
    close(who, 4007, "Invalid seq.", now);
    if (auto old = clients_.find(back.client); old != clients_.end())
      close(old->second, 4000, "Unknown error.", now);
    return end(back, "invalid seq", now);
  }
  if (auto old = clients_.find(back.client); old != clients_.end())
    close(old->second, 4000, "Unknown error.", now);
  if (back.refuses_resume || !back.replay().covers(*seq)) {
    end(back, back.refuses_resume ? "resume refused" : "replay buffer overrun", now);
    return send_invalid(who, false, now);
  }
  back.connection = who.out;
  back.client = number;
  who.current = &back;
  who.refused_at.reset();
  back.replay_after(*seq);
  back.dispatch(
      std::make_shared<const payload>(payload{
          .name = "RESUMED", .d = R"({"_trace":["[\"gateway-sim\",{\"micros\":4493,\"calls\":[]}]"]})"}),
      false);
}

void gateway::budget_overrun(moment now) {
  token_valid_ = false;
  for (auto& [number, who] : clients_)
    close(who, 4004, "Authentication failed.", now);
  while (!sessions_.empty())
    end(*sessions_.begin()->second, "budget overrun", now);
}

} // namespace shardyard::sim
