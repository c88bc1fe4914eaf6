#include "actors/partition/json_scan.hpp"
#include "actors/partition/packed_json.hpp"
#include "actors/partition/packed_scalars.hpp"
#include "actors/partition/packed_shapes.hpp"
#include "actors/partition/packed_tags.hpp"
#include "actors/partition/packed_walk.hpp"

#include <cstring>
#include <functional>
#include <unordered_map>

namespace shardyard::packed {
namespace {

constexpr std::uint16_t no_number = 0xFFFF;
static_assert(most_shapes < no_number);

struct view_hash : std::hash<std::string_view> {
  using is_transparent = void;
};

/// What the process calls a file's shapes, by their keys as the file has them: most files have the same.
using known_heads = std::unordered_map<std::string, const packed_shape*, view_hash, std::equal_to<>>;

struct keyed_head {
  std::string_view bytes; ///< tag, count and keys
  std::size_t count = 0;
};

/// Off the front of `bytes`.
std::optional<keyed_head> take_head(std::string_view& bytes) {
  walker at{bytes};
  token head;
  if (!at.read_head(head))
    return std::nullopt;
  keyed_head result{bytes.substr(0, bytes.size() - at.rest().size()), head.count};
  bytes = at.rest();
  return result;
}

const packed_shape* shape_of(const keyed_head& head) {
  std::vector<std::string_view> keys;
  std::uint64_t hash = 0;
  auto rest = head.bytes.substr(1);
  take_varint(rest);
  for (std::size_t i = 0; i < head.count; ++i) {
    keys.push_back(*take_key(rest));
    hash = add_key(hash, keys.back());
  }
  return intern_shape(keys, hash);
}

} // namespace

void shape_list::clear() {
  for (auto each : used_)
    numbers_[each] = no_number;
  used_.clear();
}

void shape_list::to_file(std::string& out, std::string_view packed) {
  if (numbers_.empty())
    numbers_.resize(most_shapes, no_number);
  auto start = out.size();
  out.append(packed);
  walker at{packed};
  token next;
  while (at.read(next)) {
    if (next.kind != token_kind::object || !next.shape)
      continue;
    auto& number = numbers_[next.number];
    if (number == no_number) {
      number = static_cast<std::uint16_t>(used_.size());
      used_.push_back(next.number);
    }
    auto behind = packed.size() - at.rest().size();
    std::memcpy(&out[start + behind - sizeof number], &number, sizeof number);
  }
}

void shape_list::write(std::string& out) const {
  put_varint(out, used_.size());
  for (auto each : used_)
    out.append(find_shape(each)->head());
}

bool shape_list::read(std::string_view& bytes) {
  static thread_local known_heads known;
  read_.clear();
  auto count = take_varint(bytes);
  if (!count || *count > most_shapes)
    return false;
  for (std::size_t i = 0; i < *count; ++i) {
    auto head = take_head(bytes);
    if (!head)
      return false;
    auto& next = read_.emplace_back();
    next.size = head->count;
    if (auto found = known.find(head->bytes); found != known.end()) {
      next.here = found->second;
    } else if (next.here = shape_of(*head); next.here) {
      if (known.size() < most_shapes)
        known.emplace(head->bytes, next.here);
    } else {
      next.head = head->bytes;
    }
  }
  return true;
}

bool shape_list::from_file(std::string& out, std::string_view value) const {
  auto sizes = [](const void* context, std::uint16_t number) {
    auto& shapes = *static_cast<const std::vector<read_shape>*>(context);
    return number < shapes.size() ? shapes[number].size : 0;
  };
  walker at{value, sizes, &read_};
  token next;
  std::size_t copied = 0;
  for (std::size_t open = 1; open > 0; --open) {
    if (!at.read(next))
      return false;
    if (next.kind == token_kind::elements || next.kind == token_kind::object)
      open += next.count;
    if (next.first != shaped_object || next.kind != token_kind::object)
      continue;
    auto behind = value.size() - at.rest().size();
    auto begin = behind - sizeof next.number - 1;
    out.append(value.substr(copied, begin - copied));
    copied = behind;
    auto& shape = read_[next.number];
    if (shape.here) {
      auto id = shape.here->id();
      out += static_cast<char>(shaped_object);
      out.append(reinterpret_cast<const char*>(&id), sizeof id);
    } else {
      out.append(shape.head);
    }
  }
  out.append(value.substr(copied));
  return at.done();
}

} // namespace shardyard::packed
