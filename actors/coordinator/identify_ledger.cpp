#include "actors/coordinator/identify_ledger.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace shardyard {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds place_grace{2000};  // an asker may be this late
constexpr milliseconds longest_hint{5000}; // so that a dead asker ahead costs at most one spacing
constexpr milliseconds stale{30'000};      // age of an answer of Discord that is treated as one from disk
constexpr milliseconds transit{5000};      // an IDENTIFY reaches Discord at most this long after it was sent
constexpr milliseconds poll{250};          // while the holder of the key has not reported yet
constexpr milliseconds longest_wish{
    60'000}; // a wish is answered with the same permit this long, so that rows can be forgotten
constexpr std::uint32_t patience = 8; // grants to later askers before an old one ranks with recoveries

} // namespace

std::uint32_t identify_ledger::max_concurrency() const {
  // Discord never sends 0; a wrong answer must not free all keys.
  return budget_.known() ? std::max(1u, budget_.limit()->max_concurrency) : 1;
}

std::uint32_t identify_ledger::reserve() const {
  if (settings_.reserve)
    return *settings_.reserve;
  auto total = budget_.known() ? budget_.limit()->total : 1000;
  return std::min(std::max(100u, 2 * shards_), total / 4);
}

std::uint32_t identify_ledger::fuse() const {
  if (settings_.fuse)
    return *settings_.fuse;
  auto total = budget_.known() ? budget_.limit()->total : 1000;
  return total < 5 ? 0 : std::max(1u, total / 50);
}

std::uint32_t identify_ledger::floor_for(permit_purpose purpose) const {
  // A start may use the reserve like a recovery: the bot is down without it.
  return purpose == permit_purpose::reshard ? std::max(reserve(), fuse()) : fuse();
}

std::uint32_t identify_ledger::left_for(permit_purpose purpose, unix_time now) const {
  auto left = budget_.left(now);
  auto floor = floor_for(purpose);
  return left > floor ? left - floor : 0;
}

unix_time identify_ledger::available_at(std::uint32_t count, permit_purpose purpose, unix_time now) const {
  return budget_.left_exceeds(floor_for(purpose) + std::max(1u, count) - 1, now);
}

void identify_ledger::restore(const std::vector<permit_row>& rows, unix_time now) {
  for (const auto& row : rows) {
    next_id_ = std::max(next_id_, row.id + 1);
    rows_[row.id] = {std::min(row.granted, now), row.shard.id};
    if (row.state == permit_state::returned)
      continue;
    auto unknown = row.state == permit_state::granted;
    budget_.count(row.id, (unknown ? now + settings_.valid_for : std::min(row.used, now)) + transit);
    permit x{row, 0, now + settings_.valid_for, now + settings_.spacing + settings_.margin};
    x.row.used = std::min(row.used, now);
    recent_[key_of(row.shard)].push_back(std::move(x));
  }
}

void identify_ledger::update_from_discord(const session_start_limit& limit, unix_time now) {
  auto before = max_concurrency();
  for (auto& [key, permits] : recent_)
    std::erase_if(permits, [&](const permit& x) { return blocked_until(x) <= now; });
  auto stamped = limit;
  stamped.fetched = limit.fetched == unix_time{} ? now : std::min(limit.fetched, now);
  if (now - stamped.fetched >
      stale) // kept on disk while Discord does not answer: it knows nothing of what came after it
    budget_.update_from_discord(stamped, budget_.counted_after(stamped.fetched));
  else
    budget_.update_from_discord(stamped, unseen_by_discord(stamped.fetched));
  if (max_concurrency() == before)
    return;
  for (auto& queue : std::exchange(waiters_, {}))
    for (auto& [shard, x] : queue.second)
      waiters_[key_of(shard)].emplace(shard, x);
  for (auto& [key, permits] : std::exchange(recent_, {}))
    for (auto& x : permits)
      recent_[key_of(x.row.shard)].push_back(x);
}

/// Permits that an answer fetched at `at` may not count yet.
std::vector<std::uint64_t> identify_ledger::unseen_by_discord(unix_time at) const {
  std::vector<std::uint64_t> pending;
  for (const auto& [key, permits] : recent_)
    for (const auto& x : permits) {
      auto unseen = x.row.state == permit_state::granted ||
                    (x.row.state == permit_state::used && x.row.used + transit > at);
      if (unseen)
        pending.push_back(x.row.id);
    }
  return pending;
}

unix_time identify_ledger::blocked_until(const permit& x) const {
  auto last_use = x.row.state == permit_state::used ? x.row.used : x.expiry;
  return std::max(last_use + settings_.spacing + settings_.margin, x.rest);
}

const std::vector<identify_ledger::permit>& identify_ledger::recent(std::uint32_t key) const {
  static const std::vector<permit> none;
  auto found = recent_.find(key);
  return found == recent_.end() ? none : found->second;
}

/// Among which the permit is, if it still blocks its key.
std::vector<identify_ledger::permit>& identify_ledger::recent_of(std::uint64_t id) {
  static std::vector<permit> none;
  auto row = rows_.find(id);
  auto found = row == rows_.end() ? recent_.end() : recent_.find(row->second.shard % max_concurrency());
  return found == recent_.end() ? none : found->second;
}

unix_time identify_ledger::key_free_at(std::uint32_t key) const {
  unix_time result{};
  for (const auto& x : recent(key))
    result = std::max(result, blocked_until(x));
  return result;
}

/// The earliest time at which the key can be free, if holders that have not reported yet used their permits
/// at once.
unix_time identify_ledger::key_free_at_best(std::uint32_t key) const {
  unix_time result{};
  for (const auto& x : recent(key)) {
    auto open = x.row.state == permit_state::granted;
    result = std::max(result, open ? std::max(x.row.granted + settings_.spacing + settings_.margin, x.rest)
                                   : blocked_until(x));
  }
  return result;
}

std::uint32_t identify_ledger::ahead(const waiters::value_type& self) const {
  auto rank = [](const waiter& x) {
    auto purpose = x.passed >= patience ? permit_purpose::recovery : x.purpose;
    return std::tuple{purpose, x.order};
  };
  auto& queue = waiters_.at(key_of(self.first));
  return static_cast<std::uint32_t>(std::ranges::count_if(
      queue, [&](const waiters::value_type& x) { return rank(x.second) < rank(self.second); }));
}

permit_wait identify_ledger::wait(waiters::value_type& self, std::uint32_t position, unix_time now) const {
  auto key = key_of(self.first);
  auto until_free = std::max(milliseconds{0}, key_free_at_best(key) - now);
  auto turn = until_free + position * (settings_.spacing + settings_.margin);
  if (position > 0 && until_free == milliseconds{0})
    turn = 2 * poll; // the one ahead is due; if it is gone, its place is lost soon
  auto hint = position == 0 ? std::min(std::max(turn, poll), longest_hint + settings_.margin)
                            : std::min(turn, longest_hint);
  self.second.keep_until = now + hint + place_grace;
  auto why =
      "identify key " + std::to_string(key) + " (shard_id % " + std::to_string(max_concurrency()) + ") is " +
      (position ? "awaited by " + std::to_string(position) + " before this shard" : "used once per 5 s");
  return {hint, position, why};
}

permit_refusal identify_ledger::refuse(permit_purpose purpose, unix_time now) const {
  auto left = std::to_string(budget_.left(now));
  auto total = std::to_string(budget_.limit()->total);
  auto ask_again = std::max(milliseconds{60'000}, available_at(1, purpose, now) - now);
  auto minutes = std::to_string(std::chrono::ceil<std::chrono::minutes>(ask_again).count());
  if (purpose == permit_purpose::reshard)
    return {left + " of " + total + " IDENTIFYs are left and " + std::to_string(floor_for(purpose)) +
                " are kept for recoveries",
            "the plan waits; the window frees more in " + minutes + " min, or lower identify.reserve",
            ask_again};
  return {left + " of " + total + " IDENTIFYs are left; the last " + std::to_string(fuse()) +
              " are not touched, since going over the limit resets the bot's token",
          "the window frees more in " + minutes + " min; find out what made the sessions end", ask_again};
}

ledger_reply identify_ledger::ask(const permit_request& request, unix_time now) {
  auto& recent = recent_[key_of(request.shard)];
  std::erase_if(recent, [&](const permit& x) { return blocked_until(x) <= now; });
  auto& queue = waiters_[key_of(request.shard)];
  std::erase_if(queue, [now](const auto& x) { return x.second.keep_until < now; });
  if (!budget_.known())
    return {
        permit_wait{milliseconds{1000}, 0, "Discord's identify limit is not known yet (GET /gateway/bot)"},
        {}};
  for (auto& x : recent) {
    auto same = request.nonce != 0 && x.nonce == request.nonce && x.row.shard == request.shard;
    if (same && x.row.state == permit_state::granted && now < x.expiry &&
        now < x.row.granted + longest_wish) {
      x.expiry = now + settings_.valid_for;
      budget_.uncount(x.row.id);
      budget_.count(x.row.id, x.expiry + transit);
      return {permit_grant{x.row.id, settings_.valid_for}, {}};
    }
  }
  if (left_for(request.purpose, now) == 0) {
    queue.erase(request.shard);
    return {refuse(request.purpose, now), {}};
  }
  auto [place, fresh] = queue.try_emplace(request.shard, waiter{request.purpose, next_order_, now});
  if (fresh)
    ++next_order_;
  place->second.purpose = request.purpose;
  auto position = ahead(*place);
  if (position > 0 || now < key_free_at(key_of(request.shard)))
    return {wait(*place, position, now), {}};
  return grant(request, now);
}

ledger_reply identify_ledger::grant(const permit_request& request, unix_time now) {
  auto& queue = waiters_.at(key_of(request.shard));
  auto self = queue.find(request.shard);
  for (auto& [shard, x] : queue)
    if (x.order < self->second.order)
      ++x.passed;
  queue.erase(self);
  permit_row row{next_id_++, request.shard, request.purpose, permit_state::granted, now, {}, false};
  recent_[key_of(request.shard)].push_back({row, request.nonce, now + settings_.valid_for, {}});
  budget_.count(row.id, now + settings_.valid_for + transit);
  rows_[row.id] = {now, row.shard.id};
  return {permit_grant{row.id, settings_.valid_for}, {row}};
}

identify_ledger::permit* identify_ledger::find(std::uint64_t id) {
  for (auto& x : recent_of(id))
    if (x.row.id == id)
      return &x;
  return nullptr;
}

std::vector<permit_row> identify_ledger::used(std::uint64_t id, milliseconds age, unix_time now) {
  auto x = find(id);
  if (!x || x->row.state != permit_state::granted)
    return {};
  x->row.state = permit_state::used;
  // Not before the grant, whatever the peer says: a wrong age must not free the key early.
  x->row.used = std::clamp(now - std::max(age, milliseconds{0}), std::min(x->row.granted, now), now);
  return {x->row};
}

std::vector<permit_row> identify_ledger::returned(std::uint64_t id, unix_time) {
  auto x = find(id);
  if (!x || x->row.state != permit_state::granted)
    return {};
  auto row = x->row;
  row.state = permit_state::returned;
  take_back(id);
  return {row};
}

std::vector<permit_row> identify_ledger::violated(std::uint64_t id, unix_time now) {
  ++violations_;
  auto x = find(id);
  if (!x)
    return {};
  if (x->row.state == permit_state::granted) {
    x->row.state = permit_state::used;
    x->row.used = now;
  }
  x->row.violated = true;
  x->rest = now + settings_.spacing + settings_.margin;
  return {x->row};
}

void identify_ledger::take_back(std::uint64_t id) {
  budget_.uncount(id);
  std::erase_if(recent_of(id), [id](const permit& x) { return x.row.id == id; });
}

std::vector<std::uint64_t> identify_ledger::forget(unix_time now) {
  std::vector<std::uint64_t> result;
  auto old = [&](const auto& x) {
    return x.second.granted + identify_budget::window + 2 * longest_wish < now;
  };
  for (const auto& x : rows_)
    if (old(x))
      result.push_back(x.first);
  std::erase_if(rows_, old);
  return result;
}

ledger_status identify_ledger::status(unix_time now) const {
  ledger_status result;
  result.limit_known = budget_.known();
  result.total = budget_.known() ? budget_.limit()->total : 0;
  result.left = budget_.left(now);
  result.used_24h = budget_.counted(now);
  result.reserve = reserve();
  result.fuse = fuse();
  result.max_concurrency = max_concurrency();
  result.violations = violations_;
  for (const auto& [key, queue] : waiters_)
    for (const auto& [shard, x] : queue)
      if (x.keep_until >= now)
        ++result.waiting[static_cast<int>(x.purpose)];
  return result;
}

} // namespace shardyard
