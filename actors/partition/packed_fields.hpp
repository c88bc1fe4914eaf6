// One level of a packed object, to be changed and packed again without its text. Views of packed bytes that
// must outlive it. Plain class.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard::packed {

class fields {
public:
  /// Nothing when the bytes are no object, or damaged.
  static std::optional<fields> read(std::string_view object);

  /// Packed value; empty when there is no such key.
  std::string_view get(std::string_view key) const;
  bool has(std::string_view key) const { return !get(key).empty(); }
  /// Takes those fields of `older` that are missing here. False when none is.
  bool complete(const fields& older);

  /// Appends the object.
  void write(std::string& out) const;

private:
  struct entry {
    std::string_view key;
    std::string_view value;
  };
  std::vector<entry> entries_;
};

/// Whether both are objects that are known to have the same keys in the same order.
bool same_keys(std::string_view left, std::string_view right);

} // namespace shardyard::packed
