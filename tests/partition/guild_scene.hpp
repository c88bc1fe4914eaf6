// One guild in the hands of a test: two sessions that show what the test says, when it says so. Tests of the
// hand-over read as scenes of it; for histories at random see guild_handover_world.hpp.
#pragma once

#include "actors/partition/guild_handover.hpp"
#include "tests/partition/guild_handover_world.hpp"

#include <gtest/gtest.h>

namespace shardyard {

using namespace std::chrono_literals;
inline constexpr auto old_session = side::first;
inline constexpr auto new_session = side::second;

/// One guild, led by the old session since long ago. `told` reads as what a consumer would see: "m5" a
/// message made at second 5, "p3" the plain payload 3, "p3~" late, "|anchor>" a cut.
class guild : public ::testing::Test, public handover_port {
protected:
  guild() {
    for (auto* view : {&old_view, &new_view}) {
      view->connected = true;
      view->newest_ms = world_epoch_ms;
    }
    handover.opened(old_session, views(), tuning, now, *this, counters);
  }

  void deliver(const lane_event& event, side, bool late) override {
    ASSERT_NE(event.index, lane_event::mark_only);
    if (event.block)
      delivered_d = event.block->data(event.block->entries[event.index]);
    told += event.lane == lane::anchor ? "m" + std::to_string((created_ms(event.key) - world_epoch_ms) / 1000)
                                       : "p" + std::to_string(event.index);
    told += late ? "~ " : " ";
  }
  void cut(const cut_record& record) override {
    static constexpr const char* names[] = {"anchor", "quiet", "accepted", "swap_back"};
    told += std::string{"|"} + names[static_cast<int>(record.kind)] + "> ";
    weak = record.weak;
    why = record.why;
  }
  std::uint64_t content_hash(const lane_event& event) override {
    ++hashes;
    return 1000 + event.index;
  }

  void held(monotonic delay) override { delays.push_back(delay / 1ms); }

  source_views views() { return {&old_view, &new_view}; }

  void message(side from, int second) {
    lane_event e;
    e.lane = lane::anchor;
    e.type = 1;
    e.key = snowflake_at(second * 1000);
    send(from, e);
  }
  void plain(side from, std::uint32_t payload) {
    lane_event e;
    e.type = 2;
    e.index = payload;
    send(from, e);
  }
  std::weak_ptr<const event_block> plain_in_great_block(side from) {
    auto block = std::make_shared<event_block>();
    block->bytes = std::make_shared<const std::string>("waits" + std::string(100'000, ' '));
    block->entries.resize(30);
    block->entries[0].d_size = 5;
    lane_event e;
    e.type = 2;
    e.block = block;
    send(from, e);
    return block;
  }
  void send(side from, lane_event e) {
    auto& view = from == old_session ? old_view : new_view;
    e.s = ++s[static_cast<int>(from)];
    if (e.lane == lane::anchor)
      view.newest_ms = std::max(view.newest_ms, created_ms(e.key));
    handover.event(from, e, views(), tuning, now, *this, counters);
  }
  void new_session_shows_the_guild() { handover.opened(new_session, views(), tuning, now, *this, counters); }
  bool lost(side from) { return handover.lost(from, views(), tuning, now, *this, counters); }

  /// Time passes in small ticks; live sockets answer heartbeats.
  void pass(monotonic time) {
    for (auto end = now + time; now < end;) {
      now += 50ms;
      flush(old_session);
      flush(new_session);
      handover.tick(views(), tuning, now, *this, counters);
    }
  }
  void flush(side x) {
    auto& view = x == old_session ? old_view : new_view;
    if (!view.connected || stalled[static_cast<int>(x)])
      return;
    view.flushed_s = s[static_cast<int>(x)];
    view.flushed_at = now;
  }

  /// Both sessions show message `second`: the lead is cut there.
  void cut_at(int second) {
    handover.allow_cut(true);
    auto lead = handover.lead();
    message(lead, second);
    message(other(lead), second);
    ASSERT_EQ(handover.lead(), other(lead));
    told.clear();
  }

  source_view old_view, new_view;
  std::uint64_t s[2] = {0, 0};
  bool stalled[2] = {false, false};
  handover_tuning tuning;
  handover_counters counters;
  monotonic now = 1h;
  guild_handover handover;
  std::string told;
  std::string delivered_d; ///< payload of the newest delivery that had one
  bool weak = false;
  quiet_reason why = quiet_reason::none; ///< of the newest cut
  int hashes = 0;
  std::vector<std::int64_t> delays; ///< of held events, ms
};

} // namespace shardyard
