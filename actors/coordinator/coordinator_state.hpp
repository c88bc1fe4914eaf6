// The coordinator actor's state: membership and what its tick does (coordinator_actor.cpp), and one part for
// each coordinator_*_actor.cpp, named below. Only these files include it.
#pragma once

#include "actors/compat.hpp"
#include "actors/coordinator/cluster_view.hpp"
#include "actors/coordinator/coordinator_actor.hpp"
#include "actors/coordinator/documents.hpp"
#include "actors/coordinator/journal.hpp"
#include "actors/coordinator/sqlite_store.hpp"
#include "messages/session_rows.hpp"

#include <map>
#include <set>

namespace shardyard {

struct relocation; ///< coordinator_moves_actor.cpp

struct coordinator_state {
  static inline const char* name = "shardyard.coordinator";
  using clock = std::chrono::steady_clock;

  coordinator_state(local_coordinator_actor::pointer self, coordinator_setup setup,
                    std::shared_ptr<store> rows);
  local_coordinator_actor::behavior_type make_behavior();

  // -- membership, what a new cluster begins with, time: coordinator_actor.cpp

  caf::result<assignment> join(const node_card& card, const caf::strong_actor_ptr& handle);
  void node_gone(const std::string& node);
  assignment current_assignment() const;
  void announce();
  void place_partitions();
  void found_topology();
  void place_shards(const topology& x);
  std::vector<node_weight> weights() const;
  bool save(const journal_changes& changes);
  void on_tick();
  bool term_over();
  void note(const node_report& x);
  unix_time now() const { return wall.at(self->clock().now()); }

  // -- Discord's REST: coordinator_gateway_actor.cpp, coordinator_identity_actor.cpp

  void fetch_gateway();
  void take(const gateway_news& news);
  void use_gateway(const net::gateway_bot& answer);
  void fetch_identity();
  void take(const identity_news& news);

  // -- permits: coordinator_permits_actor.cpp

  identify_answer grant(const identify_request& x);
  void book(const identify_sent& x);
  void take_back(const permit_returned& x);
  void write_used_permits();
  void forget_old_permits();

  // -- plan: coordinator_plan_actor.cpp

  void step_plan();
  bool look_is_due();
  bool keeping_is_due();
  void carry_out(const plan_action& x);
  void send_to_groups(const transfer& x);
  void note_time(plan_state was);
  void keep_times();
  void plan_ended();
  void keep_running();
  void send_start(const shard_key& shard, std::uint64_t plan);
  /// Above those of all earlier coordinators, since epochs rise.
  std::uint64_t next_term() { return (journal.epoch() << 24) + ++terms; }
  node_actor host(const shard_key& shard) const;
  plan_observations observe_plan();
  std::uint64_t identifies_of_plan() const;
  void forget_old_shards();

  // -- places: coordinator_places_actor.cpp

  void load_places(const journal_state& state);
  bool due(const std::string& order);
  lease_answer answer_lease(const lease_request& x);
  std::size_t weighted_hosts() const;
  bool lease_is_over(const std::string& node) const;
  bool is_lost(const std::string& node) const;
  bool is_gone(const std::string& node, std::chrono::milliseconds patience) const;
  bool awaits_hosts() const;
  void note_losses();
  void replace_lost_hosts();
  std::optional<group_origin> state_of_lost(const placed_group& group) const;
  void adopt_from_lost(const placed_group& group);
  void forget_useless_copies();
  void keep_groups();
  void bring_on(std::size_t index);
  void replace_lost_shards(const topology& x);
  void close_twins(const topology& x, const placement& meant);
  void move_shards(const topology& x);
  void take(const shard_released& x);
  void tell(const std::string& text);
  std::string cordoned_row() const;

  // -- moves: coordinator_moves_actor.cpp

  admin_reply nodes_document() const;
  bool shards_on_their_way(const std::string& node) const;
  admin_reply move(const admin_request& x);
  admin_reply drain_node(const admin_request& x);
  admin_reply uncordon(const admin_request& x);
  admin_reply rebalance(const admin_request& x);
  admin_reply carry_out(const relocation& x);
  admin_reply preview(const relocation& x) const;
  relocation spread(const std::vector<node_weight>& over) const;
  bool topology_alive(const std::string& key) const;

  // -- watchdog and bots: coordinator_watch_actor.cpp

  void note(const mix_report& x);
  void note(const endpoint_report& x);
  bool runs(const shard_key& shard) const;
  void replace_silent_sessions();
  void refill_caches();
  admin_reply renew_sessions(std::string_view why);
  boost::json::object bots_document() const;

  // -- verbs: coordinator_verbs_actor.cpp

  admin_reply answer(const admin_request& x);
  boost::json::object status_with_bots() const;
  admin_reply reshard(const admin_request& x);
  admin_reply dry_run(const admin_request& x);
  admin_reply report(const admin_request& x);
  admin_reply steer(const admin_request& x);
  plan_context context() const;
  document_sources sources() const;

  local_coordinator_actor::pointer self;
  coordinator_setup setup;
  std::shared_ptr<store> rows;
  shardyard::journal journal;
  carried_clock wall;
  identify_ledger ledger;
  cluster_view view;
  compat::down_watch watch;
  std::map<std::string, node_actor> nodes;
  std::optional<topology> active;
  std::uint32_t next_topology_id = 1;
  std::uint64_t next_plan_id = 1;
  std::optional<reshard_plan> plan; ///< the newest, finished or not
  plan_memory memory;
  placed_groups groups;
  placement goal;                 ///< node by partition, towards which groups are moved; empty: as they are
  std::set<std::string> cordoned; ///< nodes that get nothing new
  std::map<std::string, std::uint64_t> fenced; ///< incarnations that were declared dead
  session_rows sessions;
  std::map<std::string, clock::time_point> lease_given;
  std::map<std::string, std::uint64_t> incarnations; ///< newest of each host, of earlier coordinators too
  /// Hosts that are away: the revision that told the others, and since when each of those that know it has
  /// spoken for nobody.
  struct loss {
    std::uint64_t revision = 0;
    std::map<std::string, clock::time_point> promised;
  };
  std::map<std::string, loss> losses;
  std::map<std::string, clock::time_point> joined_since;
  std::map<std::string, clock::time_point> ordered; ///< when an order was last sent
  clock::time_point born;
  std::map<std::string, placement> placements;
  std::map<shard_key, clock::time_point> started; ///< last `start` sent
  group_figures baseline;                         ///< when the plan began
  std::map<std::string, double> seconds_in; ///< by plan state, of the present plan under this coordinator
  unix_time state_since{};
  std::uint64_t revision = 0;
  std::uint64_t terms = 0; ///< given to lives of shards under this epoch
  std::string gateway_url;
  std::uint32_t recommended_shards = 0;
  bool gateway_answered = false; ///< under this coordinator
  std::string identity;          ///< as in assignment
  mix_watch mixes{setup.mix};
  cache_refill refill{setup.refill};
  clock::time_point next_cache_look{};
  std::vector<std::string> silent_kinds; ///< that were told
  std::set<shard_key> dumb_shards;       ///< whose live session does not bring one of these
  clock::time_point next_replacement{};
  std::map<std::string, std::pair<endpoint_report, clock::time_point>> endpoints; ///< by node, and when
  bool fetching_identity = false;
  clock::time_point next_identity{};
  bool fetching = false;
  clock::time_point next_fetch{};
  clock::time_point next_purge{};
  clock::time_point next_look{}; ///< at the plan and at what should run
  clock::time_point next_keeping{};
  std::vector<permit_row>
      unwritten;      ///< of used permits: written with the next tick, until then they count as unused
  std::string notice; ///< newest word to the operator
  std::string store_trouble;
  std::string outdated_store;       ///< not empty: nodes run what the store does not know; nothing is ordered
  clock::time_point first_permit{}; ///< none is granted before
};

} // namespace shardyard
