#include "apps/audit.hpp"

#include "actors/node/jsonl_header.hpp"
#include "apps/audit_lines.hpp"
#include "messages/event_block.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <map>
#include <spdlog/fmt/fmt.h>

namespace shardyard {
namespace {

constexpr std::size_t max_examples = 20;

// Deliveries outside the longest run in true order.
template <class Deliveries>
std::uint64_t out_of_order(const Deliveries& deliveries) {
  std::vector<truth::number> ends; // ends[i]: least id that a rising run of i + 1 deliveries can end with
  for (auto& x : deliveries) {
    auto at = std::ranges::lower_bound(ends, x.id);
    if (at == ends.end())
      ends.push_back(x.id);
    else
      *at = x.id;
  }
  return deliveries.size() - ends.size();
}

} // namespace

audit::audit(const truth& what_happened)
    : truth_(what_happened),
      first_n_(what_happened.newest() + 1),
      order_(what_happened.scopes().size()),
      numbering_(what_happened.scopes().size()) {}

void audit::begin_file() {
  ++file_;
}

void audit::example(std::string text) {
  if (result_.examples.size() < max_examples)
    result_.examples.push_back(std::move(text));
}

std::string audit::described(truth::number id) const {
  auto& scope = truth_.scope_of(id);
  auto where = scope.guild != 0     ? fmt::format("guild {}", scope.guild)
               : scope.channel != 0 ? fmt::format("channel {}", scope.channel)
                                    : std::string{"no guild"};
  return fmt::format("occurrence {} ({}, {})", id, truth_.name_of(id).name, where);
}

void audit::line(std::string_view text) {
  ++result_.lines;
  jsonl_header header;
  if (!parse_header(text, header)) {
    ++result_.malformed;
    example(fmt::format("not a line of a sink: {}", text.substr(0, 120)));
  } else if (header.control()) {
    control(header);
  } else {
    event(header);
  }
}

void audit::torn(std::string_view rest) {
  result_.torn += rest.empty() ? 0 : 1;
}

void audit::control(const jsonl_header& header) {
  if ((header.flags & gap_flag) != 0) {
    gap_claim claim;
    if (!parse_gap(header.d, claim)) {
      ++result_.malformed;
      return;
    }
    claim.scope = {header.guild, header.channel};
    result_.controls_repeated += gaps_.insert(std::move(claim)).second ? 0 : 1;
    return;
  }
  auto& newest = numbering_[{header.guild, header.channel}].cut_epoch;
  if (header.epoch <= newest) {
    ++result_.controls_repeated;
    return;
  }
  newest = header.epoch;
  boost::json::error_code error;
  auto d = boost::json::parse({header.d.data(), header.d.size()}, error);
  auto object = error ? nullptr : d.if_object();
  auto kind = object != nullptr ? object->if_contains("kind") : nullptr;
  if (kind == nullptr || !kind->is_string()) {
    ++result_.malformed;
    return;
  }
  auto& name = kind->get_string();
  auto count = name == "anchor"      ? &result_.cuts.anchor
               : name == "quiet"     ? &result_.cuts.quiet
               : name == "accepted"  ? &result_.cuts.accepted
               : name == "swap_back" ? &result_.cuts.swap_back
                                     : &result_.malformed;
  ++*count;
  if (auto why = object->if_contains("why"); why != nullptr && why->is_string()) {
    auto& reason = why->get_string();
    result_.cuts.silent += reason == "silent" ? 1 : 0;
    result_.cuts.alike += reason == "alike" ? 1 : 0;
    result_.cuts.unclear += reason == "unclear" ? 1 : 0;
  }
  auto weak = object->if_contains("weak");
  result_.cuts.weak += weak != nullptr && weak->is_bool() && weak->get_bool() ? 1 : 0;
}

bool audit::unmatched_is_fine(const jsonl_header& header) {
  // The truth lists real joins and leaves; other session-local events are nobody's occurrence.
  auto local = type_of(find_event_type(header.t)).lane == lane::local && header.t != "GUILD_CREATE" &&
               header.t != "GUILD_DELETE";
  result_.local_lines += local ? 1 : 0;
  return local && known_session_index_;
}

void audit::event(const jsonl_header& header) {
  if (header.session_id != known_session_ || known_session_.empty()) {
    known_session_ = header.session_id;
    known_session_index_ = truth_.find_session(unescaped(header.session_id));
  }
  auto id = known_session_index_ ? truth_.find(*known_session_index_, header.s) : 0;
  // Made from a snapshot: nobody's occurrence, wherever it stands; but a levelled presence was sent by the
  // new session and may be all that is seen of it.
  auto made = (header.flags & snapshot_flag) != 0;
  auto fits = id != 0 && truth_.name_of(id).name == header.t && truth_.scope_of(id).guild == header.guild;
  if (made && (!fits || first_n_[id] != 0)) {
    check_number(header, 0);
    ++result_.levelled;
    return;
  }
  check_number(header, fits ? id : 0);
  if (fits) {
    deliver(header, id);
  } else if (id != 0 || !unmatched_is_fine(header)) {
    ++result_.foreign;
    example(fmt::format("foreign: {} for guild {}, session {} s {}: {}", header.t, header.guild,
                        header.session_id, header.s,
                        id == 0 ? "the truth knows no such copy" : "that copy is " + described(id)));
  }
}

void audit::deliver(const jsonl_header& header, truth::number id) {
  auto lane = truth_.lane_of(id);
  auto& figures = result_.of(lane);
  auto again = first_n_[id] != 0;
  auto n = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(header.n, std::numeric_limits<std::uint32_t>::max() - 1));
  auto late = (header.flags & late_flag) != 0;
  auto& scope = truth_.scope_of(id);
  if (again && first_n_[id] == n + 1) {
    ++figures.redelivered;
    return;
  }
  if (again) {
    ++figures.doubled;
    if (lane != audit_lane::best_effort)
      example(fmt::format("doubled: {} as n {} and n {}, then from session {} s {}", described(id),
                          first_n_[id] - 1, n, header.session_id, header.s));
    return;
  }
  first_n_[id] = n + 1;
  ++figures.delivered;
  figures.late += late ? 1 : 0;
  auto ordered = lane == audit_lane::guild || (lane == audit_lane::guildless && scope.channel != 0);
  if (ordered && !late)
    order_[truth_.scope_index(id)].push_back({n, id});
}

// `id` 0: a line that the truth does not list; it uses up a number all the same.
void audit::check_number(const jsonl_header& header, truth::number id) {
  auto& scope = numbering_[{header.guild, header.channel}];
  if (scope.file != file_) {
    scope.several_files = scope.file != 0;
    scope.file = file_;
    scope.last_n = 0;
  }
  if (!scope.add(header.n)) {
    if (id == 0 || first_n_[id] == header.n + 1)
      return; // the same delivery once more, which is no new number
    ++result_.n_reused;
    example(fmt::format("delivery number {} of guild {} used again, session {} s {}", header.n, header.guild,
                        header.session_id, header.s));
    return;
  }
  if (header.n < scope.last_n) {
    ++result_.n_backwards;
    example(
        fmt::format("delivery number of guild {} fell from {} to {}", header.guild, scope.last_n, header.n));
  }
  scope.last_n = std::max(scope.last_n, header.n);
  if (!scope.several_files && header.epoch < scope.epoch) {
    ++result_.epoch_backwards;
    example(fmt::format("epoch of guild {} fell from {} to {} at n {}", header.guild, scope.epoch,
                        header.epoch, header.n));
  }
  scope.epoch = std::max(scope.epoch, header.epoch);
}

void audit::count_lost() {
  std::map<truth::scope, std::vector<judged_gap>> explained;
  if (!gaps_.empty()) {
    gap_judge judge{truth_};
    for (auto& claim : gaps_) {
      auto gap = judge.judge(claim);
      ++(gap.explained ? result_.gaps_explained : result_.gaps_unexplained);
      if (gap.explained)
        explained[claim.scope].push_back(gap);
      else
        example(fmt::format("gap without a reason: guild {}, after session {} s {}, before session {} s {}",
                            claim.scope.guild, claim.last.session, claim.last.s, claim.first.session,
                            claim.first.s));
    }
  }
  auto in_gap = [&](truth::number id) {
    auto& scope = truth_.scope_of(id);
    auto inside = [&](const truth::scope& of) {
      auto found = explained.find(of);
      return found != explained.end() &&
             std::ranges::any_of(found->second, [id](auto& gap) { return gap.from < id && id < gap.to; });
    };
    return inside(scope) || (scope.guild == 0 && inside({}));
  };
  for (truth::number id = 1; id <= truth_.newest(); ++id) {
    auto lane = truth_.lane_of(id);
    auto& figures = result_.of(lane);
    ++figures.happened;
    if (!truth_.owed(id))
      continue;
    ++figures.owed;
    if (first_n_[id] != 0)
      continue;
    if (in_gap(id)) {
      ++figures.in_gap;
      continue;
    }
    ++figures.lost;
    if (lane == audit_lane::best_effort)
      continue;
    result_.lost_uncarried += truth_.carried(id) ? 0 : 1;
    if (lost_examples_.size() < max_examples)
      lost_examples_.push_back(id);
  }
}

void audit::find_carriers() {
  std::unordered_map<truth::number, std::string> carriers;
  for (auto id : lost_examples_)
    carriers.emplace(id, "");
  for (auto& session : truth_.sessions()) {
    for (std::size_t s = 0; s < session.carried.size() && !carriers.empty(); ++s) {
      auto found = session.carried[s] != 0 ? carriers.find(session.carried[s]) : carriers.end();
      if (found != carriers.end())
        found->second += fmt::format(" {} [{},{}] s {}{};", session.id, session.shard_id, session.shard_count,
                                     s, session.end ? " (ended)" : "");
    }
  }
  for (auto id : lost_examples_)
    example(fmt::format("lost: {}, carried by{}", described(id),
                        carriers[id].empty() ? " no session" : carriers[id]));
}

void audit::count_reordered() {
  for (std::size_t i = 0; i < order_.size(); ++i) {
    if (order_[i].empty())
      continue;
    if (numbering_[truth_.scopes()[i]].several_files)
      std::ranges::stable_sort(order_[i], {}, &delivery::n);
    auto count = out_of_order(order_[i]);
    if (count == 0)
      continue;
    auto lane = truth_.scopes()[i].guild != 0 ? audit_lane::guild : audit_lane::guildless;
    result_.of(lane).reordered += count;
    auto fall = std::ranges::adjacent_find(order_[i], std::ranges::greater{}, &delivery::id);
    example(
        fmt::format("re-ordered: {} came before {}", described(fall->id), described(std::next(fall)->id)));
  }
}

void audit::count_missing_numbers() {
  for (auto& [scope, numbers] : numbering_) {
    result_.guilds += !numbers.seen.empty() && scope.guild != 0 ? 1 : 0;
    auto missing = numbers.missing();
    result_.n_missing += missing;
    if (missing > 0)
      example(fmt::format("delivery numbers of guild {} leave out {} after n {}", scope.guild, missing,
                          numbers.seen.front().last));
  }
}

audit_result audit::finish() {
  count_lost();
  find_carriers();
  count_reordered();
  count_missing_numbers();
  return std::move(result_);
}

audit_result audit_files(const truth& what_happened, const std::vector<std::string>& paths,
                         std::string& error) {
  audit run{what_happened};
  for (auto& path : paths) {
    std::string rest;
    run.begin_file();
    error = read_lines(
        path, [&run](std::string_view line) { run.line(line); }, rest);
    if (!error.empty())
      break;
    run.torn(rest);
  }
  return run.finish();
}

} // namespace shardyard
