// The node actor's state. Its parts: the coordinator (node_actor.cpp; where to look for it,
// coordinator_search.hpp), the peers and the routes to them (node_peers_actor.cpp), groups of partitions and
// kept states (node_groups_actor.cpp), shards and their sessions (node_shards_actor.cpp), the leave to
// deliver (node_lease_actor.cpp). Only these files include it.
#pragma once

#include "actors/compat.hpp"
#include "actors/node/coordinator_search.hpp"
#include "actors/node/dial_turn.hpp"
#include "actors/node/dialer_actor.hpp"
#include "actors/node/kept_copies.hpp"
#include "actors/node/lease.hpp"
#include "actors/node/node_actor.hpp"
#include "actors/node/presence_board.hpp"
#include "actors/node/sent_rows.hpp"
#include "actors/partition/group_sinks_actor.hpp"
#include "actors/shard/checkpoint_file.hpp"
#include "messages/session_rows.hpp"

#include <map>
#include <set>

namespace shardyard {

inline constexpr std::chrono::seconds remote_timeout{3}; ///< for an answer from another host

struct node_state {
  static inline const char* name = "shardyard.node";
  using clock = std::chrono::steady_clock;

  struct peer {
    node_card card;
    node_actor handle; ///< null: not reachable
    dial_turn turn;
  };
  struct local_group {
    group_place place;
    local_partition_group_actor actor;
    group_news picture;
    bool stopping = false;
  };
  /// A group on another node.
  struct remote_group {
    std::uint64_t epoch = 0;
    partition_group_actor actor; ///< null: not found yet, or lost
    bool asking = false;
    clock::time_point next_ask{};
  };
  struct local_shard {
    shard_actor actor;
    shard_status status;
  };
  /// A node that is no member yet, as far as this one knows.
  struct acquaintance {
    node_card card;
    node_actor node;
  };
  /// A state that is being fetched.
  struct adoption {
    adopt_group order;
    std::string bytes;
  };

  node_state(local_node_actor::pointer self, node_setup setup, std::shared_ptr<checkpoint_file> file);
  local_node_actor::behavior_type make_behavior();

  // -- the coordinator: node_actor.cpp

  void look_for_coordinator();
  void heed(const leader_news& x);
  void look_at(const std::string& host, std::uint16_t port);
  void ask_for_coordinator(const node_actor& peer);
  void coordinator_named(const coordinator_actor& there, const std::string& host, std::uint16_t port);
  void found(const peer_found& x);
  void join(const coordinator_actor& handle);
  void lost_coordinator(const std::string& why);
  bool outdated(std::uint64_t epoch, const char* what) const;
  void follow(const assignment& x);
  void send_report();
  void on_tick();

  // -- the peers and the routes to them: node_peers_actor.cpp

  void dial_place(const std::string& host, std::uint16_t port);
  void dial_peers();
  void meet(const node_card& x, const node_actor& node);
  void recall_early();
  void have_peer(peer& x, const node_actor& node);
  void lost_peer(const std::string& name);
  void publish_routes();

  // -- groups of partitions: node_groups_actor.cpp

  std::filesystem::path log_path(const group_place& x) const;
  void open_sinks_once();
  void keep_stale_logs();
  void spawn_groups();
  bool spawn_group(const group_place& x, bool ran_here = false);
  void drop_group(std::uint32_t id);
  void find_groups();
  void release(const release_group& x);
  void adopt(const adopt_group& x);
  void fetch_more(std::uint32_t id);
  void finish_adoption(std::uint32_t id);
  void choose_second_host();

  // -- shards and their sessions: node_shards_actor.cpp

  std::optional<session_checkpoint> session_for(const start& x);
  void run(const start& x);
  template <class Order>
  void pass_on(const Order& x);
  void note(const shard_news& news);
  void show(const bot_presence& x);
  void send_checkpoints();
  void send_mixes();
  checkpoint_report all_rows(const std::string& node, const session_rows& rows) const;

  // -- the leave to deliver: node_lease_actor.cpp

  void ask_lease();
  void publish_lease();
  lease_answer speak_for(const lease_request& x);
  void begin_anew();

  local_node_actor::pointer self;
  node_setup setup;
  std::shared_ptr<checkpoint_file> checkpoints;
  kept_copies copies;
  std::map<shard_key, session_checkpoint>
      saved_sessions;    ///< of an earlier life or released, until their shard is started
  session_rows sessions; ///< of the shards that run here or did
  std::map<std::string, session_rows> peer_sessions;
  mix_report mixes;         ///< of the shards, since the last one was sent
  checkpoint_report unsent; ///< changes since the last checkpoint report
  compat::down_watch watch;
  coordinator_actor coordinator;
  coordinator_actor joining; // asked to let us in, no answer yet
  coordinator_search search;
  std::map<std::string, acquaintance> early;
  std::map<std::string, clock::time_point> dialled; // places under way, since when
  clock::time_point next_report{};
  clock::time_point earliest_report{};
  clock::time_point next_complaint{};
  clock::time_point next_lease{};
  clock::time_point next_mixes{};
  sent_rows told_rows;
  assignment known;
  std::map<std::uint32_t, local_group> groups;
  std::map<std::uint32_t, remote_group> remote_groups;
  std::map<std::uint32_t, adoption> adoptions;
  std::shared_ptr<shared_sinks> sinks; ///< of all groups here
  std::map<std::string, peer> peers;
  std::map<shard_key, local_shard> shards;
  presence_board presences;
  std::string second_host; ///< peer that keeps copies for this node; empty: none
  lease leave;
  lease::time spoke{0}; ///< when this host spoke for another one last, or began
  std::shared_ptr<const route_table> routes = std::make_shared<route_table>();
  bool report_due = false;
  bool may_deliver = true;
  std::string last_trouble;
};

/// CLOCK_BOOTTIME, which goes on while the host sleeps.
lease::time boot_time();

} // namespace shardyard
