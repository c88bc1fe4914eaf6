#include "actors/shard/stream_item.hpp"

#include <cstring>
#include <type_traits>
#include <utility>

namespace shardyard {

namespace {

class writer {
public:
  explicit writer(std::size_t expected) { out_.reserve(expected); }

  template <class Number>
  requires std::is_trivially_copyable_v<Number>
  void put(const Number& x) { out_.append(reinterpret_cast<const char*>(&x), sizeof x); }
  void put(const std::string& x) {
    put(std::uint64_t{x.size()});
    out_ += x;
  }
  void put(const event_source& x) {
    put(x.shard);
    put(x.session_id.str());
  }
  std::string result() && { return std::move(out_); }

private:
  std::string out_;
};

/// Stops at the first field that does not fit; `complete` tells.
class reader {
public:
  explicit reader(std::string_view in) : in_(in) {}

  template <class Number>
  requires std::is_trivially_copyable_v<Number>
  void get(Number& x) {
    auto part = next(sizeof x);
    if (ok_)
      std::memcpy(&x, part.data(), sizeof x);
  }
  void get(std::string& x) {
    std::uint64_t size = 0;
    get(size);
    x = next(size);
  }
  void get(event_source& x) {
    get(x.shard);
    std::string session_id;
    get(session_id);
    x.session_id = std::move(session_id);
  }
  std::string_view next(std::uint64_t size) {
    if (!ok_ || size > in_.size()) {
      ok_ = false;
      return {};
    }
    auto part = in_.substr(0, size);
    in_.remove_prefix(size);
    return part;
  }
  bool complete() const { return ok_ && in_.empty(); }

private:
  std::string_view in_;
  bool ok_ = true;
};

enum class record_kind : std::uint8_t { block = 1, mark = 2 };

std::string encode_block(const event_block& block) {
  auto packed = pack(block);
  writer out(packed.bytes.size() + packed.index.size() + 128);
  out.put(record_kind::block);
  out.put(block.from);
  out.put(block.received_ns);
  out.put(block.newest_ms);
  out.put(packed.bytes);
  out.put(packed.index);
  return std::move(out).result();
}

std::string encode_mark(const source_mark& mark) {
  writer out(128 + mark.reason.size() + mark.guilds.size() * sizeof(snowflake));
  out.put(record_kind::mark);
  out.put(mark.from);
  out.put(mark.kind);
  out.put(mark.s);
  out.put(mark.plan);
  out.put(mark.cluster_epoch);
  out.put(mark.newest_ms);
  out.put(mark.began_ns);
  out.put(mark.connected);
  out.put(mark.reason);
  out.put(std::uint64_t{mark.guilds.size()});
  for (auto guild : mark.guilds)
    out.put(guild);
  return std::move(out).result();
}

std::optional<stream_item> decode_block(reader in) {
  auto block = std::make_shared<event_block>();
  packed_events packed;
  in.get(block->from);
  in.get(block->received_ns);
  in.get(block->newest_ms);
  in.get(packed.bytes);
  in.get(packed.index);
  if (!in.complete() || !unpack(std::move(packed), *block))
    return std::nullopt;
  return std::shared_ptr<const event_block>(std::move(block));
}

std::optional<stream_item> decode_mark(reader in) {
  source_mark mark;
  std::uint64_t count = 0;
  in.get(mark.from);
  in.get(mark.kind);
  in.get(mark.s);
  in.get(mark.plan);
  in.get(mark.cluster_epoch);
  in.get(mark.newest_ms);
  in.get(mark.began_ns);
  in.get(mark.connected);
  in.get(mark.reason);
  in.get(count);
  if (count > (1u << 30))
    return std::nullopt;
  auto ids = in.next(count * sizeof(snowflake));
  if (!in.complete() || mark.kind > mark_kind::closed)
    return std::nullopt;
  mark.guilds.resize(count);
  if (count > 0)
    std::memcpy(mark.guilds.data(), ids.data(), ids.size());
  return mark;
}

} // namespace

std::size_t bytes_of(const stream_item& item) {
  if (auto* mark = std::get_if<source_mark>(&item))
    return sizeof *mark + mark->from.session_id.size() + mark->reason.size() +
           mark->guilds.size() * sizeof(snowflake);
  auto& block = *std::get<0>(item);
  auto total = sizeof block + block.entries.size() * sizeof(event_entry);
  for (auto& e : block.entries)
    total += e.d_size + e.t_size;
  return total;
}

std::size_t events_of(const stream_item& item) {
  auto* block = std::get_if<std::shared_ptr<const event_block>>(&item);
  return block ? (*block)->entries.size() : 0;
}

std::shared_ptr<const event_block> repacked(const event_block& block) {
  auto packed = pack(block);
  auto result = std::make_shared<event_block>();
  result->from = block.from;
  result->received_ns = block.received_ns;
  result->newest_ms = block.newest_ms;
  result->entries = block.entries;
  std::memcpy(static_cast<void*>(result->entries.data()), packed.index.data(), packed.index.size());
  result->bytes = std::make_shared<const std::string>(std::move(packed.bytes));
  return result;
}

std::string encode_item(const stream_item& item) {
  if (auto* mark = std::get_if<source_mark>(&item))
    return encode_mark(*mark);
  return encode_block(*std::get<0>(item));
}

std::optional<stream_item> decode_item(std::string_view record) {
  reader in(record);
  auto kind = record_kind{};
  in.get(kind);
  if (kind == record_kind::block)
    return decode_block(in);
  if (kind == record_kind::mark)
    return decode_mark(in);
  return std::nullopt;
}

} // namespace shardyard
