// Packed entities in the order of (kind, id), in few allocations: rows lie in blocks of about half a
// kilobyte, so that a small guild is a few of them and a change moves one block's bytes. Plain class; views
// hold until the next change.
#pragma once

#include "actors/partition/row_block.hpp"

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace shardyard {

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
    std::size_t block_ = 0, at_ = 0;
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

  /// Two steps to have a row in the processor's cache (messages/prefetch.hpp).
  void prefetch_index() const;
  void prefetch(row_key key) const;

  /// Memory, but for this object itself.
  std::size_t bytes() const;

private:
  struct place {
    std::size_t block = 0, at = 0;
    bool found = false; ///< false: a row with this key would stand there
  };

  place locate(row_key key) const;
  std::size_t blocks_begun(row_key key) const;
  void put_new(place where, const entity_row& row);
  void split(std::size_t which);
  void tidy(std::size_t which);
  void add_block(std::size_t which, row_block block);

  std::vector<row_block> blocks_;
};

} // namespace shardyard
