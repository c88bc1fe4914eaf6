#include "actors/partition/entity_rows.hpp"

#include "messages/prefetch.hpp"

#include <utility>

namespace shardyard {
namespace {

constexpr std::size_t block_bytes = 512; // a larger row has a block of its own, so places fit into the table
constexpr std::size_t of_malloc = 16;    // what an allocation costs beside its bytes, about

std::size_t size_of(const entity_row& row) {
  return row_block::entry_bytes + row.packed.size();
}

} // namespace

/// So many blocks have a first row that is this key's, or before it.
std::size_t entity_rows::blocks_begun(row_key key) const {
  return first_not(blocks_.size(), [&](std::size_t at) { return !lies_before(key, blocks_[at].first()); });
}

entity_rows::place entity_rows::locate(row_key key) const {
  auto begun = blocks_begun(key);
  place result;
  if (begun == 0)
    return result;
  result.block = begun - 1;
  auto& in = blocks_[result.block];
  result.at = in.find(key);
  result.found = result.at < in.count() && in.key(result.at) == key;
  return result;
}

std::optional<std::string_view> entity_rows::find(row_key key) const {
  auto where = locate(key);
  if (!where.found)
    return std::nullopt;
  return blocks_[where.block].row(where.at).packed;
}

std::span<char> entity_rows::bytes_of(row_key key) {
  auto where = locate(key);
  if (!where.found)
    return {};
  return blocks_[where.block].packed(where.at);
}

bool entity_rows::put(row_key key, std::string_view packed) {
  entity_row row{key, packed};
  auto where = locate(key);
  if (!where.found) {
    put_new(where, row);
    return true;
  }
  auto& in = blocks_[where.block];
  if (in.row(where.at).packed == packed)
    return false;
  if (size_of(row) > block_bytes && in.count() > 1) {
    in.erase(where.at);
    put_new(where, row);
  } else {
    in.replace(where.at, packed);
    split(where.block);
  }
  return true;
}

void entity_rows::put_new(place where, const entity_row& row) {
  auto alone = [&row] { return row_block{std::span{&row, 1}}; };
  auto apart = blocks_.empty() || size_of(row) > block_bytes || blocks_[where.block].size() > block_bytes;
  if (!apart) {
    blocks_[where.block].insert(where.at, row);
    split(where.block);
  } else if (where.at == 0) {
    add_block(where.block, alone());
  } else {
    if (where.at < blocks_[where.block].count())
      add_block(where.block + 1, blocks_[where.block].cut(where.at));
    add_block(where.block + 1, alone());
  }
}

void entity_rows::add_block(std::size_t which, row_block block) {
  blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(which), std::move(block));
}

bool entity_rows::erase(row_key key) {
  auto where = locate(key);
  if (!where.found)
    return false;
  auto& in = blocks_[where.block];
  if (in.count() == 1) {
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(where.block));
  } else {
    in.erase(where.at);
    tidy(where.block);
  }
  return true;
}

bool entity_rows::erase_all(std::uint8_t kind) {
  std::vector<snowflake> ids;
  for (auto row = of(kind); !row.done(); row.next())
    ids.push_back(row->key.id);
  for (auto id : ids)
    erase({kind, id});
  return !ids.empty();
}

// Rows in the order of their ids come mostly at the end, so the first part may stay the larger one.
void entity_rows::split(std::size_t which) {
  auto& in = blocks_[which];
  if (in.size() <= block_bytes || in.count() == 1)
    return;
  std::size_t cut = 1;
  while (cut + 1 < in.count() && in.size_before(cut + 1) <= in.size() * 2 / 3)
    ++cut;
  add_block(which + 1, in.cut(cut));
}

void entity_rows::tidy(std::size_t which) {
  auto& in = blocks_[which];
  if (which + 1 == blocks_.size() || in.size() >= block_bytes / 4)
    return;
  auto& next = blocks_[which + 1];
  if (in.size() + next.size() > block_bytes * 3 / 4)
    return;
  in.append(next);
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(which) + 1);
}

void entity_rows::assign(std::span<const entity_row> rows) {
  std::vector<row_block> made;
  while (!rows.empty()) {
    auto size = size_of(rows.front());
    std::size_t count = 1;
    while (count < rows.size() && size + size_of(rows[count]) <= block_bytes)
      size += size_of(rows[count++]);
    made.emplace_back(rows.first(count));
    rows = rows.subspan(count);
  }
  made.shrink_to_fit();
  blocks_ = std::move(made);
}

void entity_rows::prefetch_index() const {
  constexpr std::size_t parts = 8; // a search halves it three times to find in which it goes on
  for (std::size_t i = 1; i < parts; ++i)
    shardyard::prefetch(blocks_.data() + blocks_.size() * i / parts, 1);
}

void entity_rows::prefetch(row_key key) const {
  if (auto begun = blocks_begun(key); begun > 0)
    blocks_[begun - 1].prefetch();
}

std::size_t entity_rows::bytes() const {
  auto result = blocks_.capacity() * sizeof(row_block) + (blocks_.capacity() > 0 ? of_malloc : 0);
  for (auto& each : blocks_)
    result += each.room() + of_malloc;
  return result;
}

entity_rows::cursor entity_rows::all() const {
  cursor result;
  result.rows_ = this;
  result.read();
  return result;
}

entity_rows::cursor entity_rows::of(std::uint8_t kind) const {
  cursor result;
  result.rows_ = this;
  result.kind_ = kind;
  auto from = locate({kind, 0});
  result.block_ = from.block;
  result.at_ = from.at;
  result.read();
  return result;
}

void entity_rows::cursor::read() {
  auto& blocks = rows_->blocks_;
  if (block_ < blocks.size() && at_ >= blocks[block_].count()) {
    ++block_;
    at_ = 0;
  }
  done_ = block_ >= blocks.size();
  if (done_)
    return;
  row_ = blocks[block_].row(at_);
  done_ = kind_ && row_.key.kind != *kind_;
}

void entity_rows::cursor::next() {
  ++at_;
  read();
}

bool entity_rows::cursor::seek(snowflake id) {
  while (!done_ && row_.key.id < id)
    next();
  return !done_ && row_.key.id == id;
}

} // namespace shardyard
