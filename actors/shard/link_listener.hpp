// Turns the callbacks of a connection into messages for its shard. Lives on the io thread; also stamps each
// block with the session that it belongs to, so that the shard only passes the pointer on.
#pragma once

#include "actors/shard/event_thread.hpp"
#include "actors/shard/link_news.hpp"
#include "actors/shard/shard_actor.hpp"

namespace shardyard {

class link_listener final : public net::link_events {
public:
  /// `session_id`: of the session to be resumed; a READY replaces it.
  link_listener(shard_actor owner, session::link_number number, shard_key shard, std::string session_id)
      : owner_(std::move(owner)), number_(number), from_{shard, std::move(session_id)} {}

  void on_hello(std::chrono::milliseconds) override { tell(saw::hello{}); }

  void on_events(event_block block) override {
    block.from = from_;
    if (owner_)
      send_here(owner_, link_block{number_, std::make_shared<const event_block>(std::move(block))});
  }

  void on_ready(net::ready_view ready) override {
    from_.session_id = ready.session_id;
    tell(saw::ready{ready.s, std::move(ready.session_id), std::move(ready.resume_gateway_url),
                    std::move(ready.guilds)});
  }

  void on_resumed(std::uint64_t s) override { tell(saw::resumed{s}); }
  void on_reconnect() override { tell(saw::reconnect{}); }
  void on_invalid_session(bool resumable) override { tell(saw::invalid_session{resumable}); }
  void on_heartbeat_ack(std::uint64_t s_at_send) override { tell(saw::heartbeat_ack{s_at_send}); }

  void on_room() override { tell(saw::room{}); }

  void on_closed(const net::close_reason& reason) override {
    tell(saw::closed{reason});
    owner_ = nullptr;
  }

private:
  template <class What>
  void tell(What what) {
    if (owner_)
      send_here(owner_, link_message{std::make_shared<link_news>(link_news{number_, std::move(what)})});
  }

  shard_actor owner_;
  session::link_number number_;
  event_source from_;
};

} // namespace shardyard
