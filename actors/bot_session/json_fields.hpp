// Walks the fields of a JSON object without parsing it: tells where each key and value stands, so that one of
// them can be edited and every other byte stays as it came. For text that a real parser or Discord's sender
// vouches for; on anything else it stops and says so, and never reads beyond the end.
#pragma once

#include "messages/ids.hpp"

#include <cstddef>
#include <string_view>

namespace shardyard {

/// One field of an object. Both views point into the walked text.
struct walked_field {
  std::string_view key; ///< between its quotes, escapes as they stand
  std::string_view value;
};

class field_walk {
public:
  /// `object`: from its brace on, white space before it allowed.
  explicit field_walk(std::string_view object);

  /// The next field, in the order of the text. False at the end, or when the text is broken.
  bool next(walked_field& field);

  /// False when next() ended because the text is no object.
  bool ok() const { return ok_; }

private:
  std::string_view text_;
  std::size_t at_ = 0;
  bool first_ = true, ok_ = true;
};

/// The same for the elements of an array.
class json_elements {
public:
  explicit json_elements(std::string_view array);
  bool next(std::string_view& element);
  bool ok() const { return ok_; }

private:
  std::string_view text_;
  std::size_t at_ = 0;
  bool first_ = true, ok_ = true;
};

/// The value of the first field `key`; empty when there is none.
std::string_view field_of(std::string_view object, std::string_view key);

/// What stands between the quotes of a string; empty for anything else.
std::string_view unquoted(std::string_view value);

/// The id in `"123"` or `123`; 0 for anything else.
snowflake id_in(std::string_view value);

} // namespace shardyard
