#include "actors/partition/json_scan.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace shardyard {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t ones = 0x0101010101010101;

/// The lowest high bit that is set belongs to the first byte equal to `c`; bits above it mean nothing.
constexpr std::uint64_t equal_bytes(std::uint64_t word, unsigned char c) {
  auto zero = word ^ ones * c;
  return (zero - ones) & ~zero & ones << 7;
}

/// The same for bytes below 0x20.
constexpr std::uint64_t control_bytes(std::uint64_t word) {
  return (word - ones * 0x20) & ~word & ones << 7;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// At the first quote, backslash or control character at or after `at`.
const char* special(const char* at, const char* end) {
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    auto control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    auto quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    auto escapes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    auto found = _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quotes, escapes)));
    if (found != 0)
      return at + std::countr_zero(static_cast<unsigned>(found));
  }
#endif
  for (; end - at >= 8; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    if (auto found = equal_bytes(word, '"') | equal_bytes(word, '\\') | control_bytes(word))
      return at + std::countr_zero(found) / 8;
  }
  while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20)
    ++at;
  return at;
}

} // namespace

void json_cursor::fail() {
  failed_ = true;
  at_ = end_;
}

bool json_cursor::take_word(std::string_view word) {
  peek();
  if (!std::string_view{at_, end_}.starts_with(word))
    return false;
  at_ += word.size();
  return true;
}

bool json_cursor::escape() {
  if (end_ - at_ < 2)
    return false;
  auto c = at_[1];
  if (c != 'u') {
    at_ += 2;
    return std::string_view{"\"\\/bfnrt"}.find(c) != std::string_view::npos;
  }
  if (end_ - at_ < 6 || !std::all_of(at_ + 2, at_ + 6, is_hex))
    return false;
  at_ += 6;
  return true;
}

std::string_view json_cursor::string() {
  if (!take('"')) {
    fail();
    return {};
  }
  auto begin = at_;
  for (;;) {
    at_ = special(at_, end_);
    if (at_ != end_ && *at_ == '"')
      return {begin, static_cast<std::size_t>(at_++ - begin)};
    if (at_ == end_ || *at_ != '\\' || !escape()) {
      fail();
      return {};
    }
  }
}

std::string_view json_cursor::number() {
  peek();
  auto begin = at_;
  auto digits = [this] {
    auto first = at_;
    while (at_ != end_ && is_digit(*at_))
      ++at_;
    return at_ != first;
  };
  if (at_ != end_ && *at_ == '-')
    ++at_;
  auto good = true;
  if (at_ != end_ && *at_ == '0')
    ++at_;
  else
    good = digits();
  if (good && at_ != end_ && *at_ == '.') {
    ++at_;
    good = digits();
  }
  if (good && at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-'))
      ++at_;
    good = digits();
  }
  if (!good) {
    fail();
    return {};
  }
  return {begin, at_};
}

void json_cursor::raw_container() {
  char closing[deepest];
  auto depth = 0;
  while (at_ != end_) {
    switch (*at_) {
    case '"':
      string();
      if (failed_)
        return;
      continue;
    case '{':
    case '[':
      if (depth == deepest)
        return fail();
      closing[depth++] = *at_ == '{' ? '}' : ']';
      break;
    case '}':
    case ']':
      if (closing[--depth] != *at_)
        return fail();
      if (depth == 0) {
        ++at_;
        return;
      }
      break;
    default:
      break;
    }
    ++at_;
  }
  fail();
}

std::string_view json_cursor::raw_value() {
  auto first = peek();
  auto begin = at_;
  if (first == '{' || first == '[') {
    raw_container();
  } else if (first == '"') {
    string();
  } else {
    while (at_ != end_ && std::string_view{",]} \n\t\r"}.find(*at_) == std::string_view::npos)
      ++at_;
    if (at_ == begin)
      fail();
  }
  return failed_ ? std::string_view{} : std::string_view{begin, at_};
}

std::uint64_t id_of(std::string_view raw) {
  std::uint64_t id = 0;
  if (raw.size() < 3 || raw.front() != '"')
    return 0;
  auto last = raw.data() + raw.size() - 1;
  auto [end, error] = std::from_chars(raw.data() + 1, last, id);
  return error == std::errc{} && end == last ? id : 0;
}

std::optional<json_fields> json_fields::read(std::string_view object) {
  json_fields result;
  if (!each_field(object, [&result](std::string_view key, std::string_view value) {
        result.fields_.push_back({key, value});
        return true;
      }))
    return std::nullopt;
  return result;
}

std::string_view json_fields::get(std::string_view key) const {
  auto found = std::ranges::find(fields_, key, &json_field::key);
  return found == fields_.end() ? std::string_view{} : found->value;
}

void json_fields::set(std::string_view key, std::string_view raw) {
  auto found = std::ranges::find(fields_, key, &json_field::key);
  if (found == fields_.end())
    fields_.push_back({key, raw});
  else
    found->value = raw;
}

void json_fields::erase(std::string_view key) {
  std::erase_if(fields_, [key](const json_field& each) { return each.key == key; });
}

void json_fields::set_all(const json_fields& newer) {
  for (auto& each : newer.fields_)
    set(each.key, each.value);
}

void json_fields::complete(const json_fields& older) {
  for (auto& each : older.fields_)
    if (!has(each.key))
      fields_.push_back(each);
}

std::string json_fields::text() const {
  std::string result = "{";
  for (auto& each : fields_) {
    if (result.size() > 1)
      result += ',';
    result.append("\"").append(each.key).append("\":").append(each.value);
  }
  return result += '}';
}

} // namespace shardyard
