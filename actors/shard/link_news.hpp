// What the io thread saw on a shard's connection besides events, as values for the shard's mailbox; and the
// door that the shards of a node share: the io threads and what every connection of the bot has in common.
#pragma once

#include "actors/local_messages.hpp"
#include "actors/shard/outbound_stream.hpp"
#include "actors/shard/session_machine.hpp"
#include "net/gateway_link.hpp"
#include "net/io_thread.hpp"

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace shardyard {

namespace saw {
struct hello {};
struct ready {
  std::uint64_t s = 0;
  std::string session_id;
  std::string resume_url;
  std::vector<net::ready_guild> guilds;
};
struct resumed {
  std::uint64_t s = 0;
};
struct reconnect {};
struct invalid_session {
  bool resumable = false;
};
struct heartbeat_ack {
  std::uint64_t s = 0;
};
struct room {}; ///< what was given to the connection has been sent
struct closed {
  net::close_reason reason;
};
} // namespace saw

struct link_news {
  session::link_number link = 0;
  std::variant<saw::hello, saw::ready, saw::resumed, saw::reconnect, saw::invalid_session, saw::heartbeat_ack,
               saw::room, saw::closed>
      what;
};

struct io_door {
  explicit io_door(unsigned threads) : io(threads) {}

  net::io_thread io;
  net::link_settings link; ///< without url
  std::function<net::identify_payload(const shard_key&)> identify;
  std::function<std::string()> token;
  session::tuning tuning;
  stream_limits limits;
  std::string spool_dir;
  std::uint64_t spool_bytes = 256u << 20;         ///< per shard and group
  std::chrono::milliseconds probe_interval{5000}; ///< between extra heartbeats while units move
  std::chrono::milliseconds mix_stretch{10'000};  ///< that events are counted by kind
};

} // namespace shardyard
