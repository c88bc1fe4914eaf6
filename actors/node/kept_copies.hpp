// States of partition groups that a node keeps for whoever adopts them: the final ones of its own, and copies
// of its peers' position logs. Owns one folder with one file per state. Promises: what `put_final` or
// `append` acknowledged is read back after a crash of the process; an append that does not continue its copy
// changes nothing.
#pragma once

#include "messages/relocation.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shardyard {

/// Not thread-safe. File errors are std::system_error with the path.
class kept_copies {
public:
  static constexpr std::size_t piece_bytes = 512u << 10;

  explicit kept_copies(std::filesystem::path folder);

  /// The state of a group that was stopped in order. Replaces a copy of the same name.
  void put_final(std::uint32_t id, std::uint64_t epoch, std::string_view bytes);

  /// The size that the copy has now: smaller than the append's end when it did not fit.
  copy_kept append(const copy_append& x);

  /// None when nothing is kept under this name.
  std::optional<copy_piece> piece(const fetch_copy& x) const;

  std::optional<std::string> read(std::uint32_t id, std::uint64_t epoch) const;

  void forget(std::uint32_t id, std::uint64_t through_epoch);

  std::vector<group_copy> list() const;

private:
  using key = std::pair<std::uint32_t, std::uint64_t>;
  copy_kept append_fresh(const copy_append& x);
  std::filesystem::path path_of(const key& x, bool final) const;

  std::filesystem::path folder_;
  std::map<key, group_copy> copies_;
  std::map<key, std::uint64_t> fresh_; ///< bytes of copies that begin anew in pieces
};

} // namespace shardyard
