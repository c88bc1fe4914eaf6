// All bots of one endpoint: who is connected, what each of them gets, what each may send. Keeps the
// deliveries of the whole cluster for a while in one ring that all sessions share, so that a bot that comes
// back RESUMEs without a loss and a slow one costs a cursor. Plain class: no CAF, no socket, time is an
// argument; effects go to links and to a port. Lives on one thread.
#pragma once

#include "messages/bots.hpp"
#include "messages/event_block.hpp"
#include "net/bot_link.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

/// What a bot's token stands for.
struct bot_name {
  std::string name; ///< empty: not a token of ours
};

struct bot_switch_settings {
  std::uint64_t intents = 0; ///< of the upstream sessions: what a bot may ask for
  std::uint32_t shards = 1;  ///< recommended to bots by /gateway/bot
  std::string resume_url;    ///< "ws://127.0.0.1:7500": without query and trailing slash
  std::chrono::milliseconds heartbeat{41'250};
  std::chrono::milliseconds identify_patience{60'000};
  std::chrono::milliseconds resume_window{300'000}; ///< how long a session outlives its connection
  std::size_t ring_bytes = 256u << 20;
  std::size_t ring_events = 1u << 20;
  std::chrono::milliseconds ring_age{600'000};
  std::size_t longest_payload = 4096;
  std::size_t most_sessions = 1024;
  std::size_t high_water = 1u << 20; ///< bytes queued at a link above which its session waits in the ring;
                                     ///< not below the 64 KiB of bot_events::on_drained
  /// Which bot a token belongs to; the comparison takes the same time for every wrong one.
  std::function<bot_name(std::string_view token)> find_bot;
  std::uint64_t seed = 0;            ///< of session ids and askers; 0: random
  std::size_t own_bytes = 64u << 20; ///< of GUILD_CREATEs and the like that each session keeps for RESUME
  /// Unix microseconds, of which the numbers of presences are made, so that the newest of several endpoints
  /// wins, restarted ones too; none: the system's clock.
  std::function<std::uint64_t()> unix_us;
};

/// What the switch asks of the cluster. Answers come back as calls of the switch, later, or not at all.
class cluster_port {
public:
  virtual ~cluster_port() = default;
  virtual void list_guilds(std::uint32_t asker, const guild_filter& which) = 0;
  virtual void fetch_guilds(std::uint32_t asker, const snapshot_request& wanted) = 0;
  /// op 31 comes whole, with all of its guilds that the bot's shard sees, `guild` being the first: the port
  /// sends it to each group that has one of them.
  virtual void command(const bot_command& x) = 0;
  virtual void presence(const bot_presence& x) = 0;
};

struct bot_session_figures {
  std::string bot;
  guild_filter shard;
  bool connected = false;
  std::uint64_t s = 0;      ///< newest sequence made
  std::uint64_t behind = 0; ///< events it has not been sent yet
  std::uint64_t resumes = 0;
  std::uint64_t guilds = 0;
};

struct bot_switch_figures {
  std::uint64_t connections = 0;
  std::uint64_t identifies = 0, resumes = 0,
                invalid = 0; ///< invalid: op 9 false because the ring had lost it
  std::uint64_t holes = 0;   ///< deliveries that did not come, by number: told to bots as invalid sessions
  std::uint64_t gaps = 0; ///< reported by partitions (SHARDYARD_GAP): Discord had lost it, bots are not told
  std::uint64_t ring_bytes = 0, ring_events = 0;
  std::vector<bot_session_figures> sessions;
};

class bot_switch {
public:
  using time = std::chrono::steady_clock::time_point;

  bot_switch(bot_switch_settings settings, cluster_port& cluster);
  ~bot_switch();
  bot_switch(const bot_switch&) = delete;
  bot_switch& operator=(const bot_switch&) = delete;

  // -- from the door

  /// A bot has connected: says HELLO, and returns who listens to it. The link is dropped when it has closed.
  std::shared_ptr<net::bot_events> connected(std::shared_ptr<net::bot_link> link, const net::bot_query& query,
                                             time now);
  /// The time of calls through the returned bot_events; to be kept current by the owner.
  void set_clock(std::function<time()> clock);

  // -- from the cluster

  /// Deliveries of a group in their order; what is known by (guild, n) is dropped.
  void deliver(const std::vector<event_block>& blocks, time now);

  /// `user` and `application` of the bot, JSON objects, for READY. Bots that identify earlier wait.
  void set_identity(std::string user, std::string application, snowflake user_id, time now);

  void guilds_listed(std::uint32_t asker, const std::vector<snowflake>& guilds, time now);
  void guilds_fetched(std::uint32_t asker, const std::vector<guild_snapshot>& rows, std::string_view bytes,
                      time now);

  /// Deliveries for these partitions were lost on the way here (a feed that broke and could not be made
  /// whole).
  void lost(std::function<bool(snowflake guild)> concerned, time now);

  /// The bot's token is not valid any more: its sessions end with 4004.
  void revoke(std::string_view bot, time now);

  void set_recommended_shards(std::uint32_t count);

  /// Bodies of `GET /gateway/bot` and `GET /gateway`.
  std::string gateway_bot_body() const;
  std::string gateway_body() const;

  /// Commands of these guilds that were not answered yet (at most 30 s old) go to the port again, with the
  /// same numbers: their group has moved.
  void resend_commands(const std::function<bool(snowflake guild)>& concerned);

  // -- time

  void tick(time now);
  time next_tick() const;

  bot_switch_figures figures() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace shardyard
