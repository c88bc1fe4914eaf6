#include "sim/text.hpp"

#include <array>

namespace shardyard::sim {
namespace {

constexpr std::array<std::string_view, 40> names{"general",
                                                 "harbour",
                                                 "off-topic",
                                                 "low tide",
                                                 "lantern",
                                                 "Wheelhouse",
                                                 "repairs",
                                                 "north pier",
                                                 "announcements",
                                                 "voice lobby",
                                                 "music",
                                                 "Bosun",
                                                 "Tobias",
                                                 "mirelle.k",
                                                 "senna88",
                                                 "regatta",
                                                 "weather",
                                                 "night watch",
                                                 "deck hands",
                                                 "support",
                                                 "memes",
                                                 "art",
                                                 "screenshots",
                                                 "clips",
                                                 "trading post",
                                                 "rope work",
                                                 "first mate",
                                                 "compass",
                                                 "galley",
                                                 "quiet corner",
                                                 "moderators",
                                                 "event planning",
                                                 "\xE2\x9A\x93 anchor",
                                                 "\xE7\x81\xAF\xE5\x8F\xB0",
                                                 "\xD9\x85\xD9\x86\xD8\xA7\xD8\xB1\xD8\xA9",
                                                 "caf\xC3\xA9 \xF0\x9F\x90\x9F",
                                                 "\\u26f5 sails \\/ oars",
                                                 "\xD0\xBC\xD0\xB0\xD1\x8F\xD0\xBA",
                                                 "the \\\"old\\\" crew",
                                                 "\\\"guild_id\\\":\\\"1\\\",\\\"s\\\":7"};

constexpr std::array<std::string_view, 48> words{"anyone",
                                                 "on",
                                                 "watch",
                                                 "tonight",
                                                 "the",
                                                 "east",
                                                 "light",
                                                 "was",
                                                 "blinking",
                                                 "at",
                                                 "three",
                                                 "again",
                                                 "and",
                                                 "nobody",
                                                 "saw",
                                                 "it",
                                                 "please",
                                                 "check",
                                                 "bilge",
                                                 "pump",
                                                 "before",
                                                 "we",
                                                 "leave",
                                                 "harbour",
                                                 "with",
                                                 "tide",
                                                 "maybe",
                                                 "tomorrow",
                                                 "I",
                                                 "think",
                                                 "rope",
                                                 "is",
                                                 "too",
                                                 "short",
                                                 "for",
                                                 "that",
                                                 "boat",
                                                 "lol",
                                                 "yes",
                                                 "no",
                                                 "\xF0\x9F\x98\x82",
                                                 "\\n",
                                                 "na\xC3\xAFve",
                                                 "\\u00e9t\\u00e9",
                                                 "\\\"quoted\\\"",
                                                 "https:\\/\\/example.org\\/chart",
                                                 "<@270000000000000001>",
                                                 "ok"};

void put_two(char*& at, unsigned value) {
  *at++ = static_cast<char>('0' + value / 10);
  *at++ = static_cast<char>('0' + value % 10);
}

} // namespace

void put_time(std::string& out, std::int64_t unix_milliseconds) {
  using namespace std::chrono;
  auto days_since = floor<days>(milliseconds{unix_milliseconds});
  year_month_day date{sys_days{days_since}};
  auto in_day = static_cast<unsigned>((milliseconds{unix_milliseconds} - days_since).count());
  char buffer[40];
  auto at = buffer;
  *at++ = '"';
  auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  put_two(at, year / 100);
  put_two(at, year % 100);
  *at++ = '-';
  put_two(at, static_cast<unsigned>(date.month()));
  *at++ = '-';
  put_two(at, static_cast<unsigned>(date.day()));
  *at++ = 'T';
  put_two(at, in_day / 3600000);
  *at++ = ':';
  put_two(at, in_day / 60000 % 60);
  *at++ = ':';
  put_two(at, in_day / 1000 % 60);
  *at++ = '.';
  *at++ = static_cast<char>('0' + in_day / 100 % 10);
  put_two(at, in_day % 100);
  out.append(buffer, static_cast<std::size_t>(at - buffer));
  put(out, "000+00:00\"");
}

void put_hex(std::string& out, std::uint64_t seed) {
  random_source rng{seed};
  char digits[32];
  for (auto half = 0; half < 2; ++half) {
    auto bits = rng.next();
    for (auto i = 0; i < 16; ++i, bits >>= 4)
      digits[half * 16 + i] = "0123456789abcdef"[bits & 15];
  }
  out.append(digits, sizeof digits);
}

std::string interaction_token(snowflake id) {
  std::string token;
  put_hex(token, id);
  put_hex(token, id + 1);
  return token;
}

std::string_view name_of(std::uint64_t number) {
  return names[(number * 0x9E3779B97F4A7C15ULL >> 33) % names.size()];
}

void put_sentence(std::string& out, std::uint64_t number) {
  random_source rng{number};
  auto count = 10 + rng.below(16);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i > 0)
      out.push_back(' ');
    put(out, words[rng.below(words.size())]);
  }
}

} // namespace shardyard::sim
