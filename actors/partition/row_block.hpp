// Some packed entities in the order of (kind, id), in one allocation: a table of their keys and places, then
// their bytes. A look-up halves the table, which is a few cache lines, and touches the bytes of one row only.
// Plain class; views hold until the next change.
#pragma once

#include "messages/ids.hpp"
#include "messages/prefetch.hpp"

#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace shardyard {

struct row_key {
  std::uint8_t kind = 0;
  snowflake id = 0;

  auto operator<=>(const row_key&) const = default;
};

// A search halves what is left by adding, not by jumping: no processor foretells it, and where one search
// follows another they overlap.

/// The same as left < right.
inline bool lies_before(row_key left, row_key right) {
  return (static_cast<unsigned>(left.kind < right.kind) |
          (static_cast<unsigned>(left.kind == right.kind) & static_cast<unsigned>(left.id < right.id))) != 0;
}

/// The first of [0, size) for which `holds` does not, as it does for all before it and for none behind;
/// `size`: it holds for all.
template <class Holds>
std::size_t first_not(std::size_t size, Holds holds) {
  std::size_t result = 0;
  while (size > 1) {
    auto half = size / 2;
    result += half * static_cast<std::size_t>(holds(result + half - 1));
    size -= half;
  }
  return size == 0 ? 0 : result + static_cast<std::size_t>(holds(result));
}

struct entity_row {
  row_key key;
  std::string_view packed;
};

class row_block {
public:
  /// Of the table, for each row: id, place, kind.
  static constexpr std::size_t entry_bytes = sizeof(snowflake) + sizeof(std::uint16_t) + 1;

  /// `rows` in rising order without doubles, at least one. The last one begins at most 64 KiB behind the
  /// first one, and so after every change.
  explicit row_block(std::span<const entity_row> rows);

  std::size_t count() const { return count_; }
  /// Of the rows with their keys, in bytes.
  std::size_t size() const { return count_ * entry_bytes + packed_; }
  /// The same of the rows before `at`.
  std::size_t size_before(std::size_t at) const { return at * entry_bytes + place(at); }
  /// Memory, but for this object itself and what malloc adds.
  std::size_t room() const { return room_; }

  row_key first() const { return {first_kind_, first_id_}; }
  row_key key(std::size_t at) const;
  entity_row row(std::size_t at) const;
  /// The bytes of a row, to be changed in place.
  std::span<char> packed(std::size_t at);

  void prefetch() const { shardyard::prefetch(bytes_.get(), room_); }

  /// The first row that is not before `key`; count() when all are.
  std::size_t find(row_key key) const;

  void insert(std::size_t at, const entity_row& row);
  void replace(std::size_t at, std::string_view packed);
  /// At least one row must stay, here and in cut().
  void erase(std::size_t at);
  /// The rows from `at` on leave for a block of their own.
  row_block cut(std::size_t at);
  void append(const row_block& behind);

private:
  struct table;

  row_block() = default;
  table rows() const;
  /// Where the bytes of row `at` begin, and where those of the last one end.
  std::size_t place(std::size_t at) const;

  /// Takes new bytes for so many rows; the old ones are handed back.
  std::unique_ptr<char[]> renew(std::size_t count, std::size_t packed);
  void note_first();

  std::unique_ptr<char[]> bytes_;
  snowflake first_id_ = 0; // beside the pointer: a search over blocks reads no bytes of theirs
  std::uint32_t packed_ = 0, room_ = 0;
  std::uint16_t count_ = 0;
  std::uint8_t first_kind_ = 0;
};

} // namespace shardyard
