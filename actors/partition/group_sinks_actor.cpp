#include "actors/partition/group_sinks_actor.hpp"

#include "actors/node/remote_sink_actor.hpp"
#include "actors/node/sink_catch_up.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace shardyard {
namespace {

std::uint64_t parse_offset(std::string_view text) {
  std::uint64_t result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

delivered_line line_of(const jsonl_header& x) {
  delivered_line line;
  line.guild = x.guild;
  line.channel = x.channel;
  line.n = x.n;
  line.epoch = x.epoch;
  line.from = {x.shard, unescaped(x.session_id)};
  line.s = x.s;
  line.t = std::string{x.t};
  line.control = x.control();
  return line;
}

opened_sinks open_all(caf::actor_system& system, const partition_group_setup& setup,
                      const std::map<std::string, std::string>& offsets,
                      const std::function<void(const delivered_line&)>& visit) {
  std::vector<std::unique_ptr<line_writer>> writers;
  std::vector<sink_file> files;
  bool forgetful = !setup.receivers.empty() || setup.cache; // as endpoints are
  for (auto& x : setup.sinks) {
    auto& writer = writers.emplace_back(x.kind == sink_type::jsonl ? open_line_writer(x.path) : nullptr);
    forgetful = forgetful || (x.kind != sink_type::null && !has_tail(x));
    if (!has_tail(x))
      continue;
    if (!writer->error().empty())
      throw std::runtime_error("sink " + x.path + ": " + std::string{writer->error()});
    auto known = offsets.find(x.path);
    files.push_back({x.path, known == offsets.end() ? 0 : parse_offset(known->second), writer.get()});
  }
  // Such a sink is behind by the bound of the backlog at most.
  auto keep = forgetful ? setup.max_backlog_bytes : 0;
  auto found = catch_up(files, keep, [&](const jsonl_header& x) { visit(line_of(x)); });
  if (found.lines > 0)
    spdlog::info("sink {}: {} lines beyond the log", found.furthest, found.lines);
  for (auto& path : found.caught_up)
    spdlog::info("sink {} was given the lines that {} had and it had not", path, found.furthest);
  for (auto& path : found.apart)
    spdlog::warn("sink {} shares no late line with {}: it goes on as it is", path, found.furthest);
  opened_sinks result;
  result.again.assign(std::make_move_iterator(found.delivered.begin()),
                      std::make_move_iterator(found.delivered.end()));
  for (std::size_t i = 0; i < writers.size(); ++i) {
    auto& x = setup.sinks[i];
    if (x.kind == sink_type::actor)
      result.sinks.push_back({.actor = spawn_remote_sink(system, x.path), .ends_with_group = true});
    if (!writers[i])
      continue; // null: takes everything at once, which needs nobody
    auto at = writers[i]->offset();
    result.sinks.push_back({.actor = spawn_jsonl_sink(system, std::move(writers[i]), x.path),
                            .path = has_tail(x) ? x.path : std::string{},
                            .position = at});
  }
  for (auto& x : setup.receivers)
    result.sinks.push_back({.actor = x});
  return result;
}

} // namespace

opened_sinks open_sinks(caf::actor_system& system, const partition_group_setup& setup,
                        recovered_state& recovered) {
  auto result = open_all(system, setup, recovered.sinks,
                         [&recovered](const delivered_line& x) { recovered.apply_tail(x); });
  result.recent = result.again;
  return result;
}

std::shared_ptr<shared_sinks> open_shared_sinks(caf::actor_system& system, const partition_group_setup& setup,
                                                const std::map<std::string, std::string>& offsets) {
  auto result = std::make_shared<shared_sinks>();
  result->opened =
      open_all(system, setup, offsets, [&result](const delivered_line& x) { result->tail.push_back(x); });
  if (setup.cache)
    result->opened.recent = result->opened.again;
  return result;
}

opened_sinks use_sinks(shared_sinks& from, const partition_group_setup& setup, recovered_state& recovered) {
  auto mine = [&setup](const auto& x) {
    auto partition = x.guild == 0 ? 0 : partition_of(x.guild, setup.partition_count);
    return std::ranges::find(setup.place.partitions, partition) != setup.place.partitions.end();
  };
  if (setup.ran_here)
    for (auto& line : from.tail)
      if (mine(line))
        recovered.apply_tail(line);
  auto result =
      opened_sinks{.sinks = from.opened.sinks, .again = std::exchange(from.opened.again, {}), .recent = {}};
  if (setup.ran_here)
    for (auto block : from.opened.recent)
      if (std::erase_if(block.entries, [&](auto& e) { return !mine(e); }); !block.entries.empty())
        result.recent.push_back(std::move(block));
  for (auto& sink : result.sinks)
    sink.ends_with_group = false; // it is the node's
  return result;
}

} // namespace shardyard
