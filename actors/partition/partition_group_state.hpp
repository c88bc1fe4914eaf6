// What an actor of a partition group holds, shared by the files that implement it: partition_group_actor.cpp
// takes messages and puts what the rules decide into effect, partition_group_answers_actor.cpp tells shards,
// sinks and node how far it has come. Not for use outside actors/partition/.
#pragma once

#include "actors/compat.hpp"
#include "actors/partition/delivery_window.hpp"
#include "actors/partition/group_feeds_actor.hpp"
#include "actors/partition/group_log_actor.hpp"
#include "actors/partition/group_sinks_actor.hpp"
#include "actors/partition/partition_group_actor.hpp"

#include <deque>
#include <map>

namespace shardyard {

struct partition_group_state {
  static inline const char* name = "shardyard.partition_group";
  using clock = std::chrono::steady_clock;

  /// To a shard, when the log has what it relies on.
  template <class Answer>
  struct waiting_answer {
    stream_source_actor shard;
    Answer answer;
    std::uint64_t needs = 0;
  };
  struct inbound {
    std::uint64_t term = 0;   ///< of the shard's life
    std::uint64_t number = 0; ///< of the stream, within it
    bool restart_asked = false;
    stream_source_actor shard;
  };

  partition_group_state(local_partition_group_actor::pointer self, partition_group_setup setup,
                        opened_sinks opened, log_writer_actor log, std::unique_ptr<partition_group> group)
      : self(self),
        setup(std::move(setup)),
        sinks(std::move(opened.sinks)),
        again(std::move(opened.again)),
        group(std::move(group)),
        log(self, this->setup, *this->group, std::move(log), [this] { carry_out(); }),
        window(this->setup.max_backlog_bytes),
        feeds(self, watch, this->setup.cache.has_value(), [this] { progressed(); }) {
    durable = !sinks.empty() || this->setup.cache;
    feeds.remember(std::move(opened.recent));
  }

  local_partition_group_actor::behavior_type make_behavior();
  inbound* current(const shard_key& shard, std::uint64_t term, std::uint64_t number);
  inbound* reachable(const shard_key& shard);
  template <class Take>
  void take(const shard_key& shard, std::uint64_t term, std::uint64_t stream, Take f);
  void carry_out() { carry_out(self->clock().now()); }
  void carry_out(clock::time_point at);
  bool a_credit_is_used_up() const;
  bool acknowledges_in_passing(clock::time_point at) const;
  void gather_log();
  void answer_shards();
  void hand_to_sinks();
  void forward_commands();
  void accepted(group_sink& by, const delivery_accepted& x);
  bool take_note();
  void progressed();
  caf::result<feed_opened> open_feed(const feed_request& x, const caf::strong_actor_ptr& sink);
  void follow(const assignment& x);
  void acknowledge(clock::time_point at);
  clock::time_point ack_at_latest() const;
  bool may_deliver() const;
  caf::result<std::string> release();
  void go_on_releasing();
  void tell_node();
  void on_tick();
  void arm(clock::time_point at);
  monotonic now() const { return self->clock().now().time_since_epoch(); }
  /// The mark with its time as of this host, less what it took to come here, which nobody knows.
  source_mark by_our_clock(const stream_mark& x) const {
    auto result = x.mark;
    if (result.began_ns != 0)
      result.began_ns = std::max<std::int64_t>(now().count() - (x.sent_ns - result.began_ns), 1);
    return result;
  }

  local_partition_group_actor::pointer self;
  partition_group_setup setup;
  std::vector<group_sink> sinks;  ///< the same ones for life
  std::vector<event_block> again; ///< for sinks that cannot tell whether they have it
  std::unique_ptr<partition_group> group;
  group_log log;
  std::uint64_t before_delivery = 0; ///< place in the log of the newest record that deliveries wait for
  delivery_window window;
  std::map<shard_key, inbound> streams;
  std::deque<waiting_answer<drain_answer>> drains;
  std::vector<waiting_answer<stream_answer>>
      acks; ///< of one acknowledge(); the next waits until they are out
  std::uint64_t unacknowledged = 0;
  std::uint64_t unacknowledged_bytes = 0; ///< at most: blocks of several groups share their bytes
  bool durable = false; ///< some reader counts on stable delivery numbers, or the cache does: positions are
                        ///< logged before acknowledgement
  std::uint64_t plan = 0;
  clock::time_point next_ack{};
  compat::down_watch watch;
  group_feeds feeds;
  clock::time_point next_news{};
  std::optional<clock::time_point> armed;
  std::vector<caf::typed_response_promise<std::string>> releases; ///< not empty: nothing new is taken
};

} // namespace shardyard
