// One random life of a group: two topologies of any size, stalls, RESUMEs with replay, re-identifies, aborts,
// and the node dying at any place between log, sink and acknowledgement.
#pragma once

#include "tests/partition/life_verdict.hpp"

namespace shardyard::testing {

struct session_run {
  test_shard shard;
  int number = 0;
  monotonic lag{}, arrived{}, stalled_until{}, started{};
  bool up = false, covering = false;
  std::uint64_t heartbeat_s = 0;
  std::deque<std::pair<monotonic, std::size_t>> coming; ///< arrival, occurrence
  std::vector<made_event> history;                      ///< by s, for replays; [0] is s = 2
};

class random_life {
public:
  random_life(std::uint64_t seed, life kind) : dice_{std::mt19937_64{seed}}, kind_(kind) {
    w_.settings.tuning.quiet = 2s;
    w_.settings.tuning.hold = 200ms;
    w_.settings.tuning.freshness_ms = 500;
    w_.settings.tuning.unclear_quiet = 3;
    w_.settings.cache = cache_policy{};
    w_.restart();
  }
  random_life(const random_life&) = delete;
  random_life& operator=(const random_life&) = delete;

  void run() {
    history_.make(w_.now);
    for (std::uint32_t i = 0; i < old_count_; ++i)
      identify(old_.emplace_back(), {1, i, old_count_});
    for (std::uint32_t i = 0; i < new_count_; ++i) {
      new_.emplace_back();
      new_start_.push_back(w_.now + 3s + dice_.pick_time(4s));
    }
    auto begin = w_.now;
    auto transfer_at = begin + 8s + dice_.pick_time(2s);
    auto abort_at = kind_.aborts ? begin + 10s + dice_.pick_time(10s) : monotonic::max();
    auto busy_until = begin + 32s;
    auto end = begin + 32s + 40s;
    auto goal = kind_.aborts ? 1 : 2;
    bool transferred = false, aborted = false;
    for (; w_.now < end; w_.now += 20ms) {
      deal();
      for (std::uint32_t i = 0; i < new_count_; ++i)
        if (new_start_[i] != monotonic::max() && w_.now >= new_start_[i]) {
          identify(new_[i], {2, i, new_count_});
          new_start_[i] = monotonic::max();
        }
      for (auto& x : old_)
        if (!x.up && w_.now >= x.started)
          identify(x, x.shard.key);
      if (!transferred && w_.now >= transfer_at) {
        transferred = true;
        for (auto& x : old_)
          w_.mark(x.shard, mark_kind::transfer);
      }
      if (!aborted && w_.now >= abort_at) {
        aborted = true;
        for (auto& x : new_)
          w_.mark(x.shard, mark_kind::retract);
      }
      if (w_.now < busy_until)
        trouble();
      if (!w_.group && w_.now >= back_at_) {
        come_back();
        // The coordinator sees in the report what the restarted node does not know, and says it again.
        for (auto& x : aborted ? new_ : old_)
          if (transferred && x.number != 0)
            w_.mark(x.shard, aborted ? mark_kind::retract : mark_kind::transfer);
      }
      if (w_.group) {
        w_.group->tick(w_.now);
        w_.settle();
        if (dice_.chance(.2))
          w_.group->checkpoint(w_.now);
      }
    }
    if (!w_.group)
      come_back();
    w_.sink_stalled = false;
    w_.settle();
    finish(goal);
  }

  /// Empty when every promise held.
  const std::string& verdict() const { return verdict_.text(); }
  std::size_t cuts() const { return w_.count("SHARDYARD_CUT"); }
  std::size_t crashes() const { return crashes_; }
  std::size_t gaps() const { return verdict_.gaps(); }
  std::size_t told_from_snapshots() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        w_.lines, [](auto& x) { return x.t != "GUILD_CREATE" && (x.flags & snapshot_flag) != 0; }));
  }

private:
  bool carries(const shard_key& key, const made_event& x) const {
    return x.guild == 0 ? key.id == 0 : shard_of(x.guild, key.count) == key.id;
  }

  void identify(session_run& x, shard_key key) {
    x.number = ++sessions_;
    x.lag = dice_.pick_time(300ms);
    x.started = w_.now;
    x.coming.clear();
    x.history.clear();
    x.up = true;
    x.shard.key = key;
    std::vector<snowflake> mine;
    for (auto guild : history_.guilds())
      if (shard_of(guild, key.count) == key.id)
        mine.push_back(guild);
    w_.restart_session(x.shard, "S" + std::to_string(x.number), mine);
    x.arrived = w_.now;
    std::vector<made_event> creates;
    for (auto guild : mine)
      creates.push_back({"GUILD_CREATE", guild, 0, history_.snapshot_of(guild, w_.now)});
    if (!creates.empty())
      w_.send(x.shard, creates);
    x.history = creates;
    x.heartbeat_s = x.shard.s;
    for (auto& event : history_.all()) {
      if (event.at < w_.now || !carries(key, event.event))
        continue;
      x.arrived = std::max(x.arrived, event.at + x.lag + dice_.pick_time(150ms));
      x.coming.push_back({x.arrived, event.id});
    }
  }

  // What arrives now, in blocks of several events, and heartbeats once a second.
  void deal() {
    for (auto* side : {&old_, &new_})
      for (auto& x : *side) {
        if (!x.up || w_.now < x.stalled_until)
          continue;
        std::vector<made_event> block;
        while (!x.coming.empty() && x.coming.front().first <= w_.now) {
          auto id = x.coming.front().second;
          carried_[{x.shard.session, x.shard.s + block.size() + 1}] = id;
          block.push_back(history_.event(id));
          x.coming.pop_front();
        }
        x.history.insert(x.history.end(), block.begin(), block.end());
        if (!block.empty())
          w_.send(x.shard, block);
        if ((w_.now / 20ms + x.number) % 50 == 0) {
          auto mark = w_.mark_of(x.shard, mark_kind::flushed);
          mark.s = std::exchange(x.heartbeat_s, x.shard.s);
          w_.push(x.shard, mark);
        }
      }
  }

  session_run& any(std::deque<session_run>& x) { return x[dice_.pick(x.size())]; }

  void trouble() {
    if (dice_.chance(.002)) {
      auto& x = any(dice_.chance(.5) ? old_ : new_);
      x.stalled_until = w_.now + dice_.pick_time(5s);
    }
    if (dice_.chance(.003)) {
      auto& x = any(dice_.chance(.5) ? old_ : new_);
      if (x.up && !x.history.empty()) {
        w_.mark(x.shard, mark_kind::disconnected);
        auto back = std::min<std::size_t>(x.history.size(), 1 + dice_.pick(10));
        auto first = x.history.size() - back;
        w_.replay(x.shard, first + 2,
                  {x.history.begin() + static_cast<std::ptrdiff_t>(first), x.history.end()});
        w_.mark(x.shard, mark_kind::connected);
      }
    }
    if (kind_.reidentifies && dice_.chance(.001)) {
      auto& x = any(new_);
      auto harmless = kind_.lead_dies || w_.now < lead_moves_at();
      if (x.up && harmless) {
        w_.mark(x.shard, mark_kind::lost);
        x.up = false;
        new_start_[x.shard.key.id] = w_.now + dice_.pick_time(2s);
      }
    }
    if (kind_.gaps && dice_.chance(.003)) {
      auto old = dice_.chance(.5);
      auto& x = any(old ? old_ : new_);
      if (x.up) {
        w_.mark(x.shard, mark_kind::lost);
        x.up = false;
        auto back = w_.now + dice_.pick_time(2s);
        if (old)
          x.started = back;
        else
          new_start_[x.shard.key.id] = back;
      }
    }
    if (!kind_.crashes)
      return;
    if (w_.group && !w_.sink_stalled && dice_.chance(.003))
      w_.sink_stalled = true;
    else if (w_.group && w_.sink_stalled && dice_.chance(.03))
      w_.sink_stalled = false;
    if (w_.group && dice_.chance(w_.sink_stalled ? .02 : .001))
      die();
  }

  monotonic lead_moves_at() const { return 1008s; }

  // Somewhere between the log and the sink: a part of the lines is written.
  void die() {
    ++crashes_;
    w_.write_lines(dice_.pick(w_.waiting_lines() + 1));
    w_.waiting.clear();
    w_.crash();
    w_.sink_stalled = false;
    back_at_ = w_.now + dice_.pick_time(1s);
  }

  void come_back() {
    w_.restart();
    std::vector<session_run*> all;
    for (auto* side : {&old_, &new_})
      for (auto& x : *side)
        if (x.number != 0)
          all.push_back(&x);
    std::ranges::shuffle(all, dice_.engine);
    for (auto* x : all)
      w_.resync(x->shard);
    for (auto* x : all)
      w_.take_acks(x->shard);
  }

  void finish(int goal) {
    auto& leave = goal == 2 ? old_ : new_;
    std::uint64_t led = 0;
    for (auto& x : leave)
      w_.mark(x.shard, mark_kind::drain);
    std::size_t answered = 0;
    for (int i = 0; i < 500 && answered < leave.size(); ++i) {
      for (auto& x : w_.group->drain_answers()) {
        led += x.led;
        ++answered;
      }
      if (answered < leave.size())
        w_.pass(50ms);
    }
    if (answered < leave.size())
      verdict_.fail("a drain was never answered");
    if (led != 0 && !kind_.gaps)
      verdict_.fail(std::to_string(led) + " guilds still led by the shards that leave");
    for (auto& x : leave)
      w_.mark(x.shard, mark_kind::closed);
    auto report = w_.group->report(w_.now);
    if (report.breaches != 0)
      verdict_.fail("an invariant is broken");
    for (auto* side : {&old_, &new_})
      for (auto& x : *side)
        if (w_.take_acks(x.shard); !x.shard.unacked.empty())
          verdict_.fail("something stays unacknowledged at " + to_string(x.shard.key));
    verdict_.check_lines(carried_);
    verdict_.check_caches();
  }

  life_dice dice_;
  life kind_;
  group_world w_{4};
  std::uint32_t old_count_ = static_cast<std::uint32_t>(1 + dice_.pick(4));
  std::uint32_t new_count_ = static_cast<std::uint32_t>(1 + dice_.pick(4));
  life_history history_{dice_, kind_};
  life_verdict verdict_{w_, history_, kind_};
  int sessions_ = 0;
  std::deque<session_run> old_, new_;
  std::vector<monotonic> new_start_;
  carried_events carried_;
  monotonic back_at_{};
  std::size_t crashes_ = 0;
};

} // namespace shardyard::testing
