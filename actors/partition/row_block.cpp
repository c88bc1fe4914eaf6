#include "actors/partition/row_block.hpp"

#include <cstring>

namespace shardyard {
namespace {

std::size_t rounded(std::size_t bytes) {
  return (bytes + 15) / 16 * 16; // as malloc does
}

} // namespace

// All ids, then all places, then all kinds, so that those which a search compares are close to each other.
struct row_block::table {
  table(char* bytes, std::size_t count)
      : ids(bytes),
        places(ids + count * sizeof(snowflake)),
        kinds(places + count * sizeof(std::uint16_t)),
        packed(kinds + count) {}

  row_key key(std::size_t at) const {
    row_key result{static_cast<std::uint8_t>(kinds[at]), 0};
    std::memcpy(&result.id, ids + at * sizeof result.id, sizeof result.id);
    return result;
  }

  std::size_t place(std::size_t at) const {
    std::uint16_t result;
    std::memcpy(&result, places + at * sizeof result, sizeof result);
    return result;
  }

  void set_place(std::size_t at, std::size_t place) const {
    auto x = static_cast<std::uint16_t>(place);
    std::memcpy(places + at * sizeof x, &x, sizeof x);
  }

  void set(std::size_t at, row_key key, std::size_t place) const {
    kinds[at] = static_cast<char>(key.kind);
    std::memcpy(ids + at * sizeof key.id, &key.id, sizeof key.id);
    set_place(at, place);
  }

  /// Copies the entries [begin, end) of `from` to `at`; their places move by `shift`.
  void take(std::size_t at, const table& from, std::size_t begin, std::size_t end, std::size_t shift) const {
    constexpr auto id_bytes = sizeof(snowflake);
    std::memcpy(ids + at * id_bytes, from.ids + begin * id_bytes, (end - begin) * id_bytes);
    std::memcpy(kinds + at, from.kinds + begin, end - begin);
    for (auto i = begin; i < end; ++i)
      set_place(at + i - begin, from.place(i) + shift);
  }

  char *ids, *places, *kinds, *packed;
};

row_block::row_block(std::span<const entity_row> rows) {
  std::size_t packed = 0;
  for (auto& each : rows)
    packed += each.packed.size();
  renew(rows.size(), packed);
  auto t = this->rows();
  std::size_t at = 0, place = 0;
  for (auto& each : rows) {
    t.set(at++, each.key, place);
    std::memcpy(t.packed + place, each.packed.data(), each.packed.size());
    place += each.packed.size();
  }
  note_first();
}

row_block::table row_block::rows() const {
  return {bytes_.get(), count_};
}

std::size_t row_block::place(std::size_t at) const {
  return at < count_ ? rows().place(at) : packed_;
}

row_key row_block::key(std::size_t at) const {
  return rows().key(at);
}

entity_row row_block::row(std::size_t at) const {
  auto t = rows();
  auto begin = t.place(at);
  return {t.key(at), {t.packed + begin, place(at + 1) - begin}};
}

std::span<char> row_block::packed(std::size_t at) {
  auto begin = place(at);
  return {rows().packed + begin, place(at + 1) - begin};
}

std::size_t row_block::find(row_key key) const {
  auto t = rows();
  return first_not(count_, [&](std::size_t at) { return lies_before(t.key(at), key); });
}

void row_block::insert(std::size_t at, const entity_row& row) {
  auto here = place(at), rest = packed_ - here, grown = row.packed.size();
  auto from = rows();
  std::size_t count = count_;
  auto old = renew(count + 1, packed_ + grown);
  auto to = rows();
  to.take(0, from, 0, at, 0);
  to.set(at, row.key, here);
  to.take(at + 1, from, at, count, grown);
  std::memcpy(to.packed, from.packed, here);
  std::memcpy(to.packed + here, row.packed.data(), grown);
  std::memcpy(to.packed + here + grown, from.packed + here, rest);
  note_first();
}

void row_block::replace(std::size_t at, std::string_view packed) {
  auto begin = place(at), end = place(at + 1), rest = packed_ - end;
  auto wanted = begin + packed.size() + rest;
  auto from = rows();
  std::unique_ptr<char[]> old;
  if (rounded(count_ * entry_bytes + wanted) != room_) {
    old = renew(count_, wanted);
    rows().take(0, from, 0, count_, 0);
    std::memcpy(rows().packed, from.packed, begin);
  }
  auto to = rows();
  packed_ = static_cast<std::uint32_t>(wanted);
  if (old || packed.size() != end - begin) {
    std::memmove(to.packed + begin + packed.size(), from.packed + end, rest);
    for (auto i = at + 1; i < count_; ++i)
      to.set_place(i, to.place(i) + packed.size() - (end - begin));
  }
  std::memcpy(to.packed + begin, packed.data(), packed.size());
}

void row_block::erase(std::size_t at) {
  auto begin = place(at), end = place(at + 1), rest = packed_ - end;
  auto from = rows();
  std::size_t count = count_;
  auto old = renew(count - 1, begin + rest);
  auto to = rows();
  to.take(0, from, 0, at, 0);
  to.take(at, from, at + 1, count, begin - end);
  std::memcpy(to.packed, from.packed, begin);
  std::memcpy(to.packed + begin, from.packed + end, rest);
  note_first();
}

row_block row_block::cut(std::size_t at) {
  auto begin = place(at), rest = packed_ - begin;
  auto from = rows();
  std::size_t count = count_;
  row_block behind;
  behind.renew(count - at, rest);
  behind.rows().take(0, from, at, count, std::size_t{0} - begin);
  std::memcpy(behind.rows().packed, from.packed + begin, rest);
  behind.note_first();
  auto old = renew(at, begin);
  rows().take(0, from, 0, at, 0);
  std::memcpy(rows().packed, from.packed, begin);
  return behind;
}

void row_block::append(const row_block& behind) {
  auto from = rows();
  std::size_t count = count_, packed = packed_;
  auto old = renew(count + behind.count_, packed + behind.packed_);
  auto to = rows();
  to.take(0, from, 0, count, 0);
  to.take(count, behind.rows(), 0, behind.count_, packed);
  std::memcpy(to.packed, from.packed, packed);
  std::memcpy(to.packed + packed, behind.rows().packed, behind.packed_);
}

std::unique_ptr<char[]> row_block::renew(std::size_t count, std::size_t packed) {
  room_ = static_cast<std::uint32_t>(rounded(count * entry_bytes + packed));
  count_ = static_cast<std::uint16_t>(count);
  packed_ = static_cast<std::uint32_t>(packed);
  std::unique_ptr<char[]> fresh{new char[room_]};
  bytes_.swap(fresh);
  return fresh;
}

void row_block::note_first() {
  auto key = rows().key(0);
  first_id_ = key.id;
  first_kind_ = key.kind;
}

} // namespace shardyard
