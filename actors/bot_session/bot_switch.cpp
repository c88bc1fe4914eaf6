#include "actors/bot_session/bot_switch_state.hpp"

#include "actors/bot_session/ready_payload.hpp"

#include <algorithm>
#include <span>

namespace shardyard {

bot_switch::state::state(bot_switch_settings given, cluster_port& port)
    : settings(std::move(given)),
      cluster(port),
      random(settings.seed != 0 ? settings.seed
                                : (std::uint64_t{std::random_device{}()} << 32 | std::random_device{}())),
      reader(settings.longest_payload),
      ring({settings.ring_bytes, settings.ring_events, settings.ring_age}) {
  if (!settings.unix_us)
    settings.unix_us = [] {
      auto now = std::chrono::system_clock::now().time_since_epoch();
      return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
    };
}

bot_switch::state::~state() {
  for (auto& x : connections)
    x->leave_owner();
}

bot_session* bot_switch::state::find(std::uint32_t asker) {
  for (auto& x : sessions)
    if (x->asker == asker)
      return x.get();
  return nullptr;
}

bot_session* bot_switch::state::find(std::string_view id) {
  for (auto& x : sessions)
    if (x->id == id)
      return x.get();
  return nullptr;
}

void bot_switch::state::end(bot_session& x) {
  if (x.connection)
    x.connection->detach();
  without_guilds -= x.live() && !has_guilds(x);
  scopes.leave(&x);
  commands.forget(x.asker);
  voices.forget(x.asker);
  std::erase(touched, &x);
  std::erase_if(sessions, [&](auto& y) { return y.get() == &x; });
}

/// A bot that reads along is told at once by op 9; one that is too slow would hear it behind a megabyte, so
/// its socket is closed and its RESUME is answered by op 9.
void bot_switch::state::end_lost(time now) {
  if (!any_lost)
    return;
  any_lost = false;
  std::vector<bot_session*> ending;
  for (auto& x : sessions)
    if (x->lost())
      ending.push_back(x.get());
  for (auto* x : ending) {
    ++invalid;
    auto* connection = x->connection;
    auto slow = x->loss == session_loss::overtaken;
    end(*x);
    if (!connection)
      continue;
    if (slow)
      connection->close(4000);
    else
      connection->say_invalid(now);
  }
}

bot_switch::time bot_switch::state::deadline(const bot_session& x) const {
  if (!x.connection)
    return x.detached_at + settings.resume_window;
  if (!x.live())
    return x.listed ? time::max() : x.ask_list_again;
  return x.backfill.asking() || may_fetch(x) ? x.backfill.deadline() : time::max();
}

void bot_switch::state::tick(bot_session& x, time now) {
  if (!x.connection) {
    if (now - x.detached_at >= settings.resume_window)
      end(x);
    return;
  }
  if (!x.live()) {
    if (!x.listed && now >= x.ask_list_again) {
      x.ask_list_again = now + guild_backfill::patience;
      cluster.list_guilds(x.asker, x.filter);
    }
    return;
  }
  tell_overdue(x, now);
  fetch_more(x, now);
  pump(x, now);
}

bot_switch::bot_switch(bot_switch_settings settings, cluster_port& cluster)
    : state_(std::make_unique<state>(std::move(settings), cluster)) {}

bot_switch::~bot_switch() = default;

std::shared_ptr<net::bot_events> bot_switch::connected(std::shared_ptr<net::bot_link> link,
                                                       const net::bot_query& query, time now) {
  auto& s = *state_;
  bot_connection::limits limits{s.settings.heartbeat, s.settings.identify_patience};
  auto result = std::make_shared<bot_connection>(s, std::move(link), limits, now);
  s.connections.push_back(result);
  result->open(query);
  return result;
}

void bot_switch::set_clock(std::function<time()> clock) {
  state_->clock = std::move(clock);
}

void bot_switch::deliver(const std::vector<event_block>& blocks, time now) {
  for (auto& block : blocks) {
    std::span entries{block.entries};
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i % prefetched_events == 0)
        state_->scopes.prefetch(entries.subspan(i));
      state_->deliver(block, entries[i], now);
    }
  }
  state_->flush(now);
}

void bot_switch::set_identity(std::string user, std::string application, snowflake user_id, time now) {
  auto& s = *state_;
  s.user = std::move(user);
  s.application = std::move(application);
  s.self = user_id;
  s.has_identity = true;
  for (auto& x : s.sessions)
    s.try_ready(*x, now);
  s.flush(now);
}

void bot_switch::guilds_listed(std::uint32_t asker, const std::vector<snowflake>& guilds, time now) {
  auto& s = *state_;
  auto* x = s.find(asker);
  if (!x || x->live() || x->listed)
    return;
  x->listed = true;
  x->guilds_of_ready.insert(x->guilds_of_ready.end(), guilds.begin(), guilds.end());
  s.try_ready(*x, now);
  s.flush(now);
}

void bot_switch::guilds_fetched(std::uint32_t asker, const std::vector<guild_snapshot>& rows,
                                std::string_view bytes, time now) {
  auto& s = *state_;
  auto* x = s.find(asker);
  if (!x || !x->live())
    return;
  for (auto& row : rows) {
    if (row.size > bytes.size())
      break; // a peer of another build
    s.fetched(*x, row, bytes.substr(0, row.size), now);
    bytes.remove_prefix(row.size);
  }
  s.flush(now);
  if (auto* still = s.find(asker))
    s.fetch_more(*still, now);
}

namespace {

// Old entries are given up by a tick once in a while, not one by one.
constexpr std::chrono::seconds eviction_pace{1};

/// Whether a guild of the filter can be concerned, one that the bot is about to join too: partitions are
/// slices of the same number that shards are. Partition counts are far below the bound.
bool may_concern(const guild_filter& which, const std::function<bool(snowflake)>& concerned) {
  for (std::uint64_t x = which.id; x < which.count + 4096ull * which.count; x += which.count)
    if (concerned(x << 22))
      return true;
  return false;
}

} // namespace

void bot_switch::lost(std::function<bool(snowflake guild)> concerned, time now) {
  auto& s = *state_;
  s.scopes.each([&](snowflake guild, delivery_scope& scope) {
    if (!concerned(guild))
      return;
    scope.broken = true;
    for (auto& seat : scope.seats)
      s.lose(*seat.session, session_loss::missing);
  });
  for (auto& x : s.sessions)
    if (x->live() && may_concern(x->filter, concerned))
      s.lose(*x, session_loss::missing);
  s.flush(now);
}

void bot_switch::revoke(std::string_view bot, time now) {
  auto& s = *state_;
  std::vector<bot_session*> ending;
  for (auto& x : s.sessions)
    if (x->bot == bot)
      ending.push_back(x.get());
  for (auto* x : ending) {
    auto* connection = x->connection;
    s.end(*x);
    if (connection)
      connection->close(4004);
  }
  s.flush(now);
}

void bot_switch::set_recommended_shards(std::uint32_t count) {
  state_->settings.shards = count;
}

std::string bot_switch::gateway_bot_body() const {
  return shardyard::gateway_bot_body(state_->settings.resume_url, state_->settings.shards);
}

std::string bot_switch::gateway_body() const {
  return shardyard::gateway_body(state_->settings.resume_url);
}

void bot_switch::resend_commands(const std::function<bool(snowflake guild)>& concerned) {
  auto& s = *state_;
  s.commands.each([&](const bot_command& x) {
    if (concerned(x.guild))
      s.cluster.command(x);
  });
}

void bot_switch::tick(time now) {
  auto& s = *state_;
  // Backwards: closing or ticking one may end a session, at most the one that is looked at.
  for (auto i = s.connections.size(); i-- > 0;)
    s.connections[i]->tick(now);
  s.ring.evict(now);
  s.commands.expire(now);
  for (auto i = s.sessions.size(); i-- > 0;)
    s.tick(*s.sessions[i], now);
  for (auto& x : s.sessions)
    x->log().trim(s.ring, x->sent() + 1, now - s.settings.ring_age);
  s.flush(now);
}

bot_switch::time bot_switch::next_tick() const {
  auto& s = *state_;
  auto result = s.commands.deadline();
  if (s.ring.size() > 0)
    result = std::min(result, s.ring.oldest() + s.settings.ring_age + eviction_pace);
  for (auto& x : s.connections)
    result = std::min(result, x->deadline());
  for (auto& x : s.sessions)
    result = std::min(result, s.deadline(*x));
  return result;
}

bot_switch_figures bot_switch::figures() const {
  auto& s = *state_;
  bot_switch_figures result;
  result.connections = s.connections.size();
  result.identifies = s.identifies;
  result.resumes = s.resumes;
  result.invalid = s.invalid;
  result.holes = s.holes;
  result.gaps = s.gaps;
  result.ring_bytes = s.ring.bytes();
  result.ring_events = s.ring.size();
  for (auto& x : s.sessions)
    result.sessions.push_back(
        {x->bot, x->filter, x->connection != nullptr, x->newest(), x->behind(), x->resumes, x->guilds});
  return result;
}

} // namespace shardyard
