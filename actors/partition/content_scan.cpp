#include "actors/partition/content_words.hpp"

#include <bit>
#include <cstring>

namespace shardyard {
namespace {

static_assert(std::endian::native == std::endian::little);

/// The high bit of the first byte of `word` that equals `c` is set; bits behind it mean nothing.
constexpr std::uint64_t first_equal(std::uint64_t word, unsigned char c) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  auto zero_where_equal = word ^ ones * c;
  return (zero_where_equal - ones) & ~zero_where_equal & ones << 7;
}

class scanner {
public:
  explicit scanner(std::string_view d) : at_(d.data()), end_(d.data() + d.size()) {}

  std::optional<std::uint64_t> document() {
    space();
    auto result = value(0);
    space();
    if (failed_ || at_ != end_)
      return std::nullopt;
    return result;
  }

private:
  static constexpr int deepest = 64;

  bool next_is(char c) const { return at_ != end_ && *at_ == c; }

  void space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r'))
      ++at_;
  }

  std::uint64_t fail() {
    failed_ = true;
    at_ = end_;
    return 0;
  }

  bool take(char c) {
    space();
    if (!next_is(c))
      return false;
    ++at_;
    return true;
  }

  std::uint64_t value(int depth) {
    if (at_ == end_ || depth > deepest)
      return fail();
    switch (*at_) {
    case '{':
      return object(depth);
    case '[':
      return array(depth);
    case '"':
      return hash_string(string());
    case 't':
      return literal("true", true_tag);
    case 'f':
      return literal("false", false_tag);
    case 'n':
      return literal("null", null_tag);
    default:
      return number();
    }
  }

  std::uint64_t literal(std::string_view word, content_tag tag) {
    if (!std::string_view{at_, end_}.starts_with(word))
      return fail();
    at_ += word.size();
    return mix(tag, 0);
  }

  std::uint64_t object(int depth) {
    object_hash result;
    ++at_;
    if (take('}'))
      return result.result();
    do {
      space();
      if (!next_is('"'))
        return fail();
      auto key = string();
      if (!take(':'))
        return fail();
      space();
      result.member(key, value(depth + 1));
    } while (take(','));
    return take('}') ? result.result() : fail();
  }

  std::uint64_t array(int depth) {
    std::uint64_t result = array_tag;
    ++at_;
    if (take(']'))
      return result;
    do {
      space();
      result = mix(result, value(depth + 1));
    } while (take(','));
    return take(']') ? result : fail();
  }

  /// What stands between the quotes; fails at an escape.
  std::string_view string() {
    auto begin = ++at_;
    for (; end_ - at_ >= 8; at_ += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at_, sizeof word);
      if (auto found = first_equal(word, '"') | first_equal(word, '\\')) {
        at_ += std::countr_zero(found) / 8;
        break;
      }
    }
    while (at_ != end_ && *at_ != '"' && *at_ != '\\')
      ++at_;
    if (!next_is('"')) {
      fail();
      return {};
    }
    return {begin, at_++};
  }

  std::uint64_t number() {
    constexpr auto most_digits = 18;
    auto negative = next_is('-');
    at_ += negative;
    auto begin = at_;
    std::uint64_t x = 0;
    for (; at_ != end_ && *at_ >= '0' && *at_ <= '9' && at_ - begin <= most_digits; ++at_)
      x = x * 10 + static_cast<std::uint64_t>(*at_ - '0');
    auto digits = at_ - begin;
    auto plain = digits > 0 && digits <= most_digits && (*begin != '0' || (digits == 1 && !negative));
    if (!plain || next_is('.') || next_is('e') || next_is('E'))
      return fail();
    return hash_integer(negative ? ~x + 1 : x);
  }

  const char* at_;
  const char* end_;
  bool failed_ = false;
};

} // namespace

std::optional<std::uint64_t> scan_content(std::string_view d) {
  return scanner{d}.document();
}

} // namespace shardyard
