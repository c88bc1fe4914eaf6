// Random askers with a jittering network, lost reports and a restarting coordinator, against a small model of
// Discord's rules.
#include "actors/coordinator/identify_ledger.hpp"
#include "tests/coordinator/first_moment.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <random>

using namespace shardyard;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

/// Gateway reference, "Session Start Limit" and "Rate limiting": what Discord would say of the IDENTIFYs that
/// reach it.
struct discord_model {
  std::uint32_t total;
  std::uint32_t max_concurrency;
  std::map<std::uint32_t, unix_time> last;
  std::deque<unix_time> window;
  int too_close = 0;
  int over_budget = 0;
  int identifies = 0;

  void identify(std::uint32_t shard_id, unix_time at) {
    ++identifies;
    auto key = shard_id % max_concurrency;
    if (last.count(key) && at - last[key] < 5s)
      ++too_close;
    last[key] = at;
    forget(at);
    window.push_back(at);
    if (window.size() > total)
      ++over_budget;
  }
  void forget(unix_time now) {
    while (!window.empty() && window.front() + 24h <= now)
      window.pop_front();
  }
  session_start_limit limit(unix_time now) {
    forget(now);
    auto used = static_cast<std::uint32_t>(window.size());
    return {total, used > total ? 0 : total - used, used ? window.front() + 24h - now : 0ms, max_concurrency,
            now};
  }
};

/// Events of the world, in time order; equal times in order of creation.
struct world {
  std::multimap<unix_time, std::function<void()>> agenda;
  unix_time now = first_moment;

  void at(unix_time t, std::function<void()> what) { agenda.emplace(std::max(t, now), std::move(what)); }
  void run_until(unix_time end) {
    while (!agenda.empty() && agenda.begin()->first <= end) {
      auto first = agenda.begin();
      now = first->first;
      auto what = std::move(first->second);
      agenda.erase(first);
      what();
    }
    now = end;
  }
};

struct asker {
  shard_key shard;
  permit_purpose purpose;
  int wants = 0; // IDENTIFYs it still needs
  std::uint64_t nonce = 0;
  unix_time waiting_since{};
};

struct random_cluster {
  std::mt19937_64 random;
  world w;
  discord_model discord;
  identify_ledger ledger;
  std::map<std::uint64_t, permit_row> rows; // the journal
  std::vector<asker> askers;
  milliseconds longest_wait{0};
  std::uint64_t grants = 0;
  bool faults;
  bool keeps_purpose = false;
  std::deque<unix_time> reshards; // granted to reshards in the last 24 hours and not given back
  int into_reserve = 0;

  random_cluster(std::uint64_t seed, std::uint32_t total, std::uint32_t concurrency, bool with_faults)
      : random{seed}, discord{total, concurrency, {}, {}}, faults{with_faults} {
    ledger.update_from_discord(discord.limit(w.now), w.now);
  }

  milliseconds between(milliseconds a, milliseconds b) {
    return milliseconds{std::uniform_int_distribution<std::int64_t>{a.count(), b.count()}(random)};
  }
  bool chance(int percent) { return faults && static_cast<int>(random() % 100) < percent; }

  void write(const std::vector<permit_row>& changed) {
    for (const auto& row : changed)
      rows[row.id] = row;
  }

  void begin(std::size_t i) {
    auto& x = askers[i];
    ++x.nonce;
    x.waiting_since = w.now;
    ask(i);
  }

  void ask(std::size_t i) {
    auto asked = w.now;
    w.at(w.now + between(1ms, 200ms), [this, i, asked] {
      auto& x = askers[i];
      auto reply = ledger.ask({x.shard, x.purpose, x.nonce}, w.now);
      write(reply.rows);
      if (chance(3)) { // the answer is lost; the asker repeats its wish
        w.at(w.now + 1s, [this, i] { ask(i); });
        return;
      }
      w.at(w.now + between(1ms, 200ms),
           [this, i, asked, answer = reply.answer] { answered(i, asked, answer); });
    });
  }

  void answered(std::size_t i, unix_time asked, const permit_answer& answer) {
    auto& x = askers[i];
    if (auto wait = std::get_if<permit_wait>(&answer)) {
      w.at(w.now + wait->ask_again, [this, i] { ask(i); });
    } else if (auto no = std::get_if<permit_refusal>(&answer)) {
      x.waiting_since = w.now + no->ask_again;
      w.at(w.now + no->ask_again, [this, i] { ask(i); });
    } else {
      ++grants;
      if (x.purpose == permit_purpose::reshard)
        count_reshard();
      longest_wait =
          std::max(longest_wait, std::chrono::duration_cast<milliseconds>(w.now - x.waiting_since));
      use(i, std::get<permit_grant>(answer), asked);
    }
  }

  /// Only while the limit is known: the reserve is a share of it.
  void count_reshard() {
    while (!reshards.empty() && reshards.front() + 24h <= w.now)
      reshards.pop_front();
    reshards.push_back(w.now);
    into_reserve += ledger.status(w.now).limit_known && reshards.size() > discord.total - ledger.reserve();
  }

  void use(std::size_t i, const permit_grant& grant, unix_time asked) {
    auto deadline = asked + grant.valid_for;
    auto sent = chance(10) ? deadline - 1ms : std::min(deadline - 1ms, w.now + between(0ms, 600ms));
    if (chance(5)) { // the connection failed: honest holders give the permit back
      w.at(w.now + between(1ms, 300ms), [this, i, id = grant.permit, granted = w.now] {
        write(ledger.returned(id, w.now));
        auto counted = std::find(reshards.begin(), reshards.end(), granted);
        if (askers[i].purpose == permit_purpose::reshard && counted != reshards.end())
          reshards.erase(counted);
      });
      w.at(w.now + 500ms, [this, i] { begin(i); });
      return;
    }
    if (chance(3)) // the holder died without a word and comes back as a new one
      return w.at(w.now + 20s, [this, i] { begin(i); });
    w.at(sent, [this, i, id = grant.permit] {
      auto at = w.now;
      w.at(at + 20ms + between(0ms, 150ms),
           [this, shard = askers[i].shard.id] { discord.identify(shard, w.now); });
      if (!chance(5))
        w.at(at + between(1ms, 400ms),
             [this, id, at] { write(ledger.used(id, milliseconds{w.now - at}, w.now)); });
      if (--askers[i].wants > 0)
        w.at(at + between(1s, 60s), [this, i] {
          if (!keeps_purpose)
            askers[i].purpose = permit_purpose::recovery;
          begin(i);
        });
    });
  }

  void restart() {
    std::vector<permit_row> kept;
    for (const auto& [id, row] : rows)
      kept.push_back(row);
    ledger = identify_ledger{};
    ledger.restore(kept, w.now);
    if (random() % 2) // Discord may not answer at once
      ledger.update_from_discord(discord.limit(w.now), w.now);
    else
      w.at(w.now + 2s, [this] { ledger.update_from_discord(discord.limit(w.now), w.now); });
  }

  void refresh_every(milliseconds pause) {
    w.at(w.now + pause, [this, pause] {
      ledger.update_from_discord(discord.limit(w.now), w.now);
      for (auto id : ledger.forget(w.now))
        rows.erase(id);
      refresh_every(pause);
    });
  }
  void restart_every(milliseconds pause) {
    w.at(w.now + between(1ms, pause), [this, pause] {
      restart();
      restart_every(pause);
    });
  }
};

std::uint64_t base_seed() {
  static auto seed = std::random_device{}();
  return seed;
}

TEST(identify_ledger_random, never_violates_the_spacing_and_serves_everybody) {
  for (std::uint64_t run = 0; run < 150; ++run) {
    auto seed = base_seed() + run;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 pick{seed};
    auto concurrency = std::vector<std::uint32_t>{1, 2, 3, 16}[pick() % 4];
    random_cluster c{seed, 5000, concurrency, true};
    auto count = 2 + pick() % 40;
    for (std::size_t i = 0; i < count; ++i) {
      auto topology = static_cast<std::uint32_t>(1 + i % 2);
      auto id = static_cast<std::uint32_t>(i / 2);
      c.askers.push_back(
          {{topology, id, 64}, static_cast<permit_purpose>(pick() % 3), static_cast<int>(1 + pick() % 3)});
      c.w.at(c.w.now + c.between(0ms, 3s), [&c, i] { c.begin(i); });
    }
    c.refresh_every(60s);
    c.restart_every(300s);
    c.w.run_until(first_moment + 2h);
    EXPECT_EQ(c.discord.too_close, 0);
    EXPECT_EQ(c.discord.over_budget, 0);
    for (const auto& x : c.askers)
      EXPECT_EQ(x.wants, 0) << to_string(x.shard) << " was never served";
  }
}

TEST(identify_ledger_random, never_goes_beyond_the_budget_in_days_of_greed) {
  for (std::uint64_t run = 0; run < 30; ++run) {
    auto seed = base_seed() + run;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 pick{seed};
    auto total = static_cast<std::uint32_t>(5 + pick() % 60);
    random_cluster c{seed, total, 4, true};
    c.keeps_purpose = true;
    for (std::uint32_t i = 0; i < 12; ++i) {
      c.askers.push_back({{1, i, 12}, static_cast<permit_purpose>(pick() % 3), 1'000'000});
      c.w.at(c.w.now + c.between(0ms, 3s), [&c, i] { c.begin(i); });
    }
    c.refresh_every(10min);
    c.restart_every(3h);
    c.w.run_until(first_moment + 80h);
    EXPECT_EQ(c.discord.over_budget, 0);
    EXPECT_EQ(c.discord.too_close, 0);
    EXPECT_EQ(c.into_reserve, 0) << "I8: reshards leave the reserve";
    EXPECT_GT(c.discord.identifies, static_cast<int>(total)) << "the window frees permits again";
  }
}

TEST(identify_ledger_random, without_faults_a_key_is_used_every_spacing) {
  for (std::uint64_t run = 0; run < 20; ++run) {
    auto seed = base_seed() + run;
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_cluster c{seed, 5000, 1, false};
    for (std::uint32_t i = 0; i < 30; ++i) {
      c.askers.push_back({{2, i, 30}, permit_purpose::reshard, 1});
      c.w.at(c.w.now + c.between(0ms, 500ms), [&c, i] { c.begin(i); });
    }
    c.w.run_until(first_moment + 30min);
    EXPECT_EQ(c.discord.identifies, 30);
    EXPECT_EQ(c.discord.too_close, 0);
    auto floor = 29 * 5s;
    EXPECT_LE(c.longest_wait, floor * 6 / 5) << "30 permits on one key";
  }
}

/// The margin is what bears the jitter: without it the model must find violations, else this test proves
/// nothing.
TEST(identify_ledger_random, the_model_notices_a_ledger_without_margin) {
  auto found = 0;
  for (std::uint64_t run = 0; run < 20; ++run) {
    random_cluster c{base_seed() + run, 5000, 1, false};
    ledger_settings settings;
    settings.margin = milliseconds{-300};
    c.ledger = identify_ledger{settings};
    c.ledger.update_from_discord(c.discord.limit(c.w.now), c.w.now);
    for (std::uint32_t i = 0; i < 30; ++i) {
      c.askers.push_back({{2, i, 30}, permit_purpose::reshard, 1});
      c.w.at(c.w.now + c.between(0ms, 500ms), [&c, i] { c.begin(i); });
    }
    c.w.run_until(first_moment + 30min);
    found += c.discord.too_close;
  }
  EXPECT_GT(found, 0);
}

} // namespace
