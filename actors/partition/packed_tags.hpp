// First bytes of packed values. Included by packed_*.cpp alone.
#pragma once

#include <cstdint>

namespace shardyard::packed {

enum tag : std::uint8_t {
  small_integer = 0x00, ///< to 0x3F: 0 to 63
  null_value = 0x40,
  true_value,
  false_value,
  empty_array,
  empty_object,
  integer = 0x48,          ///< to 0x4F: 1 to 8 bytes follow
  negative_integer = 0x50, ///< to 0x57: 1 to 8 bytes of the magnitude
  decimal_string = 0x58,   ///< to 0x5F: 1 to 8 bytes; a string of digits as ids are
  number_text = 0x60,      ///< size, text
  time_us,                 ///< 7 bytes: microseconds since 1970, "…T08:00:01.450123+00:00"
  time_ms,                 ///< 6 bytes: the same with 000 at the end
  time_s,                  ///< 5 bytes: seconds, "…T08:00:01+00:00"
  hex_string,              ///< 16 bytes: 32 lower-case digits
  animated_hex_string,     ///< 16 bytes, behind "a_"
  array,                   ///< count, values
  shaped_object,           ///< 2 bytes: shape; values
  keyed_object,            ///< count, keys (number, or 0, size, text), values
  long_string,             ///< size, text
  listed_word,             ///< number from 32
  short_string = 0x70,     ///< to 0xCF: 0 to 95 bytes follow
  common_word = 0xD0,      ///< to 0xEF: number 0 to 31
  short_array = 0xF0,      ///< to 0xFF: 1 to 15 values follow (0xF0 is not used)
};

inline constexpr unsigned small_integers = 64, short_strings = 96, common_words = 32, short_arrays = 16;

} // namespace shardyard::packed
