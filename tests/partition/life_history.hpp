// What happens in the guilds of a random life, whoever tells of it: the truth that a sink's lines and the
// group's caches are held against.
#pragma once

#include "tests/partition/group_world.hpp"

#include <algorithm>
#include <map>
#include <random>

namespace shardyard::testing {

struct life {
  bool crashes = false;
  bool reidentifies = false;
  bool aborts = false;
  bool lead_dies = false;
  bool gaps = false; ///< sessions die whoever leads: events are lost, what is remembered is not
};

/// One source of chance for all of a life, so that its seed tells everything.
struct life_dice {
  std::mt19937_64 engine;

  std::uint64_t pick(std::uint64_t n) { return engine() % n; }
  bool chance(double p) { return std::uniform_real_distribution<>{}(engine) < p; }
  monotonic pick_time(monotonic below) {
    return monotonic{static_cast<std::int64_t>(pick(static_cast<std::uint64_t>(below.count())))};
  }
};

struct occurrence {
  monotonic at{};
  std::size_t id = 0;
  made_event event;
};

class life_history {
public:
  life_history(life_dice& dice, life kind) : dice_(dice), kind_(kind) {
    for (std::uint64_t i = 0; i < 10; ++i)
      guilds_.push_back(guild_no(i * 7 + dice_.pick(7)));
  }

  /// 34 seconds of events; an occurrence's id is its place among all.
  void make(monotonic now) {
    std::vector<double> rate;
    for (std::size_t i = 0; i < guilds_.size() + 2; ++i)
      rate.push_back(i % 3 == 0 ? 0.3 : 3.0);
    for (std::size_t i = 0; i < rate.size(); ++i)
      for (auto at = now + dice_.pick_time(1s); at < now + 34s;) {
        happen(i, at);
        at += monotonic{
            static_cast<std::int64_t>(std::exponential_distribution<>{rate[i]}(dice_.engine) * 1e9)};
      }
    std::ranges::sort(truth_, {}, &occurrence::at);
    for (std::size_t i = 0; i < truth_.size(); ++i)
      truth_[i].id = i;
  }

  const std::vector<snowflake>& guilds() const { return guilds_; }
  const std::vector<occurrence>& all() const { return truth_; }
  const made_event& event(std::size_t id) const { return truth_[id].event; }

  /// GUILD_CREATE of a session that begins at `now`.
  std::string snapshot_of(snowflake guild, monotonic now) const {
    std::string channel = channel_of(guild, 0, false);
    auto members = 1;
    for (auto& x : truth_) {
      if (x.event.guild != guild || x.at >= now)
        continue;
      members += x.event.t == "GUILD_MEMBER_ADD";
      if (x.event.t == "CHANNEL_UPDATE")
        channel = x.event.d;
    }
    auto dispatched = channel.find(",\"guild_id\"");
    if (dispatched != channel.npos)
      channel = channel.substr(0, dispatched) + "}";
    return R"({"id":")" + std::to_string(guild) + R"(","name":"g","member_count":)" +
           std::to_string(members) + R"(,"channels":[)" + channel + "]}";
  }

  /// Which copy of equal entitlements a line shows is not fixed; the k-th line stands for the k-th
  /// occurrence.
  std::size_t nth_equal(std::size_t id, std::size_t n) const {
    auto key = truth_[id].event.key;
    for (auto& x : truth_)
      if (x.event.guild == 0 && x.event.key == key && --n == 0)
        return x.id;
    return id;
  }

private:
  // Equal ones pair by count, which is exact only while both sessions live.
  bool undisturbed() const { return !kind_.crashes && !kind_.reidentifies && !kind_.aborts; }

  void happen(std::size_t place, monotonic at) {
    auto ms = at / 1ms;
    auto unique = at_ms(ms, ++made_);
    occurrence x{at, 0, {}};
    if (place >= guilds_.size()) {
      auto channel = 500 + place;
      if (dice_.chance(.1))
        x.event = {"ENTITLEMENT_CREATE", 0, dice_.chance(.3) && undisturbed() ? 1 + dice_.pick(3) : unique,
                   R"({"e":1})"};
      else
        x.event = {"MESSAGE_CREATE", 0, unique, "{\"id\":\"" + std::to_string(unique) + "\"}", channel};
    } else if (dice_.chance(.3)) {
      x.event = message(guilds_[place], unique);
    } else if (dice_.chance(.15)) {
      x.event = {"INTERACTION_CREATE", guilds_[place], unique, "{}"};
    } else if (dice_.chance(.3)) {
      x.event = {"CHANNEL_UPDATE", guilds_[place], 0, channel_of(guilds_[place], made_, true)};
    } else if (dice_.chance(.2)) {
      x.event = {"GUILD_MEMBER_ADD", guilds_[place], 0,
                 R"({"guild_id":")" + std::to_string(guilds_[place]) + R"(","user":{"id":")" +
                     std::to_string(made_) + R"(","username":"x"},"roles":[]})"};
    } else {
      x.event = reaction(guilds_[place], static_cast<int>(dice_.pick(3)));
    }
    truth_.push_back(std::move(x));
  }

  static std::string channel_of(snowflake guild, std::uint64_t topic, bool dispatched) {
    return R"({"id":"7","type":0,"topic":")" + std::to_string(topic) +
           (dispatched ? R"(","guild_id":")" + std::to_string(guild) : std::string{}) + "\"}";
  }

  life_dice& dice_;
  life kind_;
  std::vector<snowflake> guilds_;
  std::vector<occurrence> truth_;
  std::uint64_t made_ = 0;
};

} // namespace shardyard::testing
