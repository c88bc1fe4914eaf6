// Reading packed values token by token, with every length checked. Included by packed_*.cpp alone.
#pragma once

#include "actors/partition/packed_shapes.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shardyard::packed {

enum class token_kind : std::uint8_t { scalar, word, elements, object };

struct token {
  token_kind kind = token_kind::scalar;
  std::uint8_t first = 0;              ///< the tag
  std::uint16_t number = 0;            ///< of the shape
  std::string_view body;               ///< of a scalar; text of a word; keys of a keyed object
  std::size_t count = 0;               ///< values that follow
  const packed_shape* shape = nullptr; ///< of a shaped object
};

/// How many values follow a shape's number; 0: there is no such shape.
using shape_sizes = std::size_t (*)(const void* context, std::uint16_t number);

class walker {
public:
  /// With shapes of the process.
  explicit walker(std::string_view bytes) : rest_(bytes) {}
  /// With shapes of a file; tokens have no `shape` then.
  walker(std::string_view bytes, shape_sizes sizes, const void* context)
      : rest_(bytes), sizes_(sizes), context_(context) {}

  /// The next token. False at the end and where the bytes are damaged.
  bool read(token& next);
  /// The head of a keyed object, whose values need not follow.
  bool read_head(token& next);
  /// Over one value with all that it contains.
  bool skip();

  std::string_view rest() const { return rest_; }
  bool done() const { return rest_.empty(); }

private:
  bool read_sized(token& next);
  bool read_object(token& next);

  std::string_view rest_;
  shape_sizes sizes_ = nullptr;
  const void* context_ = nullptr;
};

/// Head of an object of this shape; nullptr: one that carries its keys.
void put_head(std::string& out, std::span<const std::string_view> keys, const packed_shape* shape);
/// Head of an object that carries its keys.
void put_keys(std::string& out, std::span<const std::string_view> keys);
/// The next key of such a head.
std::optional<std::string_view> take_key(std::string_view& keys);

} // namespace shardyard::packed
