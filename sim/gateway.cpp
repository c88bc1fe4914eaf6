#include "sim/gateway.hpp"

#include "sim/text.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace shardyard::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_catch_up = 250ms; // the world does not make up for a host that slept

} // namespace

gateway::gateway(const settings& chosen, std::string resume_url, moment now)
    : settings_(chosen),
      resume_url_(std::move(resume_url)),
      world_(chosen, now + chosen.clock_skew),
      source_(world_, chosen),
      delays_(chosen.seed ^ 0xDE1A7),
      limiter_({chosen.max_concurrency, chosen.budget, chosen.identify_spacing, chosen.budget_window}),
      truth_(chosen.truth, {chosen.truth_memory, chosen.truth_limit, chosen.truth_folder},
             chosen.truth_digests),
      last_advance_(now),
      rate_(chosen.events_per_second),
      interaction_rate_(chosen.interactions_per_second) {}

std::uint64_t gateway::connect(link& out, const connect_query& query, moment now) {
  auto number = ++last_client_;
  auto& who = clients_[number];
  who.out = &out;
  who.node = static_cast<std::uint32_t>(number % std::max(1u, settings_.nodes));
  who.opened_at = who.last_beat = now;
  if (query.close_code != 0) {
    violated(who, "connect_query", query.complaint, now);
    close(who, query.close_code,
          query.close_code == 4012 ? "Invalid API version." : "Error while decoding payload.", now);
    return number;
  }
  who.hello_at = now + settings_.hello_delay;
  if (settings_.hello_delay <= 0ms)
    send_hello(who);
  return number;
}

void gateway::send_hello(client& who) {
  who.hello_at.reset();
  std::string hello = R"({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":)";
  put_number(hello, static_cast<std::uint64_t>(settings_.heartbeat_interval.count()));
  put(hello, R"(,"_trace":["[\"gateway-sim-)");
  put_number(hello, who.node);
  put(hello, R"(\",{\"micros\":0.0}]"]}})");
  who.out->send(hello);
}

void gateway::disconnected(std::uint64_t number, int code, moment now) {
  auto found = clients_.find(number);
  if (found == clients_.end())
    return;
  auto& who = found->second;
  auto* left = who.gone ? nullptr : detach(who, now);
  // Gateway reference, "Disconnecting": 1000 and 1001 end the session.
  if (left && (code == 1000 || code == 1001))
    end(*left, "closed " + std::to_string(code), now);
  clients_.erase(found);
}

session* gateway::detach(client& who, moment now) {
  auto* left = std::exchange(who.current, nullptr);
  if (!left)
    return nullptr;
  left->connection = nullptr;
  left->client = 0;
  left->disconnected_at = now;
  if (left->ready)
    return left;
  end(*left, {}, now); // nobody ever learnt its id
  return nullptr;
}

void gateway::close(client& who, int code, std::string_view reason, moment now) {
  if (who.gone)
    return;
  detach(who, now);
  who.gone = true;
  if (code == 0)
    who.out->drop();
  else
    who.out->close(code, reason);
}

void gateway::violated(const client& who, std::string rule, std::string text, moment now) {
  violations_.add(std::move(rule), std::move(text), who.current ? who.current->id() : std::string{}, now);
}

void gateway::send_reconnect(client& who, moment now) {
  who.out->send(R"({"t":null,"s":null,"op":7,"d":null})");
  who.cut_at = now + settings_.reconnect_grace;
}

void gateway::send_invalid(client& who, bool resumable, moment now) {
  who.out->send(resumable ? R"({"t":null,"s":null,"op":9,"d":true})"
                          : R"({"t":null,"s":null,"op":9,"d":false})");
  who.refused_at = now;
  who.opened_at = now; // a new handshake may follow on the same socket
}

void gateway::ask_for_heartbeat(client& who, moment now) {
  if (settings_.heartbeat_requests <= 0 || !who.current)
    return;
  if (who.beat_due && now > *who.beat_due) {
    violated(who, "heartbeat_request", "op 1 of the server was not answered in time", now);
    who.beat_due.reset();
  }
  if (who.ask_beat_at && now >= *who.ask_beat_at) {
    who.ask_beat_at.reset();
    if (!who.beat_due)
      who.beat_due = now + settings_.heartbeat_request_deadline;
    who.out->send(R"({"t":null,"s":null,"op":1,"d":null})");
  }
  if (!who.ask_beat_at) {
    auto mean_ms = 60'000 / settings_.heartbeat_requests;
    who.ask_beat_at =
        now + std::chrono::milliseconds{static_cast<std::int64_t>(mean_ms * 2 * delays_.unit())};
  }
}

void gateway::check(client& who, moment now) {
  if (who.gone)
    return;
  if (who.hello_at && now >= *who.hello_at)
    send_hello(who);
  if (who.invalid_at && now >= *who.invalid_at) {
    who.invalid_at.reset();
    send_invalid(who, false, now);
  }
  if (now - who.last_beat > settings_.heartbeat_interval * 3 / 2) {
    violated(who, "heartbeat_missed", "no heartbeat for 1.5 intervals", now);
    return close(who, 4000, "Unknown error.", now);
  }
  ask_for_heartbeat(who, now);
  if (!who.current && now - who.opened_at > settings_.identify_deadline) {
    violated(who, "identify_deadline", "neither IDENTIFY nor RESUME", now);
    return close(who, 4009, "Session timed out.", now);
  }
  if (who.cut_at && now >= *who.cut_at)
    return close(who, 0, {}, now);
  if (who.out->queued_bytes() > settings_.max_queue_bytes)
    close(who, 0, {}, now);
}

void gateway::advance(moment now) {
  auto elapsed = std::min<moment::duration>(now - last_advance_, longest_catch_up);
  event_credit_ += rate_ * std::chrono::duration<double>(elapsed).count();
  auto count = static_cast<std::int64_t>(event_credit_);
  event_credit_ -= static_cast<double>(count);
  for (std::int64_t i = 1; i <= count; ++i) {
    auto at = now - elapsed + elapsed * i / count;
    happen(source_.next(world_time(at)), at);
  }
  interaction_credit_ += interaction_rate_ * std::chrono::duration<double>(elapsed).count();
  for (; interaction_credit_ >= 1; interaction_credit_ -= 1)
    if (auto asked = source_.next(event_kind::interaction_create, world_time(now)))
      happen(*std::move(asked), now);
  last_advance_ = now;

  std::vector<session*> expired;
  for (auto& [number, which] : sessions_) {
    if (!which->ready && now >= which->ready_at)
      greet(*which, now);
    if (!which->ready)
      continue;
    release(*which, now);
    if (!which->pending.empty())
      stream_guilds(*which, now);
    if (!which->connection && now - which->disconnected_at > settings_.session_ttl)
      expired.push_back(which.get());
  }
  for (auto* which : expired)
    end(*which, "expired", now);
  for (auto& [number, who] : clients_)
    check(who, now);
  std::erase_if(clients_, [](auto& entry) { return entry.second.gone; });
}

void gateway::emit(std::uint64_t count, moment now) {
  for (std::uint64_t i = 0; i < count; ++i)
    happen(source_.next(world_time(now)), now);
}

std::optional<std::string> gateway::post(snowflake channel, const own_message& message, moment now) {
  auto* in = world_.guild_of_channel(channel);
  if (!in)
    return std::nullopt;
  auto written = source_.post(*in, *in->find_channel(channel), message, world_time(now));
  auto d = written.content->d;
  happen(std::move(written), now);
  return d;
}

bool gateway::authorised(std::string_view header) const {
  return token_valid_ && header.starts_with("Bot ") && header.substr(4) == settings_.token;
}

std::uint32_t gateway::recommended_shards() const {
  if (settings_.recommended_shards != 0)
    return settings_.recommended_shards;
  auto multiple = std::max(1u, settings_.shard_multiple);
  auto wanted = std::max(1u, (world_.present() + 999) / 1000);
  return (wanted + multiple - 1) / multiple * multiple;
}

gateway::counters gateway::count() const {
  counters result{.occurrences = truth_.newest(), .copies = copies_};
  for (auto& [number, which] : sessions_)
    result.in_flight += which->line.size() + which->pending.size() + (which->ready ? 0 : 1);
  for (auto& [number, who] : clients_) {
    if (who.gone)
      continue;
    ++result.connections;
    result.unwritten_bytes += who.out->queued_bytes();
    result.unacked_bytes += who.out->unacked_bytes();
  }
  return result;
}

} // namespace shardyard::sim
