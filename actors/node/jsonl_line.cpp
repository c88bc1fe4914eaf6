#include "actors/node/jsonl_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace shardyard {
namespace {

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_flags(std::string& out, std::uint16_t flags) {
  static constexpr std::array<std::pair<std::uint16_t, std::string_view>, 4> names{
      {{late_flag, "late"}, {cut_flag, "cut"}, {gap_flag, "gap"}, {snapshot_flag, "snapshot"}}};
  auto first = true;
  for (auto [bit, name] : names) {
    if ((flags & bit) == 0)
      continue;
    out += first ? "\"" : ",\"";
    out += name;
    out += '"';
    first = false;
  }
}

void append_payload(std::string& out, std::string_view d) {
  if (d.empty()) {
    out += "null";
    return;
  }
  auto start = out.size();
  out += d;
  if (d.find('\n') == std::string_view::npos && d.find('\r') == std::string_view::npos)
    return;
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
}

} // namespace

void append_escaped(std::string& out, std::string_view text) {
  static constexpr std::string_view hex = "0123456789abcdef";
  for (auto c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
      continue;
    }
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
}

void append_line(std::string& out, const event_block& block, const event_entry& entry) {
  auto& shard = block.from.shard;
  out += R"({"t":")";
  append_escaped(out, block.name(entry));
  out += R"(","guild_id":")";
  append_number(out, entry.guild);
  out += R"(","topology":)";
  append_number(out, shard.topology);
  out += R"(,"shard":[)";
  append_number(out, shard.id);
  out += ',';
  append_number(out, shard.count);
  out += R"(],"session_id":")";
  append_escaped(out, block.from.session_id);
  out += R"(","s":)";
  append_number(out, entry.s);
  out += R"(,"epoch":)";
  append_number(out, entry.epoch);
  out += R"(,"n":)";
  append_number(out, entry.n);
  out += R"(,"flags":[)";
  append_flags(out, entry.flags);
  out += R"(],"d":)";
  append_payload(out, block.data(entry));
  out += "}\n";
}

void append_lines(std::string& out, const event_block& block) {
  for (auto& entry : block.entries)
    if (entry.asker == 0) // answers are their askers' alone
      append_line(out, block, entry);
}

} // namespace shardyard
