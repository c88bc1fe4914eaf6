// Drives a session machine in a test: keeps virtual time, remembers the last actions, and checks with every
// step what must hold whatever happens.
#pragma once

#include "actors/shard/session_machine.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>

namespace shardyard::session {

using namespace std::chrono_literals;

class driver {
public:
  explicit driver(std::uint64_t seed = 1, session::tuning tuning = {}) : machine_(tuning, seed) {}

  actions feed(const input& in) {
    note(in);
    auto was_stopped = std::holds_alternative<stopped>(machine_.current());
    last_ = machine_.next(in, now_);
    EXPECT_TRUE(last_.empty() || !was_stopped) << "acted after stop";
    for (auto& x : last_)
      std::visit([this](const auto& action) { check(action); }, x);
    return last_;
  }

  /// Lets time pass to the machine's next deadline and sends the timer.
  actions expire() {
    if (auto at = machine_.deadline())
      now_ = std::max(now_, *at);
    return feed(timer{});
  }

  void pass(monotonic time) { now_ += time; }

  template <class Action>
  const Action* did() const {
    for (auto& x : last_)
      if (auto* found = std::get_if<Action>(&x))
        return found;
    return nullptr;
  }

  template <class State>
  const State* in() const {
    return std::get_if<State>(&machine_.current());
  }

  void grant(std::uint64_t permit) { feed(permit_granted{last_ask_, permit, 10s}); }
  link_number link() const { return last_link_; }
  std::uint64_t last_ask() const { return last_ask_; }
  monotonic now() const { return now_; }
  const machine& under_test() const { return machine_; }

  /// A first session by IDENTIFY.
  void go_live(std::string session_id = "s1", std::string url = "wss://resume") {
    feed(start{});
    grant(1);
    feed(hello{link(), 0});
    feed(ready{link(), std::move(session_id), std::move(url)});
    ASSERT_TRUE(in<live>());
    pass(1min);
  }

private:
  void note(const input& in) {
    if (auto* x = std::get_if<start>(&in);
        x && x->session && std::holds_alternative<idle>(machine_.current()))
      session_ = x->session->session_id;
    if (auto* x = std::get_if<ready>(&in))
      offered_ = x->session_id;
    may_lose_ = false;
    if (auto* x = std::get_if<invalid_session>(&in))
      may_lose_ = !x->resumable;
    if (auto* x = std::get_if<closed>(&in))
      may_lose_ = x->reaction != reaction::resume;
    if (auto* x = std::get_if<connect_failed>(&in))
      may_lose_ = x->fatal;
    if (auto* x = std::get_if<permit_granted>(&in))
      granted_[x->permit] =
          asked_.contains(x->ask) ? asked_[x->ask] + std::min<monotonic>(x->valid_for, 10s) : monotonic{};
  }

  void check(const ask_permit& x) {
    EXPECT_FALSE(session_) << "asked for a permit while a session exists";
    asked_[x.ask] = now_;
    last_ask_ = x.ask;
  }
  void check(const connect& x) {
    EXPECT_FALSE(open_) << "a second connection";
    open_ = x.link;
    last_link_ = x.link;
  }
  void check(const identify& x) {
    EXPECT_EQ(open_, x.link);
    EXPECT_FALSE(session_) << "IDENTIFY while a session could be resumed";
    identify_pending_ = true;
  }
  void check(const permit_used& x) {
    EXPECT_TRUE(identify_pending_);
    identify_pending_ = false;
    EXPECT_TRUE(granted_.contains(x.permit)) << "IDENTIFY without a permit";
    EXPECT_LT(now_, granted_[x.permit]) << "IDENTIFY with an expired permit";
    EXPECT_FALSE(returned_.contains(x.permit)) << "IDENTIFY on a permit that was given back";
    EXPECT_TRUE(used_.insert(x.permit).second) << "two IDENTIFYs on one permit";
  }
  void check(const permit_unused& x) {
    EXPECT_TRUE(granted_.contains(x.permit)) << "a permit that nobody granted";
    EXPECT_FALSE(used_.contains(x.permit)) << "a used permit given back: its key would be free too early";
    EXPECT_TRUE(returned_.insert(x.permit).second) << "given back twice";
  }
  void check(const resume& x) {
    EXPECT_EQ(open_, x.link);
    EXPECT_EQ(session_, x.session_id);
    ++resumes_;
  }
  void check(const close& x) {
    EXPECT_EQ(open_, x.link);
    open_.reset();
  }
  void check(const wake_at& x) { EXPECT_GE(x.at, now_); }
  void check(const went_live& x) {
    EXPECT_EQ(open_, x.link);
    if (!x.resumed)
      session_ = offered_;
    resumes_ = 0;
  }
  void check(const disconnected&) { EXPECT_TRUE(session_); }
  void check(const session_lost& x) {
    EXPECT_EQ(session_, x.session_id);
    EXPECT_TRUE(may_lose_ || resumes_ > 0) << "a session was dropped without a try";
    session_.reset();
    resumes_ = 0;
  }
  void check(const alert& x) { EXPECT_FALSE(x.reason.empty()); }
  void check(const fatal& x) { EXPECT_FALSE(x.reason.empty() || x.advice.empty()); }

public:
  /// The link died on its own: what the machine opened is no longer open.
  void link_died(link_number link) {
    if (open_ == link)
      open_.reset();
  }
  std::optional<link_number> open() const { return open_; }

private:
  machine machine_;
  monotonic now_ = 1000s;
  actions last_;
  link_number last_link_ = 0;
  std::uint64_t last_ask_ = 0;
  std::optional<link_number> open_;
  std::optional<std::string> session_;
  std::string offered_;
  std::map<std::uint64_t, monotonic> asked_;
  std::map<std::uint64_t, monotonic> granted_;
  std::set<std::uint64_t> used_;
  std::set<std::uint64_t> returned_;
  int resumes_ = 0;
  bool identify_pending_ = false;
  bool may_lose_ = false;
};

} // namespace shardyard::session
