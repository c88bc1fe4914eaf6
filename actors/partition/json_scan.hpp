// Forward reading of JSON text where a tree would cost more than the work at hand: tokens, raw values, the
// fields of one object. Strings stay as they were escaped. Bounded depth, never reads past the end; what it
// has returned is a view of the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

class json_cursor {
public:
  static constexpr int deepest = 64;

  explicit json_cursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool failed() const { return failed_; }

  /// The next character that is no white space; 0 at the end.
  char peek() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r'))
      ++at_;
    return at_ == end_ ? '\0' : *at_;
  }
  /// Steps over `c`, when it comes next.
  bool take(char c) {
    if (peek() != c || at_ == end_)
      return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word);
  /// Only white space is left.
  bool done() { return peek() == 0 && at_ == end_; }

  /// What stands between the quotes. Escapes and control characters are checked.
  std::string_view string();
  /// The token, checked against the grammar of numbers.
  std::string_view number();
  /// Any value, as it stands. Brackets and quotes are matched, nothing else is checked.
  std::string_view raw_value();

  void fail();

private:
  void raw_container();
  bool escape();

  const char* at_;
  const char* end_;
  bool failed_ = false;
};

struct json_field {
  std::string_view key;
  std::string_view value; ///< raw
};

/// Calls `f(key, raw value)` for the fields of an object until it returns false. False when the text is no
/// object as far as it was read.
template <class Visit>
bool each_field(std::string_view object, Visit f) {
  json_cursor in{object};
  if (!in.take('{'))
    return false;
  if (in.take('}'))
    return true;
  do {
    if (in.peek() != '"')
      return false;
    auto key = in.string();
    if (!in.take(':'))
      return false;
    auto value = in.raw_value();
    if (in.failed())
      return false;
    if (!f(key, value))
      return true;
  } while (in.take(','));
  return in.take('}') && in.done();
}

/// Calls `f(raw value)` for the elements of an array. False when the text is no array.
template <class Visit>
bool each_element(std::string_view array, Visit f) {
  json_cursor in{array};
  if (!in.take('['))
    return false;
  if (in.take(']'))
    return true;
  do {
    auto value = in.raw_value();
    if (in.failed())
      return false;
    f(value);
  } while (in.take(','));
  return in.take(']') && in.done();
}

/// The id in a raw value `"123"`; 0 for anything else.
std::uint64_t id_of(std::string_view raw);

/// One level of an object, to be changed and written again: views of texts that must outlive it.
class json_fields {
public:
  static std::optional<json_fields> read(std::string_view object);

  /// Raw value; empty when there is no such key.
  std::string_view get(std::string_view key) const;
  bool has(std::string_view key) const { return !get(key).empty(); }
  void set(std::string_view key, std::string_view raw);
  void erase(std::string_view key);
  /// Takes all fields of `newer`.
  void set_all(const json_fields& newer);
  /// Takes those fields of `older` that are missing here.
  void complete(const json_fields& older);

  std::string text() const;

private:
  std::vector<json_field> fields_;
};

} // namespace shardyard
