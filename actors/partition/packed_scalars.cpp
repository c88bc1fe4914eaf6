#include "actors/partition/packed_scalars.hpp"

#include "actors/partition/packed_json.hpp"
#include "actors/partition/packed_tags.hpp"
#include "actors/partition/packed_text.hpp"
#include "actors/partition/packed_words.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstring>

namespace shardyard::packed {
namespace {

void put_bytes(std::string& out, std::uint64_t x, std::size_t size) {
  char bytes[8];
  std::memcpy(bytes, &x, sizeof bytes);
  out.append(bytes, size);
}

/// `first` stands for one byte.
void put_sized(std::string& out, std::uint8_t first, std::uint64_t x) {
  auto size = std::max<std::size_t>(1, (static_cast<std::size_t>(std::bit_width(x)) + 7) / 8);
  out += static_cast<char>(first + size - 1);
  put_bytes(out, x, size);
}

/// As to_chars would write it: no sign, no zero in front.
bool canonical(std::string_view digits, std::uint64_t& value) {
  if (digits.empty() || digits.size() > 20 || (digits[0] == '0' && digits.size() > 1))
    return false;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && end == digits.data() + digits.size();
}

void append_decimal(text_buffer& out, std::uint64_t x) {
  constexpr std::size_t longest = 20;
  auto digits = out.reserve(longest);
  out.commit(static_cast<std::size_t>(std::to_chars(digits, digits + longest, x).ptr - digits));
}

// -- times

constexpr std::int64_t per_second = 1'000'000;
constexpr std::size_t long_time = 32, short_time = 25;
// 10 characters of a year beyond 9999 would not fit.
constexpr std::uint64_t end_of_9999 = 253'402'300'800;

void two_digits(char* at, unsigned x) {
  at[0] = static_cast<char>('0' + x / 10);
  at[1] = static_cast<char>('0' + x % 10);
}

/// "2026-11-20T12:34:56", 19 characters; `seconds` below end_of_9999.
void write_seconds(char* at, std::uint64_t seconds) {
  using namespace std::chrono;
  auto days = static_cast<int>(seconds / 86'400);
  auto rest = static_cast<unsigned>(seconds % 86'400);
  year_month_day date{sys_days{std::chrono::days{days}}};
  auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  std::memcpy(at, "0000-00-00T00:00:00", 19);
  two_digits(at, year / 100);
  two_digits(at + 2, year % 100);
  two_digits(at + 5, static_cast<unsigned>(date.month()));
  two_digits(at + 8, static_cast<unsigned>(date.day()));
  two_digits(at + 11, rest / 3600);
  two_digits(at + 14, rest / 60 % 60);
  two_digits(at + 17, rest % 60);
}

bool append_time(text_buffer& out, std::uint64_t seconds, std::int64_t microseconds) {
  if (seconds >= end_of_9999)
    return false;
  auto text = out.reserve(long_time);
  write_seconds(text, seconds);
  auto end = text + 19;
  if (microseconds >= 0) {
    *end++ = '.';
    for (auto unit = per_second / 10; unit > 0; unit /= 10)
      *end++ = static_cast<char>('0' + microseconds / unit % 10);
  }
  std::memcpy(end, "+00:00", 6);
  out.commit(static_cast<std::size_t>(end + 6 - text));
  return true;
}

/// The number in `size` characters; -1 when they are not all digits.
int read_digits(const char* at, int size) {
  auto x = 0;
  for (; size > 0; --size, ++at) {
    if (*at < '0' || *at > '9')
      return -1;
    x = x * 10 + (*at - '0');
  }
  return x;
}

/// Seconds since 1970; -1 when the 19 characters are no such time.
std::int64_t read_seconds(const char* at) {
  using namespace std::chrono;
  if (at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':' || at[16] != ':')
    return -1;
  auto y = read_digits(at, 4), m = read_digits(at + 5, 2), d = read_digits(at + 8, 2);
  auto h = read_digits(at + 11, 2), min = read_digits(at + 14, 2), s = read_digits(at + 17, 2);
  auto date = year{y} / month{static_cast<unsigned>(m)} / day{static_cast<unsigned>(d)};
  if (y < 1970 || m < 1 || d < 1 || !date.ok() || h < 0 || h > 23 || min < 0 || min > 59 || s < 0 || s > 59)
    return -1;
  return std::int64_t{sys_days{date}.time_since_epoch().count()} * 86'400 + h * 3600 + min * 60 + s;
}

bool put_time(std::string& out, std::string_view content) {
  if ((content.size() != long_time && content.size() != short_time) || content[4] != '-' ||
      !content.ends_with("+00:00"))
    return false;
  auto seconds = read_seconds(content.data());
  if (seconds < 0)
    return false;
  if (content.size() == short_time) {
    out += static_cast<char>(time_s);
    put_bytes(out, static_cast<std::uint64_t>(seconds), 5);
    return true;
  }
  auto micros = read_digits(content.data() + 20, 6);
  auto all = static_cast<std::uint64_t>(seconds * per_second + micros);
  if (content[19] != '.' || micros < 0 || all >> 56 != 0)
    return false;
  auto whole = micros % 1000 == 0;
  out += static_cast<char>(whole ? time_ms : time_us);
  put_bytes(out, whole ? all / 1000 : all, whole ? 6 : 7);
  return true;
}

// -- hashes

int nibble(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool put_hex(std::string& out, std::string_view content) {
  auto animated = content.size() == 34 && content.starts_with("a_");
  if (!animated && content.size() != 32)
    return false;
  char bytes[16];
  auto at = content.data() + (animated ? 2 : 0);
  for (auto& byte : bytes) {
    auto high = nibble(at[0]), low = nibble(at[1]);
    if (high < 0 || low < 0)
      return false;
    byte = static_cast<char>(high << 4 | low);
    at += 2;
  }
  out += static_cast<char>(animated ? animated_hex_string : hex_string);
  out.append(bytes, sizeof bytes);
  return true;
}

void append_hex(text_buffer& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  auto at = out.reserve(2 * bytes.size());
  for (auto each : bytes) {
    auto byte = static_cast<unsigned char>(each);
    *at++ = digits[byte >> 4];
    *at++ = digits[byte & 15];
  }
  out.commit(2 * bytes.size());
}

void append_quoted(text_buffer& out, std::string_view content) {
  out.put('"');
  out.append(content);
  out.put('"');
}

} // namespace

void put_id(std::string& out, std::uint64_t id) {
  put_sized(out, decimal_string, id);
}

void put_string(std::string& out, std::string_view content) {
  std::uint64_t value = 0;
  if (!content.empty() && content[0] >= '0' && content[0] <= '9') {
    if (canonical(content, value))
      return put_sized(out, decimal_string, value);
    if (put_time(out, content))
      return;
  }
  if (put_hex(out, content))
    return;
  if (auto word = known_word(content)) {
    if (*word < common_words) {
      out += static_cast<char>(common_word + *word);
      return;
    }
    out += static_cast<char>(listed_word);
    return put_varint(out, *word);
  }
  if (content.size() < short_strings) {
    out += static_cast<char>(short_string + content.size());
  } else {
    out += static_cast<char>(long_string);
    put_varint(out, content.size());
  }
  out.append(content);
}

void put_number(std::string& out, std::string_view token) {
  std::uint64_t value = 0;
  auto negative = token.starts_with('-');
  if (!canonical(token.substr(negative ? 1 : 0), value) || (negative && value == 0)) {
    out += static_cast<char>(number_text);
    put_varint(out, token.size());
    out.append(token);
  } else if (negative) {
    put_sized(out, negative_integer, value);
  } else if (value < small_integers) {
    out += static_cast<char>(value);
  } else {
    put_sized(out, integer, value);
  }
}

std::uint64_t load_number(std::string_view bytes) {
  std::uint64_t x = 0;
  std::memcpy(&x, bytes.data(), std::min(bytes.size(), sizeof x));
  return x;
}

int fixed_size(std::uint8_t first) {
  static constexpr auto sizes = [] {
    std::array<std::int8_t, 256> result{};
    result.fill(-1);
    for (unsigned i = 0; i < 256; ++i) {
      if (i < small_integers || (i >= null_value && i <= empty_object) ||
          (i >= common_word && i < common_word + common_words))
        result[i] = 0;
      if (i >= integer && i < decimal_string + 8)
        result[i] = static_cast<std::int8_t>(i % 8 + 1);
      if (i >= short_string && i < short_string + short_strings)
        result[i] = static_cast<std::int8_t>(i - short_string);
    }
    result[time_us] = 7;
    result[time_ms] = 6;
    result[time_s] = 5;
    result[hex_string] = result[animated_hex_string] = 16;
    return result;
  }();
  return sizes[first];
}

bool put_scalar_text(text_buffer& out, std::uint8_t first, std::string_view body) {
  if (first < small_integers) {
    append_decimal(out, first);
    return true;
  }
  if (first >= short_string && first < common_word) {
    append_quoted(out, body);
    return true;
  }
  if (first >= common_word && first < short_array) {
    append_quoted(out, *word_of(first - common_word));
    return true;
  }
  switch (first & 0xF8) {
  case integer:
    append_decimal(out, load_number(body));
    return true;
  case negative_integer:
    out.put('-');
    append_decimal(out, load_number(body));
    return true;
  case decimal_string:
    out.put('"');
    append_decimal(out, load_number(body));
    out.put('"');
    return true;
  default:
    break;
  }
  auto quoted_time = [&out](std::uint64_t seconds, std::int64_t microseconds) {
    out.put('"');
    auto good = append_time(out, seconds, microseconds);
    out.put('"');
    return good;
  };
  auto number = body.size() <= 8 ? load_number(body) : 0;
  switch (first) {
  case null_value:
    out.append("null");
    return true;
  case true_value:
    out.append("true");
    return true;
  case false_value:
    out.append("false");
    return true;
  case empty_array:
    out.append("[]");
    return true;
  case empty_object:
    out.append("{}");
    return true;
  case number_text:
    out.append(body);
    return true;
  case long_string:
    append_quoted(out, body);
    return true;
  case time_us:
    return quoted_time(number / per_second, static_cast<std::int64_t>(number % per_second));
  case time_ms:
    return quoted_time(number / 1000, static_cast<std::int64_t>(number % 1000 * 1000));
  case time_s:
    return quoted_time(number, -1);
  case hex_string:
  case animated_hex_string:
    out.put('"');
    if (first == animated_hex_string)
      out.append("a_");
    append_hex(out, body);
    out.put('"');
    return true;
  default:
    return false;
  }
}

} // namespace shardyard::packed
