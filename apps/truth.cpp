#include "apps/truth.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <simdjson.h>
#include <stdexcept>

namespace shardyard {
namespace {

struct bad_row : std::runtime_error {
  using runtime_error::runtime_error;
};

// A session's sequence may have holes (events that are no occurrences), but not of this size.
constexpr std::uint64_t max_sequence_jump = 1u << 24;

} // namespace

// Takes a row apart. One parser and one padded buffer serve all rows.
struct truth::reader {
  simdjson::dom::parser parser;
  simdjson::dom::array cells;

  void open(std::string_view line) {
    if (parser.parse(line.data(), line.size()).get(cells) != simdjson::SUCCESS)
      throw bad_row{"not a JSON array"};
  }

  simdjson::dom::element cell(std::size_t i) const {
    simdjson::dom::element result;
    if (cells.at(i).get(result) != simdjson::SUCCESS)
      throw bad_row{"too short"};
    return result;
  }

  std::string_view text(std::size_t i) const {
    std::string_view result;
    if (cell(i).get(result) != simdjson::SUCCESS)
      throw bad_row{"item " + std::to_string(i) + " is not a string"};
    return result;
  }

  std::uint64_t whole(std::size_t i) const { return whole(cell(i), i); }
  std::uint64_t whole(simdjson::dom::element element, std::size_t i) const {
    std::uint64_t result = 0;
    if (element.get(result) != simdjson::SUCCESS || result >= std::numeric_limits<number>::max())
      throw bad_row{"item " + std::to_string(i) + " is not a whole number below 2^32"};
    return result;
  }

  snowflake id(std::size_t i) const {
    auto digits = text(i);
    snowflake result = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result);
    if (!digits.empty() && (error != std::errc{} || end != digits.data() + digits.size()))
      throw bad_row{"item " + std::to_string(i) + " is not a snowflake"};
    return result;
  }

  // Rows of one kind of letter each.
  void take(truth& into) const {
    auto kind = text(0);
    if (kind == "o")
      take_occurrence(into);
    else if (kind == "c")
      take_copy(into);
    else if (kind == "S")
      take_session(into);
    else if (kind == "g" || kind == "u")
      take_coverage(into, kind == "g");
    else if (kind == "x")
      take_end(into);
    else
      throw bad_row{"unknown kind of row"};
  }

  void take_occurrence(truth& into) const {
    if (whole(1) != into.occurrences_.size() + 1)
      throw bad_row{"occurrence " + std::to_string(whole(1)) + " follows " + std::to_string(into.newest())};
    auto guild = id(2);
    auto name = into.intern_name(text(3));
    into.occurrences_.push_back({into.intern_scope(guild, guild == 0 ? id(4) : 0), name});
    into.carried_.push_back(false);
  }

  index session_number(const truth& into) const {
    auto found = into.session_numbers_.find(whole(1));
    if (found == into.session_numbers_.end())
      throw bad_row{"session " + std::to_string(whole(1)) + " has had no \"S\" row"};
    return found->second;
  }

  void take_copy(truth& into) const {
    auto& carried = into.sessions_[session_number(into)].carried;
    auto s = whole(2);
    auto occurrence = whole(3);
    if (occurrence == 0 || occurrence > into.newest())
      throw bad_row{"occurrence " + std::to_string(occurrence) + " has not happened"};
    if (s > carried.size() + max_sequence_jump)
      throw bad_row{"sequence " + std::to_string(s) + " is far beyond the session's last"};
    if (s >= carried.size())
      carried.resize(s + 1);
    if (carried[s] != 0)
      throw bad_row{"sequence " + std::to_string(s) + " was carried before"};
    carried[s] = static_cast<number>(occurrence);
    into.carried_[occurrence - 1] = true;
    auto& name = into.names_[into.occurrences_[occurrence - 1].name];
    (into.scope_of(carried[s]).guild != 0 ? name.carried_in_guilds : name.carried_without) = true;
  }

  void take_session(truth& into) const {
    auto position = static_cast<index>(into.sessions_.size());
    simdjson::dom::array shard;
    if (cell(3).get(shard) != simdjson::SUCCESS || shard.size() != 2)
      throw bad_row{"item 3 is not [shard_id, shard_count]"};
    session next;
    next.id = text(2);
    next.shard_id = static_cast<std::uint32_t>(whole(shard.at(0).value(), 3));
    next.shard_count = static_cast<std::uint32_t>(whole(shard.at(1).value(), 3));
    next.start = {position, true, whole(4), into.rows_};
    if (into.session_numbers_.contains(whole(1)) || into.session_ids_.contains(next.id))
      throw bad_row{"session " + std::to_string(whole(1)) + " had an \"S\" row before"};
    into.session_numbers_.emplace(whole(1), position);
    into.session_ids_.emplace(next.id, position);
    if (next.shard_id == 0 && !into.guildless_after_)
      into.guildless_after_ = next.start.after;
    into.sessions_.push_back(std::move(next));
  }

  void take_coverage(truth& into, bool begins) const {
    auto session = session_number(into);
    auto after = whole(3);
    into.coverage_[id(2)].push_back({session, begins, after, into.rows_});
  }

  void take_end(truth& into) const {
    auto session = session_number(into);
    into.sessions_[session].end = coverage{session, false, whole(3), into.rows_};
  }
};

truth::truth() : reader_(std::make_unique<reader>()) {}
truth::truth(truth&&) noexcept = default;
truth::~truth() = default;

bool truth::add(std::string_view line, std::string& error) {
  try {
    reader_->open(line);
    reader_->take(*this);
    ++rows_;
    return true;
  } catch (const bad_row& problem) {
    error = "row " + std::to_string(rows_ + 1) + " of the truth: " + problem.what() + ": " +
            std::string{line.substr(0, 200)};
    return false;
  }
}

std::uint16_t truth::intern_name(std::string_view name) {
  auto found = name_index_.find(std::string{name});
  if (found != name_index_.end())
    return found->second;
  if (names_.size() == std::numeric_limits<std::uint16_t>::max())
    throw bad_row{"too many different event names"};
  auto position = static_cast<std::uint16_t>(names_.size());
  names_.push_back({std::string{name}, find_event_type(name)});
  name_index_.emplace(name, position);
  return position;
}

truth::index truth::intern_scope(snowflake guild, snowflake channel) {
  auto& table = guild != 0 ? guild_index_ : channel_index_;
  auto [found, fresh] = table.try_emplace(guild != 0 ? guild : channel, static_cast<index>(scopes_.size()));
  if (fresh)
    scopes_.push_back({guild, channel});
  return found->second;
}

audit_lane truth::lane_of(number id) const {
  auto& name = name_of(id);
  if (name.name == "GUILD_CREATE" || name.name == "GUILD_DELETE")
    return audit_lane::membership;
  switch (type_of(name.type).lane) {
  case lane::keyed:
    return audit_lane::interaction;
  case lane::state:
  case lane::local:
    return audit_lane::best_effort;
  case lane::anchor:
  case lane::plain:
    break;
  }
  return scope_of(id).guild == 0 ? audit_lane::guildless : audit_lane::guild;
}

bool truth::owed(number id) const {
  // A join is itself what opens the guild's coverage, so it counts from the first session that carried it.
  if (lane_of(id) == audit_lane::membership)
    return carried(id);
  auto guild = scope_of(id).guild;
  auto& name = name_of(id);
  auto since = first_covered(guild);
  return since && id > *since && (guild != 0 ? name.carried_in_guilds : name.carried_without);
}

std::optional<truth::index> truth::find_session(std::string_view id) const {
  auto found = session_ids_.find(std::string{id});
  return found == session_ids_.end() ? std::nullopt : std::optional{found->second};
}

truth::number truth::find(index session, std::uint64_t s) const {
  auto& carried = sessions_[session].carried;
  return s < carried.size() ? carried[s] : 0;
}

std::optional<std::uint64_t> truth::first_covered(snowflake guild) const {
  if (guild == 0)
    return guildless_after_;
  auto found = coverage_.find(guild);
  if (found == coverage_.end())
    return {};
  auto first = std::ranges::find(found->second, true, &coverage::begins);
  return first == found->second.end() ? std::nullopt : std::optional{first->after};
}

std::vector<truth::coverage> truth::coverage_of(snowflake guild) const {
  std::vector<coverage> result;
  if (auto found = coverage_.find(guild); found != coverage_.end())
    result = found->second;
  std::unordered_set<index> seen;
  for (auto& change : result)
    seen.insert(change.session);
  for (auto& session : sessions_) {
    if (guild == 0 && session.shard_id == 0)
      result.push_back(session.start);
    if (session.end && (guild == 0 ? session.shard_id == 0 : seen.contains(session.start.session)))
      result.push_back(*session.end);
  }
  std::ranges::sort(result, {}, &coverage::row);
  return result;
}

} // namespace shardyard
