// The part of an endpoint that lives on the door's thread: gives the switch its links, its clock and its
// timer, and carries its wishes to the actor. Owned by the actor and by the door alike.
#pragma once

#include "actors/bot_session/switch_host.hpp"

namespace shardyard {

class endpoint_core final : public switch_host,
                            public net::bot_door_events,
                            public cluster_port,
                            public std::enable_shared_from_this<endpoint_core> {
public:
  endpoint_core(bot_endpoint_setup setup);

  /// Listens. Throws as spawn_bot_endpoint does.
  void open();

  std::uint16_t port() const { return door_->port(); }
  const std::string& url() const { return setup_.sessions.resume_url; }

  // -- switch_host; run() from any thread
  void serve(bot_endpoint_actor to) override;
  void run(work x) override;
  void recommend(std::uint32_t shards) override;
  void report() override;
  void close() override;

  // -- net::bot_door_events
  std::optional<std::string> authorize(std::string_view given) override { return setup_.authorize(given); }
  std::string gateway_bot_body() override { return switch_->gateway_bot_body(); }
  std::string gateway_body() override { return switch_->gateway_body(); }
  std::shared_ptr<net::bot_events> on_connected(std::shared_ptr<net::bot_link> link,
                                                const net::bot_query& query) override;

  // -- cluster_port
  void list_guilds(std::uint32_t asker, const guild_filter& which) override;
  void fetch_guilds(std::uint32_t asker, const snapshot_request& wanted) override;
  void command(const bot_command& x) override;
  void presence(const bot_presence& x) override;

private:
  void arm();
  void wish(endpoint_wish x);

  bot_endpoint_setup setup_;
  std::unique_ptr<net::bot_door> door_;
  std::unique_ptr<bot_switch> switch_; ///< on the door's thread only
  bot_endpoint_actor actor_;
  std::vector<endpoint_wish> early_; ///< of bots that came before the actor
  std::optional<bot_switch::time> armed_;
};

} // namespace shardyard
