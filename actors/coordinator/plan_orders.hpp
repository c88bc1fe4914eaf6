// What a step of a plan has others do: the orders that the present state of each unit calls for, and words to
// the operator. Each is given again until its effect is seen, but not before its time; the plan's memory
// knows when it was given last. Changes no state of a unit.
#pragma once

#include "actors/coordinator/observed_shards.hpp"

#include <string>

namespace shardyard {

class plan_orders {
public:
  /// Reads the plan of `result` and adds to its actions and memory.
  plan_orders(plan_step_result& result, const plan_tuning& tuning, unix_time now)
      : plan_{result.plan}, memory_{result.memory}, actions_{result.actions}, tuning_{tuning}, now_{now} {}

  /// What the state of unit `u` calls for.
  void give(std::uint32_t u, const unit_shards& shards);

  /// Once per topic and `remind`: the figures in the text may change from step to step.
  void tell(std::uint32_t u, const std::string& topic, std::string text);

private:
  void start_missing(std::uint32_t u, const observed_shards& coming);
  void transfer(std::uint32_t u, const observed_shards& leaving);
  void tell_exceptions(std::uint32_t u, const observed_shards& leaving);
  void let_calls_go(std::uint32_t u, const observed_shards& side);
  void drain(std::uint32_t u, const unit_shards& shards);
  void go_back(std::uint32_t u, const observed_shards& coming);
  void send(plan_action_kind kind, std::uint32_t u, const shard_key& shard);

  const reshard_plan& plan_;
  plan_memory& memory_;
  std::vector<plan_action>& actions_;
  const plan_tuning& tuning_;
  unix_time now_;
};

} // namespace shardyard
