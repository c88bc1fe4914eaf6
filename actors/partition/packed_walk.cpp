#include "actors/partition/packed_walk.hpp"

#include "actors/partition/packed_json.hpp"
#include "actors/partition/packed_scalars.hpp"
#include "actors/partition/packed_tags.hpp"
#include "actors/partition/packed_words.hpp"

#include <cstring>

namespace shardyard::packed {

void put_varint(std::string& out, std::uint64_t x) {
  for (; x >= 0x80; x >>= 7)
    out += static_cast<char>(x | 0x80);
  out += static_cast<char>(x);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t x = 0;
  for (unsigned shift = 0, i = 0; shift < 63 && i < bytes.size(); shift += 7, ++i) {
    auto byte = static_cast<unsigned char>(bytes[i]);
    x |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return x;
    }
  }
  return std::nullopt;
}

void put_keys(std::string& out, std::span<const std::string_view> keys) {
  out += static_cast<char>(keyed_object);
  put_varint(out, keys.size());
  for (auto key : keys) {
    auto number = known_key(key);
    put_varint(out, number);
    if (number == 0) {
      put_varint(out, key.size());
      out.append(key);
    }
  }
}

void put_head(std::string& out, std::span<const std::string_view> keys, const packed_shape* shape) {
  if (!shape)
    return put_keys(out, keys);
  auto id = shape->id();
  out += static_cast<char>(shaped_object);
  out.append(reinterpret_cast<const char*>(&id), sizeof id);
}

std::optional<std::string_view> take_key(std::string_view& keys) {
  auto number = take_varint(keys);
  if (!number || *number > 0xFFFF)
    return std::nullopt;
  if (*number != 0) {
    auto known = key_of(static_cast<std::uint32_t>(*number));
    return known.empty() ? std::nullopt : std::optional{known};
  }
  auto size = take_varint(keys);
  if (!size || *size > keys.size())
    return std::nullopt;
  auto key = keys.substr(0, *size);
  keys.remove_prefix(*size);
  return key;
}

bool walker::read(token& next) {
  if (rest_.empty())
    return false;
  next.first = static_cast<std::uint8_t>(rest_[0]);
  rest_.remove_prefix(1);
  auto size = fixed_size(next.first);
  if (size < 0)
    return read_sized(next);
  if (static_cast<std::size_t>(size) > rest_.size())
    return false;
  next.kind = token_kind::scalar;
  next.body = rest_.substr(0, static_cast<std::size_t>(size));
  rest_.remove_prefix(static_cast<std::size_t>(size));
  return true;
}

bool walker::read_sized(token& next) {
  if (next.first == shaped_object || next.first == keyed_object)
    return read_object(next);
  next.kind = token_kind::elements;
  next.count = next.first - short_array;
  if (next.first > short_array)
    return true;
  auto size = take_varint(rest_);
  if (!size)
    return false;
  switch (next.first) {
  case array:
    next.count = *size;
    return next.count > 0 && next.count <= rest_.size();
  case number_text:
  case long_string:
    if (*size > rest_.size())
      return false;
    next.kind = token_kind::scalar;
    next.body = rest_.substr(0, *size);
    rest_.remove_prefix(*size);
    return true;
  case listed_word: {
    auto word = *size <= 0xFFFF ? word_of(static_cast<std::uint32_t>(*size)) : std::nullopt;
    next.kind = token_kind::word;
    next.body = word.value_or(std::string_view{});
    return word.has_value();
  }
  default:
    return false;
  }
}

bool walker::read_object(token& next) {
  next.kind = token_kind::object;
  next.shape = nullptr;
  if (next.first == keyed_object) {
    auto count = take_varint(rest_);
    if (!count || *count == 0 || *count > rest_.size())
      return false;
    next.count = *count;
    auto keys = rest_;
    for (std::size_t i = 0; i < next.count; ++i)
      if (!take_key(keys))
        return false;
    next.body = rest_.substr(0, rest_.size() - keys.size());
    rest_ = keys;
    return true;
  }
  if (rest_.size() < sizeof next.number)
    return false;
  std::memcpy(&next.number, rest_.data(), sizeof next.number);
  rest_.remove_prefix(sizeof next.number);
  if (sizes_) {
    next.count = sizes_(context_, next.number);
  } else {
    next.shape = find_shape(next.number);
    next.count = next.shape ? next.shape->size() : 0;
  }
  return next.count > 0 && next.count <= rest_.size();
}

bool walker::read_head(token& next) {
  if (rest_.empty() || static_cast<std::uint8_t>(rest_[0]) != keyed_object)
    return false;
  rest_.remove_prefix(1);
  next.first = keyed_object;
  return read_object(next);
}

bool walker::skip() {
  token next;
  for (std::size_t open = 1; open > 0; --open) {
    if (!read(next))
      return false;
    if (next.kind == token_kind::elements || next.kind == token_kind::object)
      open += next.count;
  }
  return true;
}

} // namespace shardyard::packed
