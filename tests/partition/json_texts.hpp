// JSON for tests: the recorded payloads, minified, and random values of every kind.
#pragma once

#include "tests/source_dir.hpp"

#include <boost/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

/// Without the white space between tokens; everything else as it stands.
inline std::string minified(std::string_view text) {
  std::string result;
  auto quoted = false, escaped = false;
  for (auto c : text) {
    if (!quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r'))
      continue;
    result += c;
    if (c == '"' && !escaped)
      quoted = !quoted;
    escaped = quoted && c == '\\' && !escaped;
  }
  return result;
}

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

inline std::string recorded(std::string_view name) {
  return minified(file_text(source_dir() / "tests/net/payloads" / name));
}

inline std::vector<std::string> all_recorded() {
  std::vector<std::string> result;
  for (auto& entry : std::filesystem::directory_iterator{source_dir() / "tests/net/payloads"})
    if (entry.path().extension() == ".json")
      result.push_back(minified(file_text(entry.path())));
  return result;
}

/// `d` of a recorded payload, byte for byte.
inline std::string recorded_d(std::string_view name) {
  auto payload = recorded(name);
  auto begin = payload.find("\"d\":") + 4;
  return payload.substr(begin, payload.size() - begin - 1);
}

/// Random JSON, minified: numbers of all forms, ids, times, hashes, escapes, UTF-8, repeated and strange
/// keys.
class json_maker {
public:
  explicit json_maker(std::mt19937& random) : random_(random) {}

  std::string value(int depth = 0) {
    switch (below(depth > 4 ? 8 : 12)) {
    case 0:
      return "null";
    case 1:
      return below(2) ? "true" : "false";
    case 2:
    case 3:
      return number();
    case 8:
    case 9:
      return array(depth);
    case 10:
    case 11:
      return object(depth);
    default:
      return '"' + text() + '"';
    }
  }

  std::string object(int depth = 0) {
    std::string result = "{";
    for (auto left = below(8); left > 0; --left) {
      if (result.size() > 1)
        result += ',';
      result += '"' + key() + "\":" + value(depth + 1);
    }
    return result += '}';
  }

  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(random_() % end); }

private:
  std::string array(int depth) {
    std::string result = "[";
    for (auto left = below(10) == 0 ? 40u : below(6); left > 0; --left) {
      if (result.size() > 1)
        result += ',';
      result += value(depth + 1);
    }
    return result += ']';
  }

  std::string key() {
    static constexpr std::string_view known[] = {"id", "name", "user", "roles", "type", "x_new", "zz", ""};
    return below(8) ? std::string{known[below(8)]} : text();
  }

  std::string number() {
    static constexpr std::string_view strange[] = {"0",
                                                   "-0",
                                                   "-1",
                                                   "63",
                                                   "64",
                                                   "255",
                                                   "256",
                                                   "18446744073709551615",
                                                   "18446744073709551616",
                                                   "0.8",
                                                   "1e400",
                                                   "1E5",
                                                   "-2.50",
                                                   "1.0",
                                                   "0e1",
                                                   "1795178103417",
                                                   "-9223372036854775809"};
    if (below(2))
      return std::string{strange[below(std::size(strange))]};
    return (below(4) ? "" : "-") + std::to_string(1 + random_() / (1u << below(32)));
  }

  std::string text() {
    static constexpr std::string_view strange[] = {"",
                                                   "0",
                                                   "007",
                                                   "online",
                                                   "VIDEO_BITRATE_ENHANCED",
                                                   "2022-06-07T10:00:00.412000+00:00",
                                                   "2022-06-07T10:00:00.412345+00:00",
                                                   "2026-12-05T18:00:00+00:00",
                                                   "2026-02-30T18:00:00+00:00",
                                                   "2026-12-05T18:00:60+00:00",
                                                   "9999-12-31T23:59:59.999999+00:00",
                                                   "1969-12-31T23:59:59.000000+00:00",
                                                   "2022-06-07T10:00:00.412000+01:00",
                                                   "d41d8cd98f00b204e9800998ecf8427e",
                                                   "a_d41d8cd98f00b204e9800998ecf8427e",
                                                   "D41D8CD98F00B204E9800998ECF8427E",
                                                   "820674996354682887",
                                                   "18446744073709551615",
                                                   "18446744073709551616",
                                                   "\\\"guild_id\\\":\\\"1\\\"",
                                                   "\\u00e9\\n\\/",
                                                   "\xF0\x9F\x94\x94"};
    if (below(2))
      return std::string{strange[below(std::size(strange))]};
    std::string result;
    for (auto left = below(20) == 0 ? 300u : below(12); left > 0; --left)
      result += static_cast<char>('a' + below(26));
    return result;
  }

  std::mt19937& random_;
};

} // namespace shardyard
