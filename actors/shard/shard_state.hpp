// The shard actor's state and its parts: session (what the machine wants done), streams (what partitions
// still have to take) and closing. Only the shard_*_actor.cpp files of this room include it.
#pragma once

#include "actors/compat.hpp"
#include "actors/shard/block_split.hpp"
#include "actors/shard/command_queue.hpp"
#include "actors/shard/event_mix.hpp"
#include "actors/shard/link_news.hpp"
#include "actors/shard/news_pace.hpp"
#include "actors/shard/resume_cursor.hpp"
#include "actors/shard/shard_actor.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <unordered_set>

namespace shardyard {

struct shard_state {
  static inline const char* name = "shardyard.shard";
  using clock = std::chrono::steady_clock;

  /// The stream to one partition group, and where it goes at present.
  struct outlet {
    std::uint32_t id = 0; ///< of the group
    std::vector<std::uint32_t> partitions;
    partition_group_actor group; ///< null: not reachable
    outbound_stream stream;
    std::uint64_t number = 0; ///< of the stream; what an older one answers is ignored
    bool told_full = false;
  };
  struct open_link {
    session::link_number number = 0;
    std::unique_ptr<net::gateway_link> link;
  };
  struct draining {
    drain order;
    std::set<std::uint32_t> awaited; ///< groups that have not answered
    std::uint64_t led = 0;
    clock::time_point asked{};
  };

  shard_state(shard_actor::pointer self, shard_setup setup);
  shard_actor::behavior_type make_behavior();

  // -- session: shard_session_actor.cpp

  void feed(const session::input& in);
  void carry_out(const session::action& action);
  void open(const session::connect& x);
  bool may_connect() const;
  void ask_permit(const session::ask_permit& x);
  void give_back(std::uint64_t unused);
  void on_link(link_news& news);
  void on_events(const link_block& x);
  void on_ready(const saw::ready& x);
  void on_closed(session::link_number number, const net::close_reason& reason);
  void note_arrivals(const event_block& block);
  void check_arrivals(clock::time_point now);
  void became_ready();
  void take_command(const upstream_command& x);
  void send_commands();
  net::gateway_link* current_link();

  // -- streams: shard_streams_actor.cpp

  void route(const shard_routes& x);
  bool outlets_fit() const;
  void rebuild_outlets();
  void give_over(stream_item item, const std::vector<bool>& heirs);
  outlet make_outlet(const route_table::group& x);
  void restart(outlet& x);
  void take(const std::shared_ptr<const event_block>& block);
  void mark(mark_kind kind, std::uint64_t s, std::uint64_t plan = 0, std::string reason = {});
  void send_ready_marks(mark_kind kind);
  source_mark make_mark(mark_kind kind) const;
  std::vector<snowflake> guilds_for(std::size_t outlet_index) const;
  void pump(outlet& x);
  std::uint64_t resume_from();
  void acknowledged(const stream_answer& x);
  void recover(outlet& x);
  void ask_again(const std::vector<stream_hole>& holes, std::uint64_t from);
  void watch_room();

  // -- closing and telling: shard_actor.cpp

  void start_drain(const drain& x);
  void drain_answered(const drain_answer& x);
  void close_now();
  void forget_now();
  void start_release();
  void go_on_releasing(clock::time_point at);
  void on_tick();
  void arm(clock::time_point at);
  void changed();
  void counted();
  void arm_news();
  void tell_node(clock::time_point at);
  shard_phase phase() const;
  monotonic now() const { return self->clock().now().time_since_epoch(); }

  shard_actor::pointer self;
  shard_setup setup;
  session::machine machine;
  std::shared_ptr<const route_table> routes;
  std::vector<outlet> outlets;
  std::optional<block_splitter> splitter;
  std::vector<open_link> links; ///< the current one and those that are still closing
  command_queue commands;
  std::size_t handed_over = 0; ///< commands that the connection may not have sent yet
  resume_cursor cursor;
  event_mix mix;
  std::string session_id;
  std::string resume_url;
  std::unordered_set<snowflake> guilds;  ///< of READY, kept current
  std::unordered_set<snowflake> awaited; ///< of READY, not arrived yet
  clock::time_point last_arrival{};
  std::uint64_t ask_base =
      0; ///< random per life, so that the ledger never takes an ask of one life for one of another
  std::uint64_t permit = 0; ///< of the IDENTIFY that awaits its answer
  std::int64_t newest_ms = 0;
  std::int64_t began_ns = 0; ///< when the session was READY, of this host's monotonic clock; 0: elsewhere
  bool live = false;
  bool was_ready = false;
  bool identifying = false;
  bool reading_paused = false;
  bool closed = false;
  bool forgetting = false;
  bool releasing = false; ///< asked to close for a move
  bool released = false;  ///< the socket is closed for it
  clock::time_point release_by{};
  clock::time_point released_at{};
  std::uint64_t streams_made = 0;
  std::optional<session::link_number>
      held_back; ///< a connection not opened: this node may have been replaced
  std::uint64_t outlets_made = 0;
  bool ended = false;
  std::uint64_t unavailable = 0;
  compat::down_watch watch;
  std::optional<draining> drains;
  std::optional<clock::time_point> armed;
  std::set<clock::time_point> ticks_sent; ///< when they are due
  clock::time_point next_probe{};
  news_pace news;
  clock::time_point forget_by{};
  bool session_changed = false;
  bool session_gone = false;
  std::uint64_t events = 0, resumes = 0, identifies = 0;
  std::uint64_t closed_plan = 0;
  std::string text;
};

} // namespace shardyard
