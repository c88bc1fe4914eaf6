// Packed entities in the order of (kind, id), in few allocations: rows lie behind each other in blocks of
// about half a kilobyte, so that a small guild is a few of them and a change moves one block's bytes.
// Plain class; views hold until the next change.
#pragma once

#include "messages/ids.hpp"

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

struct row_key {
  std::uint8_t kind = 0;
  snowflake id = 0;

  auto operator<=>(const row_key&) const = default;
};

struct entity_row {
  row_key key;
  std::string_view packed;
};

class entity_rows {
public:
  /// Goes over the rows of one kind, or over all.
  class cursor {
  public:
    bool done() const { return done_; }
    const entity_row& operator*() const { return row_; }
    const entity_row* operator->() const { return &row_; }
    void next();
    /// To the row with this key if there is one; `id`s must rise from call to call. True when it is there.
    bool seek(snowflake id);

  private:
    friend class entity_rows;
    void read();

    const entity_rows* rows_ = nullptr;
    std::size_t block_ = 0, offset_ = 0, size_ = 0;
    std::optional<std::uint8_t> kind_;
    entity_row row_;
    bool done_ = true;
  };

  bool empty() const { return blocks_.empty(); }
  cursor all() const;
  cursor of(std::uint8_t kind) const;
  bool has_any(std::uint8_t kind) const { return !of(kind).done(); }

  std::optional<std::string_view> find(row_key key) const;
  /// The bytes of a row, to be changed in place.
  std::span<char> bytes_of(row_key key);

  /// False when the row was there, the same.
  bool put(row_key key, std::string_view packed);
  bool erase(row_key key);
  /// False when there was none.
  bool erase_all(std::uint8_t kind);

  /// Takes the place of all rows; `rows` in rising order without doubles.
  void assign(std::span<const entity_row> rows);

  /// Memory, but for this object itself.
  std::size_t bytes() const;

private:
  struct block {
    row_key first;
    std::unique_ptr<char[]> bytes;
    std::uint32_t size = 0, room = 0;

    std::string_view view() const { return {bytes.get(), size}; }
    void splice(std::size_t at, std::size_t removed, std::string_view inserted);
  };
  struct place {
    std::size_t block = 0, offset = 0, size = 0; ///< size of the row there; 0: none with this key
    std::size_t head = 0;                        ///< of it before the packed bytes
  };

  place locate(row_key key) const;
  void split(std::size_t which);
  void tidy(std::size_t which);

  std::vector<block> blocks_;
};

} // namespace shardyard
