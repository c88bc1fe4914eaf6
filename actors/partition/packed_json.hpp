// JSON as few bytes: an object is the number of its key sequence and its values, ids, times and hashes are
// binary, frequent strings are numbers. What was packed comes back byte for byte, without the white space
// between tokens. Packed bytes hold in this process; to_file and from_file carry them elsewhere. Any thread.
#pragma once

#include "messages/ids.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

class json_cursor;
class packed_shape;

namespace packed {

/// Appends the JSON value `json`. False, and nothing is appended, when it is not valid JSON, not UTF-8, or
/// nested deeper than json_cursor::deepest.
bool encode(std::string& out, std::string_view json);

/// A field that an object is packed without, and what it held.
struct left_out {
  std::string_view key;
  std::string_view value; ///< as it stands, of the first with this key; empty: there was none
};

/// The same for an object, without these fields of its own.
bool encode(std::string& out, std::string_view json, std::span<left_out> without);

/// The same for the next value at `in`, whose text is known to be UTF-8.
bool encode_next(std::string& out, json_cursor& in);

/// Appends the JSON text. False, and nothing is appended, when the bytes are damaged.
bool decode(std::string& out, std::string_view packed);
std::string text_of(std::string_view packed);

/// The packed value of a field of a packed object; empty when it has none.
std::string_view field(std::string_view object, std::string_view key);

/// The id that a packed string holds; 0 for anything else.
snowflake id_of(std::string_view packed);
/// The number that a packed integer holds; 0 for anything else.
std::uint64_t number_of(std::string_view packed);
bool is_null(std::string_view packed);
bool is_empty_array(std::string_view packed);

/// Overwrites a packed id with another that takes as many bytes. False: it does not.
bool overwrite_id(char* packed, std::size_t size, snowflake id);

/// What an id looks like, to search for it in packed bytes.
std::string id_bytes(snowflake id);

/// Shapes used by bytes on their way to a file: numbers of the process and, by their order, of the file.
class shape_list {
public:
  /// Copies one packed value and puts the file's numbers in.
  void to_file(std::string& out, std::string_view packed);
  /// The keys of the shapes that occurred; to be written before the values.
  void write(std::string& out) const;
  void clear();

  /// Reads what write() wrote, from the front of `bytes`. False when it is damaged.
  bool read(std::string_view& bytes);
  /// Copies one value from a file with the process's numbers. False when it is damaged.
  bool from_file(std::string& out, std::string_view value) const;

private:
  struct read_shape {
    std::size_t size = 0;               ///< keys
    const packed_shape* here = nullptr; ///< none: no room in the process's table
    std::string head;                   ///< its keys then
  };

  std::vector<std::uint16_t> used_;    ///< by number of the file
  std::vector<std::uint16_t> numbers_; ///< by number of the process; no_number: not used
  std::vector<read_shape> read_;       ///< by number of the file
};

void put_varint(std::string& out, std::uint64_t x);
/// Off the front of `bytes`; none when they end early or it is too long.
std::optional<std::uint64_t> take_varint(std::string_view& bytes);

} // namespace packed
} // namespace shardyard
