#include "actors/coordinator/candidate_actor.hpp"

#include "actors/compat.hpp"
#include "actors/coordinator/candidate.hpp"

#include <spdlog/spdlog.h>

#include <random>

namespace shardyard {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr auto beat_of_candidate = milliseconds(50);
constexpr auto beat_of_leader =
    milliseconds(250); ///< there is nothing to look at while a coordinator of ours lives

double random_phase() {
  return static_cast<double>(std::random_device{}() % 1000) / 1000.0;
}

struct candidate_state {
  static inline const char* name = "shardyard.candidate";

  candidate_state(candidate_actor::pointer self, candidate_setup x)
      : self(self), setup(std::move(x)), rules(setup.look_every, random_phase()) {}

  candidate_actor::behavior_type make_behavior() {
    compat::send(self, self, tick{});
    return {[this](tick) {
      if (rules.due(clock::now()))
        campaign();
      // Nobody holds this actor but the message under way, so there always is one.
      compat::send_after(self, rules.leads() ? beat_of_leader : beat_of_candidate, self, tick{});
    }};
  }

  void campaign() {
    try {
      auto result = setup.election->campaign();
      if (auto* won = std::get_if<std::unique_ptr<store>>(&result))
        return begin(std::move(*won));
      auto news = rules.follows(std::get<leader_record>(result), clock::now());
      if (!news || news->node == setup.coordinator.node) // a term of ours that has ended but not run out
        return;
      spdlog::info("the coordinator lives on node {} under epoch {}", news->node, news->epoch);
      compat::send(self, setup.node, leader_news{coordinator_actor{}, news->host, news->port, news->epoch});
    } catch (const store_error& error) {
      if (rules.failed(error.what(), clock::now()))
        spdlog::warn("no campaign at present: {}", error.what());
    }
  }

  void begin(std::shared_ptr<store> rows) {
    rules.won(clock::now());
    auto epoch = rows->epoch();
    local_coordinator_actor coordinator;
    try {
      coordinator = spawn_coordinator(self->system(), setup.coordinator, std::move(rows));
    } catch (const std::exception& error) {
      spdlog::critical("the coordinator cannot begin: {}", error.what());
      rules.ended(clock::now(), true);
      return;
    }
    watch.add(self, coordinator, [this](const caf::error&) {
      rules.ended(clock::now());
      compat::send(self, setup.node, leader_news{});
    });
    compat::send(self, setup.node, leader_news{coordinator, {}, 0, epoch});
  }

  candidate_actor::pointer self;
  candidate_setup setup;
  candidate rules;
  compat::down_watch watch;
};

} // namespace

candidate_actor spawn_candidate(caf::actor_system& system, candidate_setup setup) {
  return system.spawn<candidate_actor::stateful_impl<candidate_state>, caf::detached>(std::move(setup));
}

} // namespace shardyard
