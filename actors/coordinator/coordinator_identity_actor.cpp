// Asks Discord who the bot is, keeps the answer in the journal, tells the nodes.
#include "actors/coordinator/bot_identity.hpp"
#include "actors/coordinator/coordinator_state.hpp"

#include <spdlog/spdlog.h>

namespace shardyard {
namespace {

constexpr auto ask_again = std::chrono::minutes(10);
constexpr auto retry = std::chrono::seconds(10);

} // namespace

/// Once GET /gateway/bot has shown that the token is good.
void coordinator_state::fetch_identity() {
  if (!setup.door || !gateway_answered || fetching_identity || self->clock().now() < next_identity)
    return;
  fetching_identity = true;
  auto to = local_coordinator_actor{self};
  net::get_rest(setup.door->io, setup.rest, "/users/@me",
                [to, &io = setup.door->io, rest = setup.rest](net::rest_answer user) {
                  net::get_rest(io, rest, "/applications/@me",
                                [to, user = std::move(user)](net::rest_answer application) {
                                  compat::anon_send(to, identity_news{user, std::move(application)});
                                });
                });
}

void coordinator_state::take(const identity_news& news) {
  fetching_identity = false;
  next_identity = self->clock().now() + retry;
  auto document =
      news.user.status == 200 ? make_bot_identity(news.user.body, news.application.body) : std::string{};
  if (document.empty()) {
    if (identity.empty())
      spdlog::warn("GET /users/@me: {}; bots that connect wait for it",
                   news.user.status != 0 ? "status " + std::to_string(news.user.status)
                                         : news.user.failure.text);
    return;
  }
  next_identity = self->clock().now() + ask_again;
  if (document == identity || !save({.texts = {{"identity", document}}}))
    return;
  identity = std::move(document);
  announce();
}

} // namespace shardyard
