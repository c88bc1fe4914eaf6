#include "actors/partition/json_scan.hpp"
#include "actors/partition/packed_json.hpp"
#include "actors/partition/packed_scalars.hpp"
#include "actors/partition/packed_shapes.hpp"
#include "actors/partition/packed_tags.hpp"
#include "actors/partition/packed_walk.hpp"

#include <cstring>

namespace shardyard::packed {
namespace {

constexpr std::uint16_t no_number = 0xFFFF;
static_assert(most_shapes < no_number);

// An object's keys in the file: as a keyed object has them, so that both are read alike.
std::string keys_of(const packed_shape& shape) {
  std::vector<std::string_view> keys;
  for (std::size_t i = 0; i < shape.size(); ++i)
    keys.push_back(shape.key(i));
  std::string result;
  put_keys(result, keys);
  return result;
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
    out.append(keys_of(*find_shape(each)));
}

bool shape_list::read(std::string_view& bytes) {
  read_.clear();
  here_.clear();
  auto count = take_varint(bytes);
  if (!count || *count > most_shapes)
    return false;
  for (std::size_t i = 0; i < *count; ++i) {
    walker at{bytes};
    token head;
    if (bytes.empty() || static_cast<std::uint8_t>(bytes[0]) != keyed_object || !at.read(head))
      return false;
    auto& keys = read_.emplace_back();
    std::vector<std::string_view> views;
    std::uint64_t hash = 0;
    auto rest = head.body;
    for (std::size_t k = 0; k < head.count; ++k) {
      auto key = take_key(rest);
      if (!key)
        return false;
      keys.emplace_back(*key);
      views.push_back(*key);
      hash = add_key(hash, *key);
    }
    auto* shape = intern_shape(views, hash);
    here_.push_back(shape ? std::optional{shape->id()} : std::nullopt);
    bytes = at.rest();
  }
  return true;
}

bool shape_list::from_file(std::string& out, std::string_view value) const {
  auto sizes = [](const void* context, std::uint16_t number) {
    auto& lists = *static_cast<const std::vector<std::vector<std::string>>*>(context);
    return number < lists.size() ? lists[number].size() : 0;
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
    if (auto here = here_[next.number]) {
      out += static_cast<char>(shaped_object);
      out.append(reinterpret_cast<const char*>(&*here), sizeof *here);
    } else {
      std::vector<std::string_view> keys{read_[next.number].begin(), read_[next.number].end()};
      put_keys(out, keys);
    }
  }
  out.append(value.substr(copied));
  return at.done();
}

} // namespace shardyard::packed
