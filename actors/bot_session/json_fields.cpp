#include "actors/bot_session/json_fields.hpp"

#include <charconv>
#include <cstring>

namespace shardyard {
namespace {

constexpr auto nowhere = std::string_view::npos;

std::size_t past_space(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r'))
    ++at;
  return at;
}

/// Behind the string whose quote stands at `at`; nowhere when it does not end.
std::size_t past_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    auto* quote = static_cast<const char*>(std::memchr(text.data() + at, '"', text.size() - at));
    if (!quote)
      return nowhere;
    auto end = static_cast<std::size_t>(quote - text.data());
    auto escapes = std::size_t{0};
    while (end - escapes > at && text[end - escapes - 1] == '\\')
      ++escapes;
    if (escapes % 2 == 0)
      return end + 1;
    at = end;
  }
  return nowhere;
}

/// Behind the value at `at`. Brackets are counted, not matched by kind.
std::size_t past_value(std::string_view text, std::size_t at) {
  if (at >= text.size())
    return nowhere;
  if (text[at] == '"')
    return past_string(text, at);
  if (text[at] != '{' && text[at] != '[') {
    auto end = text.find_first_of(",}] \t\r\n", at);
    return end == nowhere ? text.size() : end == at ? nowhere : end;
  }
  std::size_t depth = 0;
  while (at < text.size()) {
    switch (text[at]) {
    case '"':
      at = past_string(text, at);
      if (at == nowhere)
        return nowhere;
      continue;
    case '{':
    case '[':
      ++depth;
      break;
    case '}':
    case ']':
      if (--depth == 0)
        return at + 1;
      break;
    default:
      break;
    }
    ++at;
  }
  return nowhere;
}

} // namespace

field_walk::field_walk(std::string_view object) : text_(object), at_(past_space(object, 0)) {
  ok_ = at_ < text_.size() && text_[at_] == '{';
  ++at_;
}

bool field_walk::next(walked_field& field) {
  if (!ok_)
    return false;
  at_ = past_space(text_, at_);
  if (at_ < text_.size() && text_[at_] == '}')
    return false;
  ok_ = false; // until the field is whole
  if (!first_) {
    if (at_ >= text_.size() || text_[at_] != ',')
      return false;
    at_ = past_space(text_, at_ + 1);
  }
  first_ = false;
  if (at_ >= text_.size() || text_[at_] != '"')
    return false;
  auto end = past_string(text_, at_);
  if (end == nowhere)
    return false;
  field.key = text_.substr(at_ + 1, end - at_ - 2);
  at_ = past_space(text_, end);
  if (at_ >= text_.size() || text_[at_] != ':')
    return false;
  at_ = past_space(text_, at_ + 1);
  end = past_value(text_, at_);
  if (end == nowhere)
    return false;
  field.value = text_.substr(at_, end - at_);
  at_ = end;
  return ok_ = true;
}

json_elements::json_elements(std::string_view array) : text_(array), at_(past_space(array, 0)) {
  ok_ = at_ < text_.size() && text_[at_] == '[';
  ++at_;
}

bool json_elements::next(std::string_view& element) {
  if (!ok_)
    return false;
  at_ = past_space(text_, at_);
  if (at_ < text_.size() && text_[at_] == ']')
    return false;
  ok_ = false;
  if (!first_) {
    if (at_ >= text_.size() || text_[at_] != ',')
      return false;
    at_ = past_space(text_, at_ + 1);
  }
  first_ = false;
  auto end = past_value(text_, at_);
  if (end == nowhere)
    return false;
  element = text_.substr(at_, end - at_);
  at_ = end;
  return ok_ = true;
}

std::string_view field_of(std::string_view object, std::string_view key) {
  field_walk fields{object};
  walked_field field;
  while (fields.next(field))
    if (field.key == key)
      return field.value;
  return {};
}

std::string_view unquoted(std::string_view value) {
  return value.size() >= 2 && value.front() == '"' && value.back() == '"' ? value.substr(1, value.size() - 2)
                                                                          : std::string_view{};
}

snowflake id_in(std::string_view value) {
  if (auto text = unquoted(value); !text.empty())
    value = text;
  snowflake id = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), id);
  return error == std::errc{} && end == value.data() + value.size() ? id : 0;
}

} // namespace shardyard
