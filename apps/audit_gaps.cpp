#include "apps/audit_gaps.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <set>

namespace shardyard {
namespace {

constexpr auto still_alive = std::numeric_limits<truth::number>::max();

gap_border read_border(const boost::json::object& d, std::string_view key) {
  gap_border result;
  auto value = d.if_contains(key);
  auto border = value != nullptr ? value->if_object() : nullptr;
  if (border == nullptr)
    return result;
  if (auto id = border->if_contains("session_id"); id != nullptr && id->is_string())
    result.session = id->get_string();
  boost::json::error_code ignored;
  if (auto s = border->if_contains("s"); s != nullptr && s->is_number())
    result.s = s->to_number<std::uint64_t>(ignored);
  return result;
}

// Newest occurrence of the guild that the session had shown through `s`, by its snapshot or as an event.
std::uint64_t shown_through(const gap_claim& claim, const truth& what, truth::index session,
                            std::uint64_t s) {
  std::uint64_t newest = 0;
  for (auto& change : what.coverage_of(claim.scope.guild)) {
    if (change.begins && change.session == session) {
      newest = change.after;
      break;
    }
  }
  auto& carried = what.sessions()[session].carried;
  for (std::uint64_t i = 0; i <= s && i < carried.size(); ++i) {
    if (carried[i] > newest && covers(claim, what.scope_of(carried[i])))
      newest = carried[i];
  }
  return newest;
}

std::uint64_t lower_border(const gap_claim& claim, const truth& what) {
  auto session = what.find_session(claim.last.session);
  if (!session)
    return what.first_covered(claim.scope.guild).value_or(0);
  return shown_through(claim, what, *session, claim.last.s);
}

// The first occurrence that the new session owes again. A snapshot has no occurrence of its own: what follows
// it does.
std::uint64_t upper_border(const gap_claim& claim, const truth& what, std::uint64_t from) {
  auto session = what.find_session(claim.first.session);
  if (!session)
    return 0;
  auto exact = what.find(*session, claim.first.s);
  if (exact != 0 && covers(claim, what.scope_of(exact)))
    return exact;
  for (auto& change : what.coverage_of(claim.scope.guild)) {
    if (change.begins && change.session == *session && change.after >= from)
      return change.after + 1;
  }
  return 0;
}

// Whether at some moment between the borders nobody covered the guild.
bool uncovered_between(const gap_claim& claim, const truth& what, std::uint64_t from, std::uint64_t to) {
  std::set<truth::index> covering;
  auto began = false;
  std::uint64_t since = 0;
  for (auto& change : what.coverage_of(claim.scope.guild)) {
    if (change.begins) {
      if (began && covering.empty() && change.after >= from && since <= to)
        return true;
      began = true;
      covering.insert(change.session);
    } else if (covering.erase(change.session) > 0 && covering.empty()) {
      since = change.after;
    }
  }
  return began && covering.empty() && since <= to;
}

} // namespace

bool parse_gap(std::string_view d, gap_claim& claim) {
  boost::json::error_code error;
  auto value = boost::json::parse({d.data(), d.size()}, error);
  if (error || !value.is_object())
    return false;
  claim.last = read_border(value.get_object(), "last");
  claim.first = read_border(value.get_object(), "first");
  return true;
}

gap_judge::gap_judge(const truth& what_happened)
    : truth_(what_happened), held_until_(what_happened.newest() + 1) {
  for (auto& session : truth_.sessions()) {
    auto until = session.end ? static_cast<truth::number>(session.end->after) : still_alive;
    for (auto id : session.carried)
      held_until_[id] = std::max(held_until_[id], until);
  }
}

// Whether some occurrence between the borders was in the hands of no session that lived on beyond the gap.
bool gap_judge::died_with_its_sessions(const gap_claim& claim, std::uint64_t from, std::uint64_t to) const {
  for (auto id = from + 1; id < to && id <= truth_.newest(); ++id) {
    auto occurrence = static_cast<truth::number>(id);
    if (held_until_[id] <= to && covers(claim, truth_.scope_of(occurrence)) && truth_.owed(occurrence))
      return true;
  }
  return false;
}

judged_gap gap_judge::judge(const gap_claim& claim) const {
  judged_gap result;
  result.from = lower_border(claim, truth_);
  result.to = upper_border(claim, truth_, result.from);
  if (result.to == 0) // the new session is unknown, or it never covered the guild: the claim cannot be true
    return result;
  result.to = std::max(result.to, result.from);
  result.explained = uncovered_between(claim, truth_, result.from, result.to) ||
                     died_with_its_sessions(claim, result.from, result.to);
  return result;
}

} // namespace shardyard
