// Permits to IDENTIFY: granted, used and given back, with their rows in the store.
#include "actors/coordinator/coordinator_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace shardyard {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t most_permits = 100; ///< in one transaction: etcd takes 128 changes

permit_purpose to_ledger(identify_purpose x) {
  switch (x) {
  case identify_purpose::recovery:
    return permit_purpose::recovery;
  case identify_purpose::start:
    return permit_purpose::start;
  case identify_purpose::reshard:
    return permit_purpose::reshard;
  }
  return permit_purpose::start;
}

std::uint32_t to_ms32(milliseconds x) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(x.count(), 0, 86'400'000));
}

} // namespace

identify_answer coordinator_state::grant(const identify_request& x) {
  identify_answer result;
  result.ask = x.ask;
  if (term_over()) {
    result.why = "this coordinator's term is over";
    result.after_ms = 500;
    return result;
  }
  if (auto at = self->clock().now(); at < first_permit) {
    result.why = "the store was taken over: permits that it does not know must run out first";
    result.after_ms = to_ms32(std::chrono::ceil<milliseconds>(first_permit - at));
    return result;
  }
  auto reply = ledger.ask({x.shard, to_ledger(x.purpose), x.ask}, now());
  if (auto* granted = std::get_if<permit_grant>(&reply.answer)) {
    if (!save({.permits = reply.rows})) {
      ledger.not_written(granted->permit);
      result.why = "the coordinator's store cannot be written";
      result.after_ms = 2000;
      return result;
    }
    result.verdict = identify_verdict::granted;
    result.permit = granted->permit;
    result.after_ms = to_ms32(granted->valid_for);
  } else if (auto* wait = std::get_if<permit_wait>(&reply.answer)) {
    result.after_ms = std::max(50u, to_ms32(wait->ask_again));
    result.why = wait->why;
  } else if (auto* refused = std::get_if<permit_refusal>(&reply.answer)) {
    result.verdict = identify_verdict::refused;
    result.after_ms = to_ms32(refused->ask_again);
    result.why = refused->why;
    result.instead = refused->instead;
    notice = refused->why + "; " + refused->instead;
  }
  return result;
}

void coordinator_state::book(const identify_sent& x) {
  auto changed =
      x.invalid ? ledger.violated(x.permit, now()) : ledger.used(x.permit, milliseconds(x.age_ms), now());
  if (x.invalid)
    spdlog::warn("Discord refused the IDENTIFY of shard {}", to_string(x.shard));
  unwritten.insert(unwritten.end(), changed.begin(), changed.end());
}

void coordinator_state::take_back(const permit_returned& x) {
  if (auto changed = ledger.returned(x.permit, now()); !changed.empty())
    save({.permits = changed});
}

/// In commits that every store takes, however long it was away.
void coordinator_state::write_used_permits() {
  while (!unwritten.empty()) {
    auto end = unwritten.begin() + static_cast<std::ptrdiff_t>(std::min(unwritten.size(), most_permits));
    if (!save({.permits = {unwritten.begin(), end}}))
      return;
    unwritten.erase(unwritten.begin(), end);
  }
}

void coordinator_state::forget_old_permits() {
  auto old = ledger.forget(now());
  for (std::size_t i = 0; i < old.size(); i += most_permits)
    save({.forgotten_permits = {old.begin() + static_cast<std::ptrdiff_t>(i),
                                old.begin() +
                                    static_cast<std::ptrdiff_t>(std::min(i + most_permits, old.size()))}});
}

} // namespace shardyard
