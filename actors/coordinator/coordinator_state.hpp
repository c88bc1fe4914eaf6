// The coordinator actor's state. Its parts: membership and permits (coordinator_actor.cpp), the running plan
// (coordinator_plan_actor.cpp), operators' verbs (coordinator_verbs_actor.cpp). Only these files include it.
#pragma once

#include "actors/compat.hpp"
#include "actors/coordinator/cluster_view.hpp"
#include "actors/coordinator/coordinator_actor.hpp"
#include "actors/coordinator/documents.hpp"
#include "actors/coordinator/journal.hpp"
#include "actors/coordinator/sqlite_store.hpp"

#include <map>
#include <set>

namespace shardyard {

struct coordinator_state {
  static inline const char* name = "shardyard.coordinator";
  using clock = std::chrono::steady_clock;

  coordinator_state(local_coordinator_actor::pointer self, coordinator_setup setup,
                    std::shared_ptr<store> rows);
  local_coordinator_actor::behavior_type make_behavior();

  // -- membership, places, permits: coordinator_actor.cpp

  caf::result<assignment> join(const node_card& card, const caf::strong_actor_ptr& handle);
  void node_gone(const std::string& node);
  assignment current_assignment() const;
  void announce();
  void place_partitions();
  void found_topology();
  void place_shards(const topology& x);
  bool save(const journal_changes& changes);
  void fetch_gateway();
  void take(const gateway_news& news);
  void use_gateway(const net::gateway_bot& answer);
  identify_answer grant(const identify_request& x);
  void book(const identify_sent& x);
  void on_tick();
  bool term_over();
  void note(const node_report& x);
  unix_time now() const { return wall.at(self->clock().now()); }

  // -- plan: coordinator_plan_actor.cpp

  void step_plan();
  void carry_out(const plan_action& x);
  void note_time(plan_state was);
  void keep_times();
  void plan_ended();
  void keep_running();
  void send_start(const shard_key& shard, std::uint64_t plan);
  node_actor host(const shard_key& shard) const;
  std::set<std::string> partition_owners() const;
  std::map<shard_key, std::string> placed_shards() const;
  std::uint64_t identifies_of_plan() const;
  void forget_old_shards();

  // -- verbs: coordinator_verbs_actor.cpp

  admin_reply answer(const admin_request& x);
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
  std::map<std::string, placement> placements;
  std::map<shard_key, clock::time_point> started; ///< last `start` sent
  group_figures baseline;                         ///< when the plan began
  std::map<std::string, double> seconds_in; ///< by plan state, of the present plan under this coordinator
  unix_time state_since{};
  std::uint64_t revision = 0;
  std::string gateway_url;
  std::uint32_t recommended_shards = 0;
  bool fetching = false;
  clock::time_point next_fetch{};
  clock::time_point next_purge{};
  std::string notice; ///< newest word to the operator
  std::string store_trouble;
  std::string outdated_store;       ///< not empty: nodes run what the store does not know; nothing is ordered
  clock::time_point first_permit{}; ///< none is granted before
};

} // namespace shardyard
