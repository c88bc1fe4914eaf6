// A random world around a bot_switch: groups that number deliveries, a feed that repeats and loses some,
// snapshots that come early or late, bots that are slow, drop their connections and RESUME anywhere. What
// each session must see, the oracle says (stream_oracle.hpp).
#pragma once

#include "tests/bot_session/stream_oracle.hpp"
#include "tests/bot_session/switch_scene.hpp"

#include <deque>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>

namespace shardyard {

struct world_shape {
  std::uint64_t seed = 0;
  std::size_t ring_events = 1u << 20; ///< few: bots are overtaken
  bool holes = false;                 ///< the feed loses deliveries
  bool late_snapshots = false;        ///< deliveries may overtake a snapshot; not with a small ring
  int steps = 150;
};

class bot_world {
public:
  explicit bot_world(const world_shape& shape)
      : shape_(shape), random_(shape.seed), scene_(settings_of(shape)), guilds_(6) {
    for (std::size_t i = 0; i < guilds_.size(); ++i) {
      guilds_[i].id = guild_at(40 + i);
      guilds_[i].n = below(4);
      guilds_[i].joined = below(4) != 0;
    }
    scene_.know_the_bot();
    for (auto i = 2 + below(3); i > 0; --i)
      bots_.emplace_back();
  }

  /// Throws what is wrong.
  void run() {
    for (auto i = 0; i < shape_.steps; ++i)
      step();
    settle();
  }

  // How much happened, so that a test can tell that it tested something.
  std::uint64_t dispatches = 0, resumes = 0, invalids = 0;

private:
  using event = stream_oracle::event;
  using model = stream_oracle::model;

  struct guild {
    snowflake id = 0;
    std::uint64_t n = 0;
    bool joined = false;
  };

  struct bot {
    fake_bot socket;
    bool connected = false;
    std::size_t seen = 0, heard = 0; // of the link's record
    std::uint64_t seq = 0;
    std::optional<model> session;
  };

  struct pending_list {
    fake_cluster::listing request;
    std::optional<std::vector<snowflake>> answer;
  };
  struct pending_fetch {
    std::uint32_t asker;
    std::vector<snowflake> guilds;
    std::optional<std::vector<guild_snapshot>> rows;
    std::string bytes;
  };

  static bot_switch_settings settings_of(const world_shape& shape) {
    bot_switch_settings result;
    result.ring_events = shape.ring_events;
    result.high_water = 200;
    return result;
  }

  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  [[noreturn]] static void fail(const std::string& what) { throw std::runtime_error{what}; }

  // -- the cluster

  void emit(const char* t, guild* in, std::uint32_t asker = 0) {
    event e{t, in ? in->id : 0, 0, 0, R"({"content":"e)" + std::to_string(++events_) + "\"}", asker};
    if (asker != 0) { // has no number of its own, and comes once
      e.n = in->n;
      e.s = events_;
      return feed_.push_back(std::move(e));
    }
    if (in) {
      e.n = ++in->n;
    } else {
      e.channel = 70 + below(2);
      e.n = ++channels_[e.channel];
    }
    history_.push_back(e);
    if (!shape_.holes || below(60) != 0)
      feed_.push_back(std::move(e));
  }

  void emit_something() {
    auto& in = guilds_[below(guilds_.size())];
    switch (below(9)) {
    case 0:
      in.joined = !in.joined;
      return emit(in.joined ? "GUILD_CREATE" : "GUILD_DELETE", &in);
    case 1:
      return emit("INTERACTION_CREATE", &in);
    case 2:
      return emit("PRESENCE_UPDATE", &in);
    case 3:
      return emit("GUILD_UPDATE", &in);
    case 4:
      return emit("MESSAGE_CREATE", nullptr);
    case 5:
      if (auto& who = bots_[below(bots_.size())]; who.session)
        return emit("GUILD_MEMBERS_CHUNK", &in, who.session->asker);
      [[fallthrough]];
    default:
      return emit("MESSAGE_CREATE", &in);
    }
  }

  void feed_some() {
    std::vector<delivered> batch;
    std::vector<event> events;
    if (!history_.empty() && below(5) == 0) { // a feed is opened again
      auto unfed = static_cast<std::size_t>(std::ranges::count(feed_, 0u, &event::asker));
      auto span = std::min<std::size_t>(history_.size() - std::min(unfed, history_.size()), below(20));
      auto first = history_.size() - std::min(unfed, history_.size()) - span;
      for (auto i = first; i < first + span; ++i)
        if (oracle_.known(history_[i]) >= history_[i].n)
          events.push_back(history_[i]);
      for (auto i = answers_.size() - std::min<std::size_t>(answers_.size(), below(5)); i < answers_.size();
           ++i)
        events.push_back(answers_[i]);
    }
    for (auto i = below(8); i > 0 && !feed_.empty(); --i) {
      events.push_back(feed_.front());
      if (feed_.front().asker != 0) {
        answers_.push_back(feed_.front());
        answers_.back().again = true;
      }
      feed_.pop_front();
    }
    for (auto& e : events)
      batch.push_back({e.t, e.guild, e.n, e.d, e.asker, 0, e.channel, 1, e.s});
    for (auto& e : events)
      oracle_.arrive(e, sessions());
    scene_.deliver(batch);
  }

  void capture_answers() {
    for (auto& x : scene_.cluster.lists)
      lists_.push_back({x, {}});
    scene_.cluster.lists.clear();
    for (auto& x : scene_.cluster.fetches)
      fetches_.push_back({x.asker, x.wanted.guilds, {}, {}});
    scene_.cluster.fetches.clear();
    for (auto& x : lists_)
      if (!x.answer && below(2) == 0) {
        x.answer.emplace();
        for (auto& g : guilds_)
          if (g.joined && x.request.which.sees(g.id))
            x.answer->push_back(g.id);
      }
    for (auto& x : fetches_)
      if (!x.rows && below(2) == 0)
        capture(x);
  }

  void capture(pending_fetch& x) {
    x.rows.emplace();
    for (auto id : x.guilds) {
      auto& g = *std::ranges::find(guilds_, id, &guild::id);
      auto d = "{\"snapshot\":" + std::to_string(g.n) + "}";
      x.rows->push_back({id, g.n, g.joined ? static_cast<std::uint32_t>(d.size()) : 0, !g.joined});
      if (g.joined)
        x.bytes += d;
    }
  }

  void answer_some() {
    if (!lists_.empty() && lists_.front().answer) {
      auto x = std::move(lists_.front());
      lists_.pop_front();
      if (auto* m = by_asker(x.request.asker))
        oracle_.listed(*m, *x.answer);
      scene_.subject->guilds_listed(x.request.asker, *x.answer, scene_.now);
    }
    if (!fetches_.empty() && fetches_.front().rows) {
      auto x = std::move(fetches_.front());
      fetches_.pop_front();
      if (!shape_.late_snapshots) {
        x.bytes.clear();
        capture(x);
      }
      if (auto* m = by_asker(x.asker))
        oracle_.fetched(*m, *x.rows, x.bytes);
      scene_.subject->guilds_fetched(x.asker, *x.rows, x.bytes, scene_.now);
    }
  }

  model* by_asker(std::uint32_t asker) {
    for (auto& x : bots_)
      if (x.session && x.session->asker == asker)
        return &*x.session;
    return nullptr;
  }

  std::vector<model*> sessions() {
    std::vector<model*> result;
    for (auto& x : bots_)
      if (x.session)
        result.push_back(&*x.session);
    return result;
  }

  // -- bots

  void identify(bot& who) {
    static constexpr std::array<std::uint64_t, 5> choices{switch_scene::every_intent, 1 | 512, 512 | 4096, 0,
                                                          switch_scene::every_intent & ~std::uint64_t{32768}};
    model m;
    m.intents = choices[below(choices.size())];
    m.filter.count = static_cast<std::uint32_t>(1 + below(3));
    m.filter.id = static_cast<std::uint32_t>(below(m.filter.count));
    capture_answers();
    who.socket.say(2,
                   switch_scene::identify_fields(m.intents, ",\"shard\":[" + std::to_string(m.filter.id) +
                                                                "," + std::to_string(m.filter.count) + "]"));
    m.asker = scene_.cluster.lists.back().asker;
    who.session = std::move(m);
    who.seq = 0;
  }

  void connect(bot& who) {
    who.socket = scene_.connect();
    who.socket.link->slow = below(3) == 0;
    who.connected = true;
    who.seen = who.heard = 0;
  }

  void resume(bot& who) {
    auto& m = *who.session;
    if (below(3) == 0)
      who.seq -= std::min<std::uint64_t>(who.seq, below(6)); // what it had not stored
    connect(who);
    oracle_.expect(m, "RESUMED", R"({"_trace":["[\"shardyard\",{\"micros\":0}]"]})");
    ++resumes;
    who.socket.say(6, R"({"token":"secret","session_id":")" + m.id + R"(","seq":)" + std::to_string(who.seq) +
                          "}");
  }

  void act(bot& who) {
    if (!who.connected) {
      if (who.session && !m_ready(who))
        who.session.reset(); // it never saw READY
      if (who.session && below(8) != 0)
        return resume(who);
      who.session.reset();
      connect(who);
      return identify(who);
    }
    switch (below(10)) {
    case 0:
    case 1:
      who.socket.leave(1006);
      who.connected = false;
      return;
    case 2:
      if (m_ready(who) && !who.session->lost) { // takes its own session over
        auto old = who.socket;
        resume(who);
        if (old.link->closed != 4000)
          fail("the old connection was not closed");
        old.leave(4000);
      }
      return;
    case 3:
      if (below(4) == 0) {
        who.socket.leave(1000);
        who.connected = false;
        who.session.reset();
      }
      return;
    default:
      who.socket.link->slow = below(3) == 0;
      who.socket.link->queued_ = 0;
      return who.socket.events->on_drained();
    }
  }

  static bool m_ready(const bot& who) { return who.session && !who.session->id.empty(); }

  /// Reads what arrived and compares it with the oracle's stream.
  void read(bot& who) {
    if (!who.connected)
      return;
    auto& link = *who.socket.link;
    for (; who.seen < link.got.size(); ++who.seen)
      compare(who, link.got[who.seen]);
    while (who.heard < link.sent.size())
      if (link.sent[who.heard++].find("\"op\":9,") != std::string::npos)
        return invalid(who);
    if (link.closed) {
      who.connected = false;
      who.socket.leave(*link.closed);
    }
  }

  void compare(bot& who, const got_dispatch& x) {
    ++dispatches;
    if (!who.session)
      fail("an event without session");
    auto& m = *who.session;
    if (x.s != who.seq + 1)
      fail("s " + std::to_string(x.s) + " follows " + std::to_string(who.seq));
    if (x.s > m.stream.size())
      fail("nothing is expected at s " + std::to_string(x.s) + ", but " + x.t + x.d + " came");
    auto& [t, d] = m.stream[x.s - 1];
    if (t == "READY" && x.t == t) {
      m.id = switch_scene::session_in(x.d);
      d = x.d;
    }
    if (x.t != t || x.d != d)
      fail("s " + std::to_string(x.s) + ": " + t + d + " expected, " + x.t + x.d + " came");
    who.seq = x.s;
  }

  /// A session may be given up only for a hole, or when the ring may have lost what the bot needs next.
  void invalid(bot& who) {
    ++invalids;
    auto& m = *who.session;
    auto overtaken =
        who.seq < m.arrived.size() && oracle_.deliveries() - m.arrived[who.seq] >= shape_.ring_events;
    if (!m.lost && !overtaken)
      fail("a session without a fault was called invalid");
    if (below(2) == 0)
      return identify(who); // on the same socket
    who.socket.leave(4000);
    who.connected = false;
    who.session.reset();
  }

  void step() {
    for (auto i = below(4); i > 0; --i)
      emit_something();
    feed_some();
    capture_answers();
    answer_some();
    if (below(4) == 0)
      act(bots_[below(bots_.size())]);
    scene_.now += std::chrono::milliseconds{below(20)};
    scene_.subject->tick(scene_.now);
    for (auto& x : bots_)
      read(x);
  }

  /// Everything under way arrives, every bot reads: nothing may be missing then.
  void settle() {
    for (auto i = 0; i < 60; ++i) {
      feed_some();
      capture_answers();
      answer_some();
      for (auto& x : bots_) {
        if (!x.connected)
          act(x);
        x.socket.link->slow = false;
        x.socket.link->queued_ = 0;
        if (x.connected)
          x.socket.events->on_drained();
        read(x);
      }
    }
    for (auto& x : bots_) {
      if (!x.connected || x.session->lost)
        continue;
      if (!x.session->live)
        fail("a session has no READY");
      if (x.seq != x.session->stream.size())
        fail("only " + std::to_string(x.seq) + " of " + std::to_string(x.session->stream.size()) + " came");
      for (auto& [id, v] : x.session->guilds)
        if (!v.open)
          fail("a guild never came");
    }
  }

  world_shape shape_;
  std::mt19937_64 random_;
  switch_scene scene_;
  stream_oracle oracle_;
  std::vector<guild> guilds_;
  std::map<snowflake, std::uint64_t> channels_;
  std::deque<bot> bots_;
  std::vector<event> history_;
  std::deque<event> feed_;
  std::vector<event> answers_; // that were fed
  std::deque<pending_list> lists_;
  std::deque<pending_fetch> fetches_;
  std::uint64_t events_ = 0;
};

} // namespace shardyard
