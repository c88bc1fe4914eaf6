// A world of one guild for tests of its hand-over: a true history, sessions that carry it with delays and
// faults, the replay filter that the partition has in production, and the comparison of what was delivered
// with the truth.
#pragma once

#include "actors/partition/guild_handover.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace shardyard {

using milliseconds_t = std::int64_t;
inline constexpr milliseconds_t world_epoch_ms = 1'700'000'000'000;

inline snowflake snowflake_at(milliseconds_t t, unsigned serial = 0) {
  return (static_cast<snowflake>(world_epoch_ms + t - discord_epoch_ms) << 22) | serial;
}
inline monotonic at_ms(milliseconds_t t) {
  return std::chrono::milliseconds(t + 1'000'000);
}

/// Something that happened in the guild. `value` is the snowflake of an anchor or the content of a plain
/// event.
struct occurrence {
  milliseconds_t time = 0;
  bool anchor = false;
  std::uint64_t value = 0;
  auto identity() const { return std::pair{anchor, value}; }
};

/// Keeps what was delivered, as indices of occurrences.
class recording_port : public handover_port {
public:
  struct delivery {
    std::uint32_t index;
    side from;
    bool late;
  };

  explicit recording_port(const std::vector<occurrence>& history) : history_{history} {}
  void deliver(const lane_event& event, side from, bool late) override {
    if (event.index == lane_event::mark_only)
      throw std::logic_error{"delivered an event of which only the mark was kept"};
    deliveries.push_back({event.index, from, late});
  }
  void cut(const cut_record& record) override {
    cuts.push_back(record.kind);
    weak = weak || record.weak;
  }
  std::uint64_t content_hash(const lane_event& event) override { return history_[event.index].value; }

  std::vector<delivery> deliveries;
  std::vector<cut_kind> cuts;
  bool weak = false;

private:
  const std::vector<occurrence>& history_;
};

/// Chances and sizes of one family of histories.
struct world_options {
  double anchors = .3;        ///< share of anchors
  double twins = 0;           ///< share of anchors whose id repeats one of the last four
  std::uint64_t contents = 5; ///< number of different plain payloads
  double events_per_second = 2;
  double missing_first = 0; ///< share of events that the first side never carries
  double missing_second = 0;
  double inversions = 0; ///< share of adjacent pairs that the second side carries in the other order
  double drop = 0;       ///< the first side loses its socket for 1 to 30 s and resumes with a replay
  double freeze = 0;     ///< per side: connected but silent for 1 to 30 s
  double reidentify_first = 0;
  double reidentify_second = 0;
  double turn_back = 0;      ///< the plan is aborted at some time, and perhaps turned again
  double late_transfer = .5; ///< cutting is allowed only some time after the second side came
  bool replay_filter = true;
  bool flush_times = true; ///< views carry flushed_at
  handover_tuning tuning;
};

/// What one history came to.
struct outcome {
  std::size_t events = 0, lost = 0, doubled = 0;
  std::size_t lost_though_received = 0; ///< a session had shown it to the hand-over
  bool reordered = false;
  bool payloads_repeat = false;
  bool gap = false;  ///< a lead was lost that nobody followed
  bool weak = false; ///< a change of lead said that it is not sure
  bool where_wanted = false;
  bool left_over = false; ///< memory or held events after the end
  std::vector<cut_kind> cuts;
  handover_counters counters;

  /// A lead without follower leaves a gap, told by the partition; what was received besides must be exact or
  /// counted.
  bool exact() const {
    return (gap ? !loses_silently() : lost == 0) && doubled == 0 && !reordered && counters.late == 0;
  }
  /// In a gap an equal payload of before hides what a dead session had shown last, so only unlike payloads
  /// are counted there.
  bool loses_silently() const {
    return lost_though_received > counters.unverifiable + counters.skipped && !(gap && payloads_repeat);
  }
  /// Losses and doubles that no counter speaks of.
  bool silent() const {
    auto& c = counters;
    return loses_silently() || (doubled > 0 && !weak && c.late + c.lead_only + c.inversions == 0);
  }
  /// More doubles than all counters together speak of.
  bool uncounted() const {
    auto& c = counters;
    return !weak && doubled > c.late + c.lead_only + c.inversions + c.unverifiable;
  }
  std::string text() const {
    std::ostringstream out;
    out << "lost " << lost << " (received " << lost_though_received << ") doubled " << doubled
        << " re-ordered " << reordered << " late " << counters.late << " lead only " << counters.lead_only
        << " unverifiable " << counters.unverifiable << " inversions " << counters.inversions << " skipped "
        << counters.skipped << " gap " << gap << " weak " << weak << " left over " << left_over << " cuts";
    for (auto kind : cuts)
      out << ' ' << static_cast<int>(kind);
    return out.str();
  }
};

class guild_world {
public:
  guild_world(const world_options& options, std::uint64_t seed) : o_{options}, random_{seed} {}

  outcome run() {
    make_history();
    make_first();
    make_second();
    make_plan();
    end_ += 150'000;
    std::stable_sort(feed_.begin(), feed_.end(), [](auto& a, auto& b) { return a.time < b.time; });
    recording_port port{history_};
    port_ = &port;
    handover_.opened(side::first, views(), o_.tuning, at_ms(0), port, result_.counters);
    state(side::first).covers = true;
    state(side::first).view.connected = true;
    milliseconds_t now = 0;
    for (auto& item : feed_) {
      for (; now <= item.time; now += 200)
        handover_.tick(views(), o_.tuning, at_ms(now), port, result_.counters);
      apply(item);
    }
    for (; now <= end_; now += 200)
      handover_.tick(views(), o_.tuning, at_ms(now), port, result_.counters);
    finish();
    return result_;
  }

private:
  enum class what { snapshot, event, heartbeat, answer, down, up, dead, wish };
  struct item {
    milliseconds_t time;
    what kind;
    side from;
    int session;
    std::uint64_t s = 0;
    std::uint32_t index = 0;
    milliseconds_t newest = 0;
    side wanted = side::first;
  };
  struct side_state {
    source_view view;
    int session = -1;
    bool covers = false;
    std::uint64_t received = 0;
    std::map<std::uint64_t, std::pair<std::uint64_t, milliseconds_t>> sent; // heartbeat -> (newest s, time)
  };
  struct span_of_time {
    milliseconds_t from, to;
  };

  double uniform(double a, double b) { return std::uniform_real_distribution<>(a, b)(random_); }
  milliseconds_t uniform_ms(milliseconds_t a, milliseconds_t b) {
    return std::uniform_int_distribution<milliseconds_t>(a, b)(random_);
  }
  bool chance(double p) { return p > 0 && uniform(0, 1) < p; }
  side_state& state(side x) { return sides_[static_cast<int>(x)]; }
  source_views views() {
    auto view = [&](side x) { return state(x).session < 0 && x == side::second ? nullptr : &state(x).view; };
    return {view(side::first), view(side::second)};
  }

  void make_history() {
    auto count = uniform_ms(20, 90);
    double t = 0;
    std::vector<occurrence> anchors;
    for (milliseconds_t i = 0; i < count; ++i) {
      t += chance(.9) ? std::exponential_distribution<>(o_.events_per_second)(random_) : uniform(3, 9);
      auto time = static_cast<milliseconds_t>(t * 1000);
      occurrence x{time, chance(o_.anchors), 0};
      if (!x.anchor)
        x.value = 1 + random_() % o_.contents;
      else if (!anchors.empty() && chance(o_.twins))
        x.value = anchors[anchors.size() - 1 - random_() % std::min<std::size_t>(4, anchors.size())].value;
      else
        anchors.push_back(x = {time, true, snowflake_at(time, static_cast<unsigned>(i))});
      history_.push_back(x);
    }
    end_ = history_.back().time;
    received_.resize(history_.size());
  }

  /// One session: everything from `start` on, in order, each after its delay; what would come from `stop` on
  /// never comes.
  void make_session(side from, milliseconds_t start, milliseconds_t stop, milliseconds_t delay,
                    double missing, double inversions, const std::vector<span_of_time>& frozen,
                    std::optional<span_of_time> dropped) {
    auto session = ++sessions_;
    auto arrives = [&, last = start](milliseconds_t t) mutable {
      t = std::max(last, t);
      for (auto& window : frozen) {
        if (t >= window.from && t < window.to)
          t = window.to;
      }
      if (dropped && t >= dropped->from && t < dropped->to)
        t = dropped->to;
      return last = t;
    };
    auto alive = [&](milliseconds_t t) { return t < stop; };
    auto connected = [&](milliseconds_t t) { return !dropped || t < dropped->from || t >= dropped->to; };
    std::vector<item> items;
    auto newest = start - uniform_ms(0, 1000);
    for (auto& x : history_) {
      if (x.time < start && x.anchor)
        newest = std::max(newest, created_ms(x.value) - world_epoch_ms);
    }
    items.push_back({arrives(start), what::snapshot, from, session, 0, 0, newest});
    std::vector<std::uint32_t> carried;
    for (std::uint32_t i = 0; i < history_.size(); ++i) {
      if (history_[i].time >= start && !chance(missing))
        carried.push_back(i);
    }
    std::vector<milliseconds_t> times;
    for (auto i : carried)
      times.push_back(history_[i].time);
    for (std::size_t i = 0; i + 1 < carried.size(); ++i) {
      if (chance(inversions))
        std::swap(carried[i], carried[i + 1]);
    }
    std::uint64_t s = 0;
    std::size_t next = 0;
    auto event = [&] {
      auto time = arrives(times[next] + uniform_ms(0, delay));
      items.push_back({time, what::event, from, session, ++s, carried[next++]});
    };
    for (auto beat = start + uniform_ms(0, 5000); beat < end_ + 150'000; beat += 5000) {
      for (; next < carried.size() && times[next] <= beat;)
        event();
      if (!connected(beat) || !alive(beat))
        continue;
      feed_.push_back({beat, what::heartbeat, from, session, static_cast<std::uint64_t>(beat)});
      auto answer = arrives(beat + 20);
      if (!dropped || beat >= dropped->to || answer < dropped->from)
        items.push_back({answer, what::answer, from, session, static_cast<std::uint64_t>(beat)});
    }
    while (next < carried.size())
      event();
    if (dropped && alive(dropped->to)) {
      // RESUME from an older cursor: up to five events that came before the drop come again.
      auto first_after = std::ranges::find_if(items, [&](auto& x) { return x.time >= dropped->to; });
      std::vector<item> replay;
      for (auto i = first_after; i != items.begin() && replay.size() < 5;) {
        --i;
        if (i->kind == what::event)
          replay.insert(replay.begin(), *i);
      }
      for (auto& x : replay)
        x.time = dropped->to;
      feed_.push_back({dropped->from, what::down, from, session});
      replay.insert(replay.begin(), {dropped->to, what::up, from, session});
      items.insert(first_after, replay.begin(), replay.end());
    }
    for (auto& x : items) {
      if (alive(x.time))
        feed_.push_back(x);
    }
    if (stop < forever)
      feed_.push_back({stop, what::dead, from, session});
  }

  std::vector<span_of_time> freezes() {
    if (!chance(o_.freeze))
      return {};
    auto from = uniform_ms(0, end_);
    return {{from, from + uniform_ms(1000, 30'000)}};
  }

  void make_side(side from, milliseconds_t start, milliseconds_t delay, double missing, double inversions,
                 double dies, double drops, milliseconds_t shortest, milliseconds_t longest) {
    for (;;) {
      auto stop = chance(dies) ? std::max<milliseconds_t>(start, 0) + uniform_ms(shortest, longest) : forever;
      std::optional<span_of_time> dropped;
      if (chance(drops)) {
        auto down = uniform_ms(std::max<milliseconds_t>(start, 0), std::max(start, end_) + 1000);
        auto up = down + uniform_ms(1000, 30'000);
        if (up < stop)
          dropped = {down, up};
      }
      make_session(from, start, stop, delay, missing, inversions, freezes(), dropped);
      if (stop == forever)
        return;
      start = stop + uniform_ms(200, 3000);
    }
  }

  milliseconds_t one_of(std::initializer_list<milliseconds_t> values) {
    return values.begin()[random_() % values.size()];
  }

  void make_first() {
    make_side(side::first, -1, one_of({20, 200, 1500}), o_.missing_first, 0, o_.reidentify_first, o_.drop,
              5000, 60'000);
  }
  void make_second() {
    second_start_ = uniform_ms(0, end_ * 7 / 10);
    make_side(side::second, second_start_, one_of({20, 100, 300}), o_.missing_second, o_.inversions,
              o_.reidentify_second, 0, 500, 20'000);
  }

  void make_plan() {
    auto wish = [&](milliseconds_t time, side wanted) {
      wanted_ = wanted;
      feed_.push_back({time, what::wish, wanted, 0, 0, 0, 0, wanted});
    };
    auto time = chance(o_.late_transfer) ? second_start_ + uniform_ms(0, 15'000) : 0;
    wish(time, side::second);
    while (chance(o_.turn_back))
      wish(time += uniform_ms(1000, 40'000), other(wanted_));
    end_ = std::max(end_, time);
  }

  void apply(const item& x) {
    auto now = at_ms(x.time);
    auto& port = *port_;
    auto& counters = result_.counters;
    if (x.kind == what::wish) {
      handover_.allow_cut(handover_.lead() != x.wanted);
      return;
    }
    auto& at = state(x.from);
    if (x.kind == what::snapshot) {
      at = {};
      at.session = x.session;
      at.covers = true;
      at.view.connected = true;
      at.view.flushed_at = monotonic{o_.flush_times};
      at.view.newest_ms = world_epoch_ms + x.newest;
      handover_.opened(x.from, views(), o_.tuning, now, port, counters);
      return;
    }
    if (x.session != at.session)
      return;
    switch (x.kind) {
    case what::event:
      event(x, at, now);
      break;
    case what::heartbeat:
      at.sent[x.s] = {at.received, x.time};
      break;
    case what::answer:
      at.view.flushed_s = at.sent[x.s].first;
      if (o_.flush_times)
        at.view.flushed_at = at_ms(at.sent[x.s].second);
      break;
    case what::down:
      at.view.connected = false;
      break;
    case what::up:
      at.view.connected = true;
      break;
    case what::dead:
      at.view.connected = false;
      at.session = -1;
      if (!handover_.lost(x.from, views(), o_.tuning, now, port, counters))
        result_.gap = true;
      break;
    case what::snapshot:
    case what::wish:
      break;
    }
  }

  void event(const item& x, side_state& at, monotonic now) {
    if (o_.replay_filter && x.s <= at.received)
      return;
    at.received = std::max(at.received, x.s);
    received_[x.index] = true;
    auto& happened = history_[x.index];
    lane_event e;
    e.lane = happened.anchor ? lane::anchor : lane::plain;
    e.type = happened.anchor ? 1 : 2;
    e.key = happened.anchor ? happened.value : 0;
    e.s = x.s;
    e.index = x.index;
    if (happened.anchor)
      at.view.newest_ms = std::max(at.view.newest_ms, created_ms(happened.value));
    handover_.event(x.from, e, views(), o_.tuning, now, *port_, result_.counters);
  }

  // Twins are interchangeable, so identities are compared, not places.
  void finish() {
    result_.events = history_.size();
    result_.payloads_repeat = o_.contents < 1000 || o_.twins > 0;
    result_.where_wanted = handover_.lead() == wanted_;
    std::map<std::pair<bool, std::uint64_t>, long> balance;
    std::map<std::pair<bool, std::uint64_t>, long> received;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      ++balance[history_[i].identity()];
      received[history_[i].identity()] += received_[i];
    }
    auto place = history_.begin();
    for (auto& x : port_->deliveries) {
      auto identity = history_[x.index].identity();
      --balance[identity];
      --received[identity];
      if (x.late || result_.reordered)
        continue;
      place = std::find_if(place, history_.end(), [&](auto& y) { return y.identity() == identity; });
      result_.reordered = place == history_.end();
      if (!result_.reordered)
        ++place;
    }
    for (auto& [identity, count] : balance)
      (count > 0 ? result_.lost : result_.doubled) += static_cast<std::size_t>(std::abs(count));
    for (auto& [identity, count] : received)
      result_.lost_though_received += static_cast<std::size_t>(std::max(count, 0l));
    result_.cuts = port_->cuts;
    result_.weak = port_->weak;
    if (result_.where_wanted) {
      handover_.retire(other(wanted_), result_.counters);
      handover_.tick(views(), o_.tuning, at_ms(end_ + 300), *port_, result_.counters);
      result_.left_over = handover_.bytes() != 0 && !result_.gap;
    }
  }

  static constexpr milliseconds_t forever = 1'000'000'000;

  world_options o_;
  std::mt19937_64 random_;
  std::vector<occurrence> history_;
  std::vector<bool> received_;
  std::vector<item> feed_;
  side_state sides_[2];
  int sessions_ = -1;
  milliseconds_t end_ = 0;
  milliseconds_t second_start_ = 0;
  side wanted_ = side::first;
  guild_handover handover_;
  recording_port* port_ = nullptr;
  outcome result_;
};

/// SHARDYARD_SEED, or a fixed seed.
inline std::uint64_t first_seed() {
  auto text = std::getenv("SHARDYARD_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 1;
}

} // namespace shardyard
