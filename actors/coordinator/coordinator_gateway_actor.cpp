// Asks Discord where its gateway is and how many IDENTIFYs are left, and keeps the last good answer.
#include "actors/coordinator/coordinator_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace shardyard {
namespace {

constexpr auto fetch_interval = std::chrono::minutes(10);
constexpr auto fetch_retry = std::chrono::seconds(5);

} // namespace

void coordinator_state::fetch_gateway() {
  if (!setup.door || fetching || self->clock().now() < next_fetch)
    return;
  fetching = true;
  net::get_gateway_bot(
      setup.door->io, setup.rest, [to = local_coordinator_actor{self}](net::gateway_bot_answer answer) {
        compat::anon_send(to,
                          gateway_news{std::make_shared<const net::gateway_bot_answer>(std::move(answer))});
      });
}

void coordinator_state::take(const gateway_news& news) {
  fetching = false;
  auto at = self->clock().now();
  next_fetch = at + fetch_retry;
  if (auto* good = std::get_if<net::gateway_bot>(news.answer.get())) {
    next_fetch = at + fetch_interval;
    use_gateway(*good);
    return;
  }
  if (auto* limited = std::get_if<net::rate_limited>(news.answer.get()))
    next_fetch = at + limited->retry_after;
  auto text = net::to_string(*news.answer);
  spdlog::error("GET /gateway/bot: {}{}", text,
                gateway_url.empty() ? "" : "; the last good answer stays in use");
  notice = "GET /gateway/bot: " + text;
  auto hopeless = std::get_if<net::unreachable>(news.answer.get());
  if (std::holds_alternative<net::unauthorized>(*news.answer) || (hopeless && hopeless->hopeless))
    next_fetch = clock::time_point::max();
}

void coordinator_state::use_gateway(const net::gateway_bot& answer) {
  session_start_limit limit{.total = answer.total,
                            .remaining = answer.remaining,
                            .reset_after = answer.reset_after,
                            .max_concurrency =
                                setup.max_concurrency.value_or(std::max(1u, answer.max_concurrency)),
                            .fetched = now()};
  ledger.update_from_discord(limit, now());
  save({.limit = limit});
  gateway_answered = true;
  recommended_shards = answer.shards;
  auto saved = net::gateway_bot_file{setup.gateway_file}.save(answer, to_ms(now()));
  if (saved)
    spdlog::warn("the answer of GET /gateway/bot could not be kept: {}", *saved);
  if (gateway_url != answer.url) {
    gateway_url = answer.url;
    announce();
  }
}

} // namespace shardyard
