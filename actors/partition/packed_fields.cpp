#include "actors/partition/packed_fields.hpp"

#include "actors/partition/packed_shapes.hpp"
#include "actors/partition/packed_tags.hpp"
#include "actors/partition/packed_walk.hpp"

#include <algorithm>

namespace shardyard::packed {
namespace {

/// What says the keys of a packed object; empty for anything else.
std::string_view head_of(std::string_view object) {
  constexpr std::size_t shaped = 1 + sizeof(std::uint16_t); // tag and number of the shape
  if (object.size() > shaped && static_cast<std::uint8_t>(object[0]) == shaped_object)
    return object.substr(0, shaped);
  walker at{object};
  token head;
  return at.read_head(head) ? object.substr(0, object.size() - at.rest().size()) : std::string_view{};
}

} // namespace

std::optional<fields> fields::read(std::string_view object) {
  fields result;
  if (object.size() == 1 && static_cast<std::uint8_t>(object[0]) == empty_object)
    return result;
  walker at{object};
  token head;
  if (!at.read(head) || head.kind != token_kind::object)
    return std::nullopt;
  auto keys = head.body;
  result.entries_.reserve(head.count + 4);
  for (std::size_t i = 0; i < head.count; ++i) {
    auto key = head.shape ? std::optional{head.shape->key(i)} : take_key(keys);
    auto begin = at.rest();
    if (!key || !at.skip())
      return std::nullopt;
    result.entries_.push_back({*key, begin.substr(0, begin.size() - at.rest().size())});
  }
  return at.done() ? std::optional{std::move(result)} : std::nullopt;
}

std::string_view fields::get(std::string_view key) const {
  auto found = std::ranges::find(entries_, key, &entry::key);
  return found == entries_.end() ? std::string_view{} : found->value;
}

bool fields::complete(const fields& older) {
  auto before = entries_.size();
  for (auto& each : older.entries_)
    if (!has(each.key))
      entries_.push_back(each);
  return entries_.size() != before;
}

void fields::write(std::string& out) const {
  if (entries_.empty()) {
    out += static_cast<char>(empty_object);
    return;
  }
  std::vector<std::string_view> keys;
  keys.reserve(entries_.size());
  std::uint64_t hash = 0;
  for (auto& each : entries_) {
    keys.push_back(each.key);
    hash = add_key(hash, each.key);
  }
  put_head(out, keys, intern_shape(keys, hash));
  for (auto& each : entries_)
    out.append(each.value);
}

bool same_keys(std::string_view left, std::string_view right) {
  auto head = head_of(left);
  return !head.empty() && head == head_of(right);
}

} // namespace shardyard::packed
