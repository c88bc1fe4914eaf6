#include "actors/partition/packed_json.hpp"

#include "actors/partition/json_scan.hpp"
#include "actors/partition/packed_scalars.hpp"
#include "actors/partition/packed_shapes.hpp"
#include "actors/partition/packed_tags.hpp"
#include "actors/partition/packed_text.hpp"
#include "actors/partition/packed_walk.hpp"
#include "actors/partition/packed_words.hpp"

#include <cstring>

#include <simdjson.h>

namespace shardyard::packed {
namespace {

constexpr std::size_t shape_bytes = 3;       // tag and number
constexpr std::size_t usual_keys = 48;       // of an object and those within it
constexpr std::size_t usual_text = 64 << 10; // of an entity; what is longer is not kept room for
constexpr std::size_t usual_saving = 2;      // packed bytes are mostly less than half of the text

class encoder {
public:
  encoder(std::string& out, json_cursor& in, std::span<left_out> without)
      : out_(out), in_(in), without_(without) {
    keys_.reserve(usual_keys);
  }

  bool value(int depth) {
    switch (in_.peek()) {
    case '{':
      return depth < json_cursor::deepest && object(depth);
    case '[':
      return depth < json_cursor::deepest && elements(depth);
    case '"': {
      auto content = in_.string();
      if (!in_.failed())
        put_string(out_, content);
      return !in_.failed();
    }
    case 't':
      return word("true", true_value);
    case 'f':
      return word("false", false_value);
    case 'n':
      return word("null", null_value);
    default: {
      auto token = in_.number();
      if (!in_.failed())
        put_number(out_, token);
      return !in_.failed();
    }
    }
  }

private:
  bool word(std::string_view text, tag first) {
    out_ += static_cast<char>(first);
    return in_.take_word(text);
  }

  bool object(int depth) {
    in_.take('{');
    if (in_.take('}')) {
      out_ += static_cast<char>(empty_object);
      return true;
    }
    auto start = out_.size(), first_key = keys_.size();
    std::uint64_t hash = 0;
    out_.append(shape_bytes, static_cast<char>(shaped_object));
    do {
      if (in_.peek() != '"')
        return false;
      auto key = in_.string();
      if (in_.failed() || !in_.take(':'))
        return false;
      if (depth == 0 && leaves_out(key)) {
        if (in_.failed())
          return false;
        continue;
      }
      hash = add_key(hash, key);
      keys_.push_back(key);
      if (!value(depth + 1))
        return false;
    } while (in_.take(','));
    if (!in_.take('}'))
      return false;
    if (keys_.size() == first_key) {
      out_.resize(start);
      out_ += static_cast<char>(empty_object);
      return true;
    }
    std::span keys{keys_.begin() + static_cast<std::ptrdiff_t>(first_key), keys_.end()};
    if (auto* shape = intern_shape(keys, hash)) {
      auto id = shape->id();
      std::memcpy(&out_[start + 1], &id, sizeof id);
    } else {
      std::string head;
      put_keys(head, keys);
      out_.replace(start, shape_bytes, head);
    }
    keys_.resize(first_key);
    return true;
  }

  bool leaves_out(std::string_view key) {
    for (auto& each : without_)
      if (each.key == key) {
        auto value = in_.raw_value();
        if (each.value.empty())
          each.value = value;
        return true;
      }
    return false;
  }

  bool elements(int depth) {
    in_.take('[');
    if (in_.take(']')) {
      out_ += static_cast<char>(empty_array);
      return true;
    }
    auto start = out_.size();
    std::size_t count = 0;
    out_ += static_cast<char>(short_array);
    do {
      if (!value(depth + 1))
        return false;
      ++count;
    } while (in_.take(','));
    if (count < short_arrays) {
      out_[start] = static_cast<char>(short_array + count);
    } else {
      std::string head(1, static_cast<char>(array));
      put_varint(head, count);
      out_.replace(start, 1, head);
    }
    return in_.take(']');
  }

  std::string& out_;
  json_cursor& in_;
  std::span<left_out> without_;
  std::vector<std::string_view> keys_; ///< of all objects that are open
};

class decoder {
public:
  decoder(text_buffer& out, std::string_view bytes) : out_(out), at_(bytes) {}

  bool document() { return value(0) && at_.done(); }

private:
  bool value(int depth) {
    token next;
    if (!at_.read(next))
      return false;
    switch (next.kind) {
    case token_kind::scalar:
      return put_scalar_text(out_, next.first, next.body);
    case token_kind::word:
      out_.put('"');
      out_.append(next.body);
      out_.put('"');
      return true;
    default:
      break;
    }
    if (depth >= json_cursor::deepest)
      return false;
    if (next.kind == token_kind::elements)
      return elements(next.count, depth);
    return next.shape ? shaped(*next.shape, depth) : keyed(next, depth);
  }

  bool elements(std::size_t count, int depth) {
    for (std::size_t i = 0; i < count; ++i) {
      out_.put(i == 0 ? '[' : ',');
      if (!value(depth + 1))
        return false;
    }
    out_.put(']');
    return true;
  }

  bool shaped(const packed_shape& shape, int depth) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      out_.append(shape.before(i));
      if (!value(depth + 1))
        return false;
    }
    out_.put('}');
    return true;
  }

  bool keyed(const token& object, int depth) {
    auto keys = object.body;
    for (std::size_t i = 0; i < object.count; ++i) {
      auto key = take_key(keys);
      if (!key)
        return false;
      out_.append(i == 0 ? "{\"" : ",\"");
      out_.append(*key);
      out_.append("\":");
      if (!value(depth + 1))
        return false;
    }
    out_.put('}');
    return true;
  }

  text_buffer& out_;
  walker at_;
};

} // namespace

bool encode(std::string& out, std::string_view json) {
  return encode(out, json, {});
}

bool encode(std::string& out, std::string_view json, std::span<left_out> without) {
  if (!simdjson::validate_utf8(json.data(), json.size()))
    return false;
  auto before = out.size();
  out.reserve(before + json.size() / usual_saving);
  json_cursor in{json};
  if (encoder{out, in, without}.value(0) && in.done())
    return true;
  out.resize(before);
  return false;
}

bool encode_next(std::string& out, json_cursor& in) {
  auto before = out.size();
  if (encoder{out, in, {}}.value(0))
    return true;
  out.resize(before);
  return false;
}

bool decode(std::string& out, std::string_view packed) {
  static thread_local text_buffer text;
  text.clear(usual_text);
  if (!decoder{text, packed}.document())
    return false;
  out.append(text.view());
  return true;
}

std::string text_of(std::string_view packed) {
  std::string result;
  return decode(result, packed) ? result : std::string{};
}

std::string_view field(std::string_view object, std::string_view key) {
  walker at{object};
  token head;
  if (!at.read(head) || head.kind != token_kind::object)
    return {};
  auto keys = head.body;
  for (std::size_t i = 0; i < head.count; ++i) {
    auto name = head.shape ? std::optional{head.shape->key(i)} : take_key(keys);
    auto begin = at.rest();
    if (!name || !at.skip())
      return {};
    if (*name == key)
      return begin.substr(0, begin.size() - at.rest().size());
  }
  return {};
}

snowflake id_of(std::string_view packed) {
  if (packed.empty())
    return 0;
  auto first = static_cast<std::uint8_t>(packed[0]);
  auto is_id = (first & 0xF8) == decimal_string && packed.size() == std::size_t{1} + first % 8 + 1;
  return is_id ? load_number(packed.substr(1)) : 0;
}

std::uint64_t number_of(std::string_view packed) {
  if (packed.empty())
    return 0;
  auto first = static_cast<std::uint8_t>(packed[0]);
  if (first < small_integers)
    return first;
  auto is_number = (first & 0xF8) == integer && packed.size() == std::size_t{1} + first % 8 + 1;
  return is_number ? load_number(packed.substr(1)) : 0;
}

bool is_null(std::string_view packed) {
  return packed.size() == 1 && static_cast<std::uint8_t>(packed[0]) == null_value;
}

bool is_empty_array(std::string_view packed) {
  return packed.size() == 1 && static_cast<std::uint8_t>(packed[0]) == empty_array;
}

std::string id_bytes(snowflake id) {
  std::string result;
  put_id(result, id);
  return result;
}

bool overwrite_id(char* packed, std::size_t size, snowflake id) {
  auto bytes = id_bytes(id);
  if (bytes.size() != size || bytes[0] != packed[0])
    return false;
  std::memcpy(packed, bytes.data(), size);
  return true;
}

} // namespace shardyard::packed
