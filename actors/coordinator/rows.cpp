#include "actors/coordinator/rows.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

namespace shardyard {

namespace json = boost::json;

namespace {

json::value write(const topology& x) {
  return {{"id", x.id}, {"shard_count", x.shard_count}};
}

json::value write(const plan_unit& x) {
  json::array closed(x.closed.begin(), x.closed.end());
  json::object result{{"state", json::string_view{to_string(x.state)}},
                      {"entered_ms", to_ms(x.entered)},
                      {"stable_from_ms", to_ms(x.stable_from)},
                      {"restarts", x.restarts},
                      {"accepted", x.accepted},
                      {"closed", closed}};
  if (x.dumb) // seldom, and rows of earlier builds do not have it
    result["dumb"] = true;
  return result;
}

/// Length of the UTF-8 sequence that `text` begins with, 0: none (RFC 3629, section 4).
std::size_t sequence_length(std::string_view text) {
  auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto first = byte(0);
  if (first < 0x80)
    return 1;
  auto length = first >= 0xC2 && first <= 0xDF   ? 2u
                : (first & 0xF0) == 0xE0         ? 3u
                : first >= 0xF0 && first <= 0xF4 ? 4u
                                                 : 0u;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80)
      return 0;
  auto second = byte(1);
  auto overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  auto surrogate_or_beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || surrogate_or_beyond ? 0 : length;
}

/// Texts come from operators and nodes. What is no UTF-8 becomes '?': a row that could not be read back would
/// stop the next coordinator.
json::string readable(std::string_view text) {
  json::string result;
  while (!text.empty()) {
    auto length = sequence_length(text);
    if (length == 0)
      result.push_back('?');
    else
      result.append(json::string_view{text.data(), length});
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

/// An object whose fields are asked for by name; what is missing or of the wrong type is named in the error.
class fields {
public:
  explicit fields(const json::value& x) : object_{x.if_object()} {
    if (!object_)
      throw bad_row{"a row must be a JSON object"};
  }

  const json::value& at(const char* name) const {
    auto found = object_->if_contains(name);
    if (!found)
      throw bad_row{std::string{"field '"} + name + "' is missing"};
    return *found;
  }
  template <class T>
  T number(const char* name) const {
    boost::system::error_code wrong;
    auto result = at(name).to_number<T>(wrong);
    if (wrong)
      throw bad_row{std::string{"field '"} + name + "' is no number of its range"};
    return result;
  }
  bool flag(const char* name) const {
    auto found = at(name).if_bool();
    if (!found)
      throw bad_row{std::string{"field '"} + name + "' is neither true nor false"};
    return *found;
  }
  std::string text(const char* name) const {
    auto found = at(name).if_string();
    if (!found)
      throw bad_row{std::string{"field '"} + name + "' is no text"};
    return std::string{found->c_str(), found->size()};
  }
  const json::array& list(const char* name) const {
    auto found = at(name).if_array();
    if (!found)
      throw bad_row{std::string{"field '"} + name + "' is no list"};
    return *found;
  }
  unix_time time(const char* name) const { return unix_ms(number<std::int64_t>(name)); }

  template <class Names>
  std::size_t one_of(const char* name, const Names& names) const {
    auto value = text(name);
    for (std::size_t i = 0; i < std::size(names); ++i)
      if (names[i] == value)
        return i;
    throw bad_row{std::string{"field '"} + name + "' has the unknown value '" + value + "'"};
  }

private:
  const json::object* object_;
};

json::value parse(std::string_view text) {
  boost::system::error_code wrong;
  auto result = json::parse(json::string_view{text.data(), text.size()}, wrong);
  if (wrong)
    throw bad_row{"not JSON: " + wrong.message()};
  return result;
}

topology read_topology(const json::value& x) {
  fields f{x};
  return {f.number<std::uint32_t>("id"), f.number<std::uint32_t>("shard_count")};
}

std::uint32_t read_id(const json::value& x) {
  boost::system::error_code wrong;
  auto result = x.to_number<std::uint32_t>(wrong);
  if (wrong)
    throw bad_row{"a shard id is no number of its range"};
  return result;
}

plan_unit read_unit(const json::value& x) {
  fields f{x};
  plan_unit unit;
  unit.state = static_cast<unit_state>(f.one_of("state", unit_state_names));
  unit.entered = f.time("entered_ms");
  unit.stable_from = f.time("stable_from_ms");
  unit.restarts = f.number<std::uint32_t>("restarts");
  unit.accepted = f.flag("accepted");
  unit.dumb = x.as_object().contains("dumb") && f.flag("dumb");
  for (const auto& id : f.list("closed"))
    unit.closed.push_back(read_id(id));
  return unit;
}

std::vector<plan_unit> read_units(const json::array& list) {
  std::vector<plan_unit> result;
  result.reserve(list.size());
  for (const auto& unit : list)
    result.push_back(read_unit(unit));
  return result;
}

json::array write(std::span<const plan_unit> x) {
  json::array units;
  units.reserve(x.size());
  for (const auto& unit : x)
    units.push_back(write(unit));
  return units;
}

/// Without its units.
json::object write(const reshard_plan& x) {
  return {{"id", x.id},
          {"state", json::string_view{to_string(state_of(x))}},
          {"cluster_epoch", x.cluster_epoch},
          {"from", write(x.from)},
          {"to", write(x.to)},
          {"renew", x.renew},
          {"hold", x.hold},
          {"committed", x.committed},
          {"paused", x.paused},
          {"pause_reason", readable(x.pause_reason)},
          {"created_ms", to_ms(x.created)}};
}

/// A large one names each node once.
constexpr std::size_t most_names = 4096;

json::object write_numbered(const placement& x) {
  std::map<std::string, std::size_t> numbers;
  json::array names, nodes;
  nodes.reserve(x.size());
  for (const auto& node : x) {
    auto [place, fresh] = numbers.try_emplace(node, numbers.size());
    if (fresh)
      names.emplace_back(readable(node));
    nodes.emplace_back(place->second);
  }
  return {{"names", names}, {"nodes", nodes}};
}

std::vector<std::string> read_names(const fields& f, const char* name) {
  std::vector<std::string> result;
  for (const auto& x : f.list(name)) {
    auto found = x.if_string();
    if (!found)
      throw bad_row{std::string{"field '"} + name + "' holds something that is no text"};
    result.emplace_back(found->c_str(), found->size());
  }
  return result;
}

placement read_numbered(const fields& f) {
  auto names = read_names(f, "names");
  placement result;
  for (const auto& number : f.list("nodes")) {
    boost::system::error_code wrong;
    auto i = number.to_number<std::size_t>(wrong);
    if (wrong || i >= names.size())
      throw bad_row{"field 'nodes' holds something that numbers no name"};
    result.push_back(names[i]);
  }
  return result;
}

constexpr std::string_view purposes[] = {"recovery", "start", "reshard"};
constexpr std::string_view permit_states[] = {"granted", "used", "returned"};

json::string_view name(const std::string_view (&names)[3], std::size_t i) {
  return {names[i].data(), names[i].size()};
}

} // namespace

std::string to_row(const topology& x) {
  return json::serialize(write(x));
}

std::string to_row(const reshard_plan& x) {
  auto row = write(x);
  row["units"] = write(std::span{x.units});
  return json::serialize(row);
}

std::string to_row(const reshard_plan& x, const plan_slots& slots) {
  auto row = write(x);
  row["unit_slots"] = json::array(slots.begin(), slots.end());
  return json::serialize(row);
}

std::string to_row(std::span<const plan_unit> x) {
  return json::serialize(json::object{{"units", write(x)}});
}

std::string to_row(const permit_row& x) {
  return json::serialize(json::value{{"id", x.id},
                                     {"topology", x.shard.topology},
                                     {"shard_id", x.shard.id},
                                     {"shard_count", x.shard.count},
                                     {"purpose", name(purposes, static_cast<std::size_t>(x.purpose))},
                                     {"state", name(permit_states, static_cast<std::size_t>(x.state))},
                                     {"granted_ms", to_ms(x.granted)},
                                     {"used_ms", to_ms(x.used)},
                                     {"violated", x.violated}});
}

std::string to_row(const session_start_limit& x) {
  return json::serialize(json::value{{"total", x.total},
                                     {"remaining", x.remaining},
                                     {"reset_after_ms", x.reset_after.count()},
                                     {"max_concurrency", x.max_concurrency},
                                     {"fetched_ms", to_ms(x.fetched)}});
}

std::string to_row(const placement& x) {
  if (x.size() > most_names)
    return json::serialize(write_numbered(x));
  json::array nodes;
  for (const auto& node : x)
    nodes.emplace_back(readable(node));
  return json::serialize(json::value{{"nodes", nodes}});
}

std::pair<reshard_plan, plan_slots> plan_from_row(std::string_view text) {
  auto value = parse(text);
  fields f{value};
  reshard_plan plan;
  plan.id = f.number<std::uint64_t>("id");
  plan.cluster_epoch = f.number<std::uint64_t>("cluster_epoch");
  plan.from = read_topology(f.at("from"));
  plan.to = read_topology(f.at("to"));
  plan.renew = f.flag("renew");
  plan.hold = f.flag("hold");
  plan.committed = f.flag("committed");
  plan.paused = f.flag("paused");
  plan.pause_reason = f.text("pause_reason");
  plan.created = f.time("created_ms");
  if (plan.from.shard_count == 0 || plan.to.shard_count == 0)
    throw bad_row{"field 'shard_count' is 0"};
  plan_slots slots;
  if (!value.as_object().contains("unit_slots"))
    plan.units = read_units(f.list("units"));
  else
    for (const auto& slot : f.list("unit_slots"))
      if (slots.push_back(read_id(slot)); slots.back() > 1)
        throw bad_row{"field 'unit_slots' holds something else than 0 and 1"};
  return {std::move(plan), std::move(slots)};
}

std::vector<plan_unit> units_from_row(std::string_view text) {
  auto value = parse(text);
  return read_units(fields{value}.list("units"));
}

void check_units(const reshard_plan& x) {
  if (x.units.size() != x.cuts().count())
    throw bad_row{"field 'units' has " + std::to_string(x.units.size()) + " entries, the counts make " +
                  std::to_string(x.cuts().count())};
}

template <>
reshard_plan from_row<reshard_plan>(std::string_view text) {
  auto plan = plan_from_row(text).first;
  check_units(plan);
  return plan;
}

template <>
permit_row from_row<permit_row>(std::string_view text) {
  auto value = parse(text);
  fields f{value};
  permit_row row;
  row.id = f.number<std::uint64_t>("id");
  row.shard = {f.number<std::uint32_t>("topology"), f.number<std::uint32_t>("shard_id"),
               f.number<std::uint32_t>("shard_count")};
  row.purpose = static_cast<permit_purpose>(f.one_of("purpose", purposes));
  row.state = static_cast<permit_state>(f.one_of("state", permit_states));
  row.granted = f.time("granted_ms");
  row.used = f.time("used_ms");
  row.violated = f.flag("violated");
  return row;
}

template <>
session_start_limit from_row<session_start_limit>(std::string_view text) {
  auto value = parse(text);
  fields f{value};
  return {f.number<std::uint32_t>("total"), f.number<std::uint32_t>("remaining"),
          std::chrono::milliseconds{f.number<std::int64_t>("reset_after_ms")},
          f.number<std::uint32_t>("max_concurrency"), f.time("fetched_ms")};
}

template <>
topology from_row<topology>(std::string_view text) {
  return read_topology(parse(text));
}

template <>
placement from_row<placement>(std::string_view text) {
  auto value = parse(text);
  fields f{value};
  if (value.as_object().contains("names"))
    return read_numbered(f);
  return read_names(f, "nodes");
}

std::string to_row(const placed_groups& x) {
  json::array groups;
  for (auto& group : x) {
    json::object row{
        {"id", group.place.id},
        {"epoch", group.place.epoch},
        {"node", readable(group.place.node)},
        {"partitions", json::array(group.place.partitions.begin(), group.place.partitions.end())}};
    if (group.origin)
      row["origin"] = {
          {"id", group.origin->id}, {"epoch", group.origin->epoch}, {"node", readable(group.origin->node)}};
    groups.push_back(std::move(row));
  }
  return json::serialize(json::object{{"groups", std::move(groups)}});
}

template <>
placed_groups from_row<placed_groups>(std::string_view text) {
  auto value = parse(text);
  placed_groups result;
  for (const auto& entry : fields{value}.list("groups")) {
    fields f{entry};
    auto& x = result.emplace_back();
    x.place.id = f.number<std::uint32_t>("id");
    x.place.epoch = f.number<std::uint64_t>("epoch");
    x.place.node = f.text("node");
    for (const auto& partition : f.list("partitions")) {
      boost::system::error_code wrong;
      x.place.partitions.push_back(partition.to_number<std::uint32_t>(wrong));
      if (wrong)
        throw bad_row{"field 'partitions' holds something that is no number of its range"};
    }
    if (!entry.as_object().contains("origin"))
      continue;
    fields from{f.at("origin")};
    x.origin = {from.number<std::uint32_t>("id"), from.number<std::uint64_t>("epoch"), from.text("node")};
  }
  return result;
}

} // namespace shardyard
