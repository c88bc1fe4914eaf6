#include "actors/node/sink_catch_up.hpp"

#include "actors/node/jsonl_tail.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace shardyard {
namespace {

/// More lines than the backlog of any sink holds; a file that the log does not know may be of any length.
constexpr std::size_t most_lines = 1u << 20;
constexpr std::size_t copy_bytes = 1u << 20;

struct known_line {
  std::uint64_t hash = 0;
  std::uint64_t end = 0; ///< offset of the byte behind it
};

struct tail {
  std::deque<known_line> lines; ///< the one before the offset too
  std::uint64_t size = 0;

  const known_line* find(std::uint64_t hash) const {
    auto found = std::find_if(lines.rbegin(), lines.rend(), [hash](auto& x) { return x.hash == hash; });
    return found == lines.rend() ? nullptr : &*found;
  }
};

std::uint64_t hash_of(const jsonl_header& x) {
  std::uint64_t numbers[] = {x.guild, x.shard.topology, x.shard.id, x.shard.count, x.s, x.epoch,
                             x.n,     x.flags,          x.channel};
  auto hash = XXH3_64bits(numbers, sizeof numbers);
  for (auto text : {x.t, x.session_id, x.d})
    hash = XXH3_64bits_withSeed(text.data(), text.size(), hash);
  return hash;
}

jsonl_tail read_lines(const std::string& path, std::uint64_t offset, const jsonl_visitor& visit) {
  auto result = read_jsonl_tail(path, offset, visit);
  if (!result.error.empty())
    throw std::runtime_error(path + ": " + result.error);
  return result;
}

tail read_tail(const sink_file& file) {
  tail result;
  auto from = file.offset > 0 ? file.offset - 1 : 0; // in the line before
  auto read = read_lines(file.path, from, [&](const jsonl_header& x, std::uint64_t end) {
    if (result.lines.size() == most_lines)
      result.lines.pop_front();
    result.lines.push_back({hash_of(x), end});
  });
  result.size = read.size;
  return result;
}

/// The file whose tail has the others' last lines and more.
std::size_t find_furthest(const std::vector<tail>& tails) {
  std::size_t result = 0;
  for (std::size_t i = 1; i < tails.size(); ++i) {
    if (tails[i].lines.empty())
      continue;
    auto& last = tails[result].lines;
    if (last.empty()) {
      result = i;
      continue;
    }
    auto* common = tails[i].find(last.back().hash);
    if (common && common->end < tails[i].lines.back().end)
      result = i;
  }
  return result;
}

[[noreturn]] void fail(const std::string& path, std::string_view what) {
  throw std::runtime_error(path + ": " + std::string{what});
}

void write_all(const sink_file& to, std::string_view bytes) {
  while (!bytes.empty()) {
    auto taken = to.writer->try_write(bytes);
    if (taken == 0)
      fail(to.path, "cannot be brought up to the other sinks: " + std::string{to.writer->error()});
    bytes.remove_prefix(taken);
  }
}

void copy(const std::string& from, std::uint64_t begin, std::uint64_t end, const sink_file& to) {
  auto file = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  std::string chunk;
  while (file >= 0 && begin < end) {
    chunk.resize(std::min<std::uint64_t>(copy_bytes, end - begin));
    auto got = ::pread(file, chunk.data(), chunk.size(), static_cast<off_t>(begin));
    if (got <= 0)
      break;
    try {
      write_all(to, std::string_view{chunk}.substr(0, static_cast<std::size_t>(got)));
    } catch (...) {
      ::close(file);
      throw;
    }
    begin += static_cast<std::uint64_t>(got);
  }
  auto why = std::generic_category().message(errno);
  if (file >= 0)
    ::close(file);
  if (begin < end)
    fail(from, "cannot be read for the other sinks: " + why);
}

} // namespace

catch_up_result catch_up(const std::vector<sink_file>& files, std::size_t keep_bytes,
                         const std::function<void(const jsonl_header&)>& visit) {
  catch_up_result result;
  if (files.empty())
    return result;
  std::vector<tail> tails;
  if (files.size() > 1)
    for (auto& file : files)
      tails.push_back(read_tail(file));
  auto which = tails.empty() ? 0 : find_furthest(tails);
  result.furthest = files[which].path;
  for (std::size_t i = 0; i < tails.size(); ++i) {
    if (i == which || tails[i].lines.empty())
      continue;
    auto* common = tails[which].find(tails[i].lines.back().hash);
    if (!common) {
      result.apart.push_back(files[i].path);
    } else if (common->end < tails[which].size) {
      copy(files[which].path, common->end, tails[which].size, files[i]);
      result.caught_up.push_back(files[i].path);
    }
  }
  std::size_t kept = 0;
  auto read = read_lines(files[which].path, files[which].offset, [&](const jsonl_header& x, std::uint64_t) {
    visit(x);
    if (keep_bytes == 0)
      return;
    result.delivered.push_back(block_of(x));
    for (kept += x.d.size(); kept > keep_bytes; result.delivered.pop_front())
      kept -= result.delivered.front().entries[0].d_size;
  });
  result.lines = read.lines;
  return result;
}

event_block block_of(const jsonl_header& line) {
  event_block block;
  block.from = {line.shard, unescaped(line.session_id)};
  event_entry e;
  e.guild = line.guild;
  e.channel = line.channel;
  e.s = line.s;
  e.n = line.n;
  e.epoch = line.epoch;
  e.flags = line.flags;
  e.d_size = static_cast<std::uint32_t>(line.d.size());
  e.t_offset = e.d_size;
  e.t_size = static_cast<std::uint16_t>(line.t.size());
  e.type = find_event_type(line.t);
  block.bytes = std::make_shared<const std::string>(std::string{line.d} + std::string{line.t});
  block.entries.push_back(e);
  return block;
}

} // namespace shardyard
