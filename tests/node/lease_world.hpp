// Hosts, a coordinator that dies and is replaced, and one group of partitions, on a network that loses,
// delays and cuts each direction on its own, under clocks that drift. The leave to deliver is the node's own
// class; what node and coordinator do around it is modelled here. Promises to tell how often two hosts might
// have delivered for the group at the same time.
#pragma once

#include "actors/node/lease.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace shardyard {

/// What the rules of the coordinator and of the peers take into account.
struct lease_rules {
  /// A lost host is adopted from only when so many hosts have said that they know it as lost, and a lease
  /// passed since, that the others are no majority with it. A host that knows another as lost never vouches
  /// for it. Without: a host that asked the coordinator a moment ago counts as one that does not vouch.
  bool promises = true;
  /// A host that was adopted from is known as lost from then on, whatever it does.
  bool lost_for_good = true;
  /// Only a host that has an assignment of this incarnation speaks for others.
  bool members_speak = true;
  /// A promise counts from when the host spoke for anybody last, or began: it does not know what it said
  /// before. Without: who has not spoken since counts as silent for ever.
  bool birth_breaks_silence = true;
};

class lease_world {
public:
  lease_world(std::uint64_t seed, int hosts, lease_rules rules)
      : random_(seed), rules_(rules), hosts_(static_cast<std::size_t>(hosts)) {
    for (auto& x : hosts_) {
      x.rate = 0.99 + 0.0001 * static_cast<double>(random_() % 201);
      begin(x);
    }
    c_.rate = 0.99 + 0.0001 * static_cast<double>(random_() % 201);
    c_.home = static_cast<int>(random_() % hosts_.size());
    hosts_[static_cast<std::size_t>(c_.home)].runs = 1;
    cut_.assign(hosts_.size() + 1, std::vector<bool>(hosts_.size() + 1));
    begin_coordinator();
  }

  void run(int steps) {
    for (; steps > 0; --steps) {
      now_ += tick;
      if (one_in(60))
        change_network();
      if (one_in(600))
        c_.alive = false;
      if (!c_.alive && one_in(40))
        begin_coordinator();
      while (!mail_.empty() && mail_.begin()->first <= now_)
        mail_.extract(mail_.begin()).mapped()();
      for (int i = 0; i < size(); ++i)
        act(i);
      if (c_.alive)
        coordinate();
      check();
    }
  }

  int doubled() const { return doubled_; }     ///< steps with two hosts that may deliver
  int adoptions() const { return adoptions_; } ///< of the group, from a lost host
  int vouched() const { return vouched_; }     ///< steps in which vouches alone allowed to deliver

private:
  using ms = std::int64_t;
  static constexpr ms tick = 50;
  static constexpr ms ttl = 5000;
  static constexpr ms wait = ttl + 500;

  struct assignment {
    std::uint64_t epoch = 0;
    std::uint64_t revision = 0;
    int home = -1;
    std::uint64_t group_epoch = 0;
    std::set<std::pair<int, int>> lost; ///< host and incarnation: nobody is to vouch for these
  };
  struct host {
    double rate = 1;
    int incarnation = 0;
    std::uint64_t coordinator = 0; ///< epoch of the one that it has joined; 0: none
    assignment known;
    shardyard::lease leave;
    ms heard = 0;
    ms next_ask = 0;
    std::uint64_t runs = 0; ///< epoch of the group that it runs; 0: none
    std::uint64_t kept = 0; ///< epoch of the group whose log is on its disk
    ms granted_until = 0;   ///< for `vouched` alone
    ms spoke = 0;           ///< for anybody, or began
  };
  struct member {
    int incarnation = 0;
    bool up = false;
    ms joined = 0;
    ms asked = 0;
    ms given = -1;
    ms promised = -1; ///< since when it knows the group's host as lost
  };
  struct coordinator {
    double rate = 1;
    bool alive = false;
    std::uint64_t epoch = 0;
    std::uint64_t revision = 0;
    ms born = 0;
    std::map<int, member> members;
    std::uint64_t lost_revision = 0; ///< that named the group's host as lost; 0: none does
    // durable:
    int home = 0;
    std::uint64_t group_epoch = 1;
    std::set<std::pair<int, int>> fenced; ///< host and incarnation: adopted from
  };

  int size() const { return static_cast<int>(hosts_.size()); }
  int coordinator_place() const { return size(); }
  bool one_in(unsigned n) { return random_() % n == 0; }
  host& at(int i) { return hosts_[static_cast<std::size_t>(i)]; }
  ms clock(int i) { return static_cast<ms>(static_cast<double>(now_) * at(i).rate); }
  ms coordinator_clock() const { return static_cast<ms>(static_cast<double>(now_) * c_.rate); }
  static lease::time nanos(ms x) { return std::chrono::milliseconds(x); }

  void begin(host& x) {
    ++x.incarnation;
    x.coordinator = 0;
    x.known = {};
    x.leave = {};
    x.leave.set_hosts(hosts_.size());
    x.kept = std::max(x.kept, x.runs);
    x.runs = 0;
    x.granted_until = 0;
    x.spoke = rules_.birth_breaks_silence ? static_cast<ms>(static_cast<double>(now_) * x.rate) : 0;
  }

  void begin_coordinator() {
    c_.alive = true;
    ++c_.epoch;
    c_.revision = 1;
    c_.members.clear();
    c_.lost_revision = 0;
    c_.born = coordinator_clock();
  }

  void change_network() {
    auto kind = random_() % 4;
    auto n = cut_.size();
    std::vector<int> sides(n);
    for (auto& x : sides)
      x = static_cast<int>(random_() % 2);
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < n; ++b)
        cut_[a][b] = kind == 0 ? false : kind == 1 ? one_in(4) : sides[a] != sides[b];
  }

  void post(int from, int to, std::function<void()> what) {
    if (cut_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)] || one_in(30))
      return;
    auto delay = one_in(15) ? random_() % 4000 : random_() % 80;
    mail_.emplace(now_ + static_cast<ms>(delay), std::move(what));
  }

  /// To a host's present incarnation only.
  void answer(int from, int to, int incarnation, std::function<void(host&)> what) {
    post(from, to, [this, to, incarnation, what = std::move(what)] {
      if (at(to).incarnation == incarnation)
        what(at(to));
    });
  }

  // -- a host

  void act(int i) {
    auto& x = at(i);
    if (one_in(3000))
      begin(x);
    if (x.coordinator != 0 && (clock(i) > x.heard + 3000 || one_in(500)))
      x.coordinator = 0;
    if (clock(i) < x.next_ask)
      return;
    x.next_ask = clock(i) + 500;
    if (x.coordinator != 0)
      ask_coordinator(i);
    else {
      post(i, coordinator_place(), [this, i, n = x.incarnation] { on_join(i, n); });
      if (x.known.epoch != 0)
        ask_peers(i);
    }
  }

  void ask_coordinator(int i) {
    auto& x = at(i);
    auto sent = clock(i);
    post(i, coordinator_place(),
         [this, i, sent, n = x.incarnation, epoch = x.coordinator, revision = x.known.revision,
          silent = sent - x.spoke] {
           if (c_.alive && c_.epoch == epoch)
             on_ask(i, n, sent, revision, silent);
         });
  }

  void ask_peers(int i) {
    auto sent = clock(i);
    for (int peer = 0; peer < size(); ++peer)
      if (peer != i)
        post(i, peer, [this, i, peer, sent, n = at(i).incarnation, epoch = at(i).known.epoch] {
          if (!speaks(peer, i, n, epoch))
            return;
          at(peer).spoke = clock(peer);
          answer(peer, i, n, [peer, sent](host& x) {
            x.leave.vouched("host-" + std::to_string(peer), nanos(sent), std::chrono::milliseconds(ttl));
          });
        });
  }

  bool speaks(int peer, int asker, int incarnation, std::uint64_t epoch) {
    auto& x = at(peer);
    if (x.coordinator != 0 || nanos(clock(peer)) < x.leave.last_grant() + nanos(2000) ||
        epoch < x.known.epoch)
      return false;
    if (rules_.members_speak && x.known.epoch == 0)
      return false;
    return !rules_.promises || !x.known.lost.contains({asker, incarnation});
  }

  void follow(int i, const assignment& a) {
    auto& x = at(i);
    if (std::pair{a.epoch, a.revision} < std::pair{x.known.epoch, x.known.revision})
      return;
    x.known = a;
    if (a.home == i && x.kept == a.group_epoch)
      x.runs = a.group_epoch;
  }

  void on_fenced(int i) {
    begin(at(i));
    at(i).kept = 0;
  }

  // -- the coordinator

  assignment present() const {
    assignment result{c_.epoch, c_.revision, c_.home, c_.group_epoch, {}};
    if (rules_.lost_for_good)
      result.lost = c_.fenced;
    if (c_.lost_revision != 0)
      result.lost.insert({c_.home, hosts_[static_cast<std::size_t>(c_.home)].incarnation});
    return result;
  }

  void announce() {
    ++c_.revision;
    for (auto& [i, x] : c_.members)
      if (x.up)
        answer(coordinator_place(), i, x.incarnation, [this, i, a = present()](host&) { follow(i, a); });
  }

  void on_join(int i, int incarnation) {
    if (!c_.alive)
      return;
    if (c_.fenced.contains({i, incarnation})) {
      answer(coordinator_place(), i, incarnation, [this, i](host&) { on_fenced(i); });
      return;
    }
    auto& x = c_.members[i];
    if (x.incarnation != incarnation) // also a dead one's late word; what was given to the host stays noted,
                                      // as by the coordinator
      x = {.incarnation = incarnation, .given = x.given};
    x.up = true;
    x.joined = x.asked = coordinator_clock();
    if (i == c_.home && c_.lost_revision != 0) {
      c_.lost_revision = 0;
      forget_promises();
      announce();
    }
    answer(coordinator_place(), i, incarnation, [this, i, a = present()](host& y) {
      if (y.coordinator == 0 && c_.epoch == a.epoch) {
        y.coordinator = a.epoch;
        y.heard = clock(i);
      }
      follow(i, a);
    });
  }

  void on_ask(int i, int incarnation, ms sent, std::uint64_t revision, ms silent) {
    if (c_.fenced.contains({i, incarnation})) {
      answer(coordinator_place(), i, incarnation, [this, i](host&) { on_fenced(i); });
      return;
    }
    auto known = c_.members.find(i);
    if (known == c_.members.end() || !known->second.up || known->second.incarnation != incarnation)
      return;
    auto& x = known->second;
    x.asked = x.given = coordinator_clock();
    if (c_.lost_revision != 0 && revision >= c_.lost_revision && x.promised < 0)
      x.promised = std::max<ms>(0, x.asked - silent);
    answer(coordinator_place(), i, incarnation, [this, i, sent, epoch = c_.epoch](host& y) {
      y.leave.granted(nanos(sent), std::chrono::milliseconds(ttl));
      y.granted_until = std::max(y.granted_until, sent + ttl);
      if (y.coordinator == epoch)
        y.heard = clock(i);
    });
    if (revision < c_.revision)
      answer(coordinator_place(), i, incarnation, [this, i, a = present()](host&) { follow(i, a); });
  }

  void forget_promises() {
    for (auto& [_, x] : c_.members)
      x.promised = -1;
  }

  bool up(int i) const {
    auto found = c_.members.find(i);
    return found != c_.members.end() && found->second.up;
  }

  void coordinate() {
    auto at = coordinator_clock();
    for (auto& [_, x] : c_.members)
      if (x.up && (at > x.asked + 3000 || one_in(2000)))
        x.up = false;
    auto joined = c_.members.contains(c_.home);
    if (up(c_.home) || (!joined && at < c_.born + (rules_.promises ? 0 : wait)))
      return;
    if (c_.lost_revision == 0) {
      c_.lost_revision = c_.revision + 1;
      forget_promises();
      announce();
    }
    if (rules_.promises ? promised_lease_is_over(at) : lease_is_over(at))
      adopt();
  }

  bool last_lease_is_over(ms at) const {
    auto home = c_.members.find(c_.home);
    auto last = std::max(c_.born, home == c_.members.end() ? -1 : home->second.given);
    return at >= last + wait;
  }

  bool promised_lease_is_over(ms at) const {
    int may_vouch = size() - 1;
    for (auto& [i, x] : c_.members)
      may_vouch -= i != c_.home && x.promised >= 0 && at >= x.promised + wait;
    return last_lease_is_over(at) && may_vouch < size() / 2;
  }

  bool lease_is_over(ms at) const {
    int silent = 0;
    for (auto& [_, x] : c_.members)
      silent += !(x.up && x.given >= 0 && at < x.given + 1000 && at >= x.joined + wait);
    return last_lease_is_over(at) && silent < size() / 2 + 1;
  }

  void adopt() {
    for (auto& [i, x] : c_.members) {
      if (!x.up || i == c_.home)
        continue;
      c_.fenced.insert({c_.home, at(c_.home).incarnation});
      c_.home = i;
      ++c_.group_epoch;
      c_.lost_revision = 0;
      forget_promises();
      ++adoptions_;
      at(i).kept = c_.group_epoch; // the copy is fetched
      announce();
      return;
    }
  }

  // -- what must hold

  void check() {
    int delivering = 0;
    for (int i = 0; i < size(); ++i) {
      auto& x = at(i);
      if (x.runs == 0 || nanos(clock(i)) >= x.leave.until())
        continue;
      ++delivering;
      vouched_ += clock(i) >= x.granted_until;
    }
    doubled_ += delivering > 1;
  }

  std::mt19937_64 random_;
  lease_rules rules_;
  std::vector<host> hosts_;
  coordinator c_;
  std::vector<std::vector<bool>> cut_; ///< from, to; the coordinator's place is the last
  std::multimap<ms, std::function<void()>> mail_;
  ms now_ = 10'000;
  int doubled_ = 0;
  int adoptions_ = 0;
  int vouched_ = 0;
};

} // namespace shardyard
