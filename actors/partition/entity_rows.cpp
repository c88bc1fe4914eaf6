#include "actors/partition/entity_rows.hpp"

#include "actors/partition/packed_json.hpp"

#include <algorithm>
#include <cstring>

namespace shardyard {
namespace {

constexpr std::size_t block_bytes = 512; // a look-up goes over the rows of one, half of them on average
constexpr std::size_t of_malloc = 16;    // what an allocation costs beside its bytes, about
constexpr std::size_t key_bytes = 1 + sizeof(snowflake);

struct row_head {
  row_key key;
  std::size_t head = 0; ///< bytes before the packed ones
  std::size_t size = 0; ///< of the whole row
};

// A row is kind, id, size of the packed bytes, packed bytes. Blocks hold what was put here only.
row_head head_at(std::string_view block, std::size_t offset) {
  row_head result;
  auto at = block.data() + offset;
  result.key.kind = static_cast<std::uint8_t>(*at);
  std::memcpy(&result.key.id, at + 1, sizeof result.key.id);
  std::size_t size = 0, used = key_bytes;
  for (unsigned shift = 0;; shift += 7) {
    auto byte = static_cast<unsigned char>(at[used++]);
    size |= std::size_t{byte & 0x7Fu} << shift;
    if (byte < 0x80)
      break;
  }
  result.head = used;
  result.size = used + size;
  return result;
}

void append_row(std::string& out, const entity_row& x) {
  out += static_cast<char>(x.key.kind);
  out.append(reinterpret_cast<const char*>(&x.key.id), sizeof x.key.id);
  packed::put_varint(out, x.packed.size());
  out.append(x.packed);
}

std::uint32_t room_for(std::size_t size) {
  return static_cast<std::uint32_t>((size + 15) / 16 * 16);
}

} // namespace

void entity_rows::block::splice(std::size_t at, std::size_t removed, std::string_view inserted) {
  auto wanted = size - removed + inserted.size();
  auto tail = size - at - removed;
  if (wanted > room || wanted + wanted / 4 + 64 < room) {
    auto grown = room_for(wanted + (size == 0 ? 0 : wanted / 16));
    std::unique_ptr<char[]> fresh{new char[grown]};
    if (size > 0) {
      std::memcpy(fresh.get(), bytes.get(), at);
      std::memcpy(fresh.get() + at + inserted.size(), bytes.get() + at + removed, tail);
    }
    bytes = std::move(fresh);
    room = grown;
  } else {
    std::memmove(bytes.get() + at + inserted.size(), bytes.get() + at + removed, tail);
  }
  if (!inserted.empty())
    std::memcpy(bytes.get() + at, inserted.data(), inserted.size());
  size = static_cast<std::uint32_t>(wanted);
}

entity_rows::place entity_rows::locate(row_key key) const {
  auto behind = std::ranges::upper_bound(blocks_, key, {}, &block::first);
  place result;
  if (behind == blocks_.begin())
    return result;
  result.block = static_cast<std::size_t>(behind - blocks_.begin()) - 1;
  auto bytes = blocks_[result.block].view();
  while (result.offset < bytes.size()) {
    auto here = head_at(bytes, result.offset);
    if (here.key == key) {
      result.size = here.size;
      result.head = here.head;
    }
    if (here.key >= key)
      break;
    result.offset += here.size;
  }
  return result;
}

std::optional<std::string_view> entity_rows::find(row_key key) const {
  auto at = locate(key);
  if (at.size == 0)
    return std::nullopt;
  return blocks_[at.block].view().substr(at.offset + at.head, at.size - at.head);
}

std::span<char> entity_rows::bytes_of(row_key key) {
  auto at = locate(key);
  if (at.size == 0)
    return {};
  return {blocks_[at.block].bytes.get() + at.offset + at.head, at.size - at.head};
}

bool entity_rows::put(row_key key, std::string_view packed) {
  if (blocks_.empty())
    blocks_.emplace_back().first = key;
  auto at = locate(key);
  auto& in = blocks_[at.block];
  if (at.size != 0 && in.view().substr(at.offset + at.head, at.size - at.head) == packed)
    return false;
  std::string row;
  append_row(row, {key, packed});
  in.splice(at.offset, at.size, row);
  in.first = std::min(in.first, key);
  if (in.size > block_bytes)
    split(at.block);
  return true;
}

bool entity_rows::erase(row_key key) {
  auto at = locate(key);
  if (at.size == 0)
    return false;
  blocks_[at.block].splice(at.offset, at.size, {});
  tidy(at.block);
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
  auto all = blocks_[which].view();
  std::size_t cut = 0;
  for (std::size_t next = 0; next < all.size() && (cut == 0 || next <= all.size() * 2 / 3);) {
    cut = next;
    next += head_at(all, next).size;
    if (cut == 0 && next >= all.size())
      return;
    if (cut == 0)
      cut = next;
  }
  block second;
  second.first = head_at(all, cut).key;
  second.splice(0, 0, all.substr(cut));
  blocks_[which].splice(cut, all.size() - cut, {});
  blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(which) + 1, std::move(second));
}

void entity_rows::tidy(std::size_t which) {
  auto& in = blocks_[which];
  if (in.size == 0) {
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(which));
    return;
  }
  in.first = head_at(in.view(), 0).key;
  if (which + 1 == blocks_.size() || in.size >= block_bytes / 4)
    return;
  auto& next = blocks_[which + 1];
  if (in.size + next.size > block_bytes * 3 / 4)
    return;
  in.splice(in.size, 0, next.view());
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(which) + 1);
}

void entity_rows::assign(std::span<const entity_row> rows) {
  blocks_.clear();
  std::string bytes;
  row_key first;
  std::vector<block> made;
  auto close = [&] {
    if (bytes.empty())
      return;
    auto& next = made.emplace_back();
    next.first = first;
    next.splice(0, 0, bytes);
    bytes.clear();
  };
  for (auto& row : rows) {
    if (!bytes.empty() && bytes.size() + row.packed.size() + key_bytes + 2 > block_bytes)
      close();
    if (bytes.empty())
      first = row.key;
    append_row(bytes, row);
  }
  close();
  made.shrink_to_fit();
  blocks_ = std::move(made);
}

std::size_t entity_rows::bytes() const {
  auto result = blocks_.capacity() * sizeof(block) + (blocks_.capacity() > 0 ? of_malloc : 0);
  for (auto& each : blocks_)
    result += each.room + of_malloc;
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
  auto at = locate({kind, 0});
  result.block_ = at.block;
  result.offset_ = at.offset;
  result.read();
  return result;
}

void entity_rows::cursor::read() {
  while (block_ < rows_->blocks_.size() && offset_ >= rows_->blocks_[block_].size) {
    ++block_;
    offset_ = 0;
  }
  done_ = block_ >= rows_->blocks_.size();
  if (done_)
    return;
  auto bytes = rows_->blocks_[block_].view();
  auto head = head_at(bytes, offset_);
  done_ = kind_ && head.key.kind != *kind_;
  size_ = head.size;
  row_ = {head.key, bytes.substr(offset_ + head.head, head.size - head.head)};
}

void entity_rows::cursor::next() {
  offset_ += size_;
  read();
}

bool entity_rows::cursor::seek(snowflake id) {
  while (!done_ && row_.key.id < id)
    next();
  return !done_ && row_.key.id == id;
}

} // namespace shardyard
