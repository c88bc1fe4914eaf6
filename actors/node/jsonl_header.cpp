#include "actors/node/jsonl_header.hpp"

#include "messages/event_block.hpp"

#include <charconv>
#include <optional>

namespace shardyard {
namespace {

// Walks over a text; after the first mismatch every further step fails as well.
class cursor {
public:
  explicit cursor(std::string_view text) : rest_(text) {}

  bool literal(std::string_view expected) {
    good_ = good_ && rest_.starts_with(expected);
    if (good_)
      rest_.remove_prefix(expected.size());
    return good_;
  }

  template <class Integer>
  void number(Integer& value) {
    if (!good_)
      return;
    auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    good_ = error == std::errc{};
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
  }

  // The inside of a string whose opening quote is behind us; takes the closing quote, too.
  std::string_view string() {
    auto start = rest_;
    for (std::size_t i = 0; good_ && i < start.size(); ++i) {
      if (start[i] == '\\') {
        ++i;
      } else if (start[i] == '"') {
        rest_.remove_prefix(i + 1);
        return start.substr(0, i);
      }
    }
    good_ = false;
    return {};
  }

  bool next_is(char c) const { return good_ && !rest_.empty() && rest_.front() == c; }
  bool good() const { return good_; }
  void fail() { good_ = false; }
  std::string_view rest() const { return rest_; }

private:
  std::string_view rest_;
  bool good_ = true;
};

std::uint16_t flag_bit(std::string_view name) {
  if (name == "late")
    return late_flag;
  if (name == "cut")
    return cut_flag;
  if (name == "gap")
    return gap_flag;
  return name == "snapshot" ? snapshot_flag : 0;
}

void parse_flags(cursor& at, std::uint16_t& flags) {
  while (at.next_is('"')) {
    at.literal("\"");
    auto bit = flag_bit(at.string());
    if (bit == 0)
      at.fail();
    flags |= bit;
    if (at.next_is(','))
      at.literal(",");
  }
}

// The snowflake of the key `channel_id` at the top level of an object; 0 when it has none. Looks at structure
// only as far as strings and depth, since Discord sent valid JSON.
snowflake top_level_channel(std::string_view d) {
  static constexpr std::string_view key = "\"channel_id\"";
  auto depth = 0;
  for (std::size_t i = 0; i < d.size(); ++i) {
    auto c = d[i];
    if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == '"') {
      auto here = d.substr(i);
      for (++i; i < d.size() && d[i] != '"'; ++i)
        i += d[i] == '\\';
      if (depth != 1 || !here.starts_with(key))
        continue;
      auto colon = d.find_first_not_of(" \t", i + 1);
      if (colon == d.npos || d[colon] != ':')
        continue;
      auto value = d.find_first_not_of(" \t\"", colon + 1);
      snowflake channel = 0;
      if (value != d.npos)
        std::from_chars(d.data() + value, d.data() + d.size(), channel);
      return channel;
    }
  }
  return 0;
}

std::optional<char> hex_byte(std::string_view digits) {
  unsigned value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + 4 || value > 0x7f)
    return {};
  return static_cast<char>(value);
}

} // namespace

bool jsonl_header::control() const {
  return (flags & (cut_flag | gap_flag)) != 0;
}

bool parse_header(std::string_view line, jsonl_header& header) {
  header = {};
  cursor at{line};
  at.literal(R"({"t":")");
  header.t = at.string();
  at.literal(R"(,"guild_id":")");
  at.number(header.guild);
  at.literal(R"(","topology":)");
  at.number(header.shard.topology);
  at.literal(R"(,"shard":[)");
  at.number(header.shard.id);
  at.literal(",");
  at.number(header.shard.count);
  at.literal(R"(],"session_id":")");
  header.session_id = at.string();
  at.literal(R"(,"s":)");
  at.number(header.s);
  at.literal(R"(,"epoch":)");
  at.number(header.epoch);
  at.literal(R"(,"n":)");
  at.number(header.n);
  at.literal(R"(,"flags":[)");
  parse_flags(at, header.flags);
  at.literal(R"(],"d":)");
  if (!at.good() || at.rest().size() < 2 || !at.rest().ends_with('}'))
    return false;
  header.d = at.rest().substr(0, at.rest().size() - 1);
  if (header.guild == 0)
    header.channel = top_level_channel(header.d);
  return true;
}

std::string unescaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
    } else if (auto byte = text[i + 1] == 'u' && i + 5 < text.size() ? hex_byte(text.substr(i + 2, 4))
                                                                     : std::nullopt) {
      result += *byte;
      i += 5;
    } else if (text[i + 1] == '"' || text[i + 1] == '\\' || text[i + 1] == '/') {
      result += text[++i];
    } else {
      result += text[i];
    }
  }
  return result;
}

} // namespace shardyard
