#include "actors/partition/guild_content.hpp"
#include "actors/partition/json_scan.hpp"
#include "actors/partition/packed_json.hpp"
#include "actors/partition/packed_words.hpp"
#include "messages/prefetch.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <unordered_set>
#include <xxhash.h>

#include <simdjson.h>

namespace shardyard {
namespace {

constexpr std::array<std::string_view, row_kinds> arrays{
    "channels", "threads", "presences", "voice_states",           "members",         "",
    "roles",    "emojis",  "stickers",  "guild_scheduled_events", "stage_instances", "soundboard_sounds"};

constexpr std::size_t longest_text = 256u << 20;

std::string packed_of(std::string_view json) {
  std::string result;
  packed::encode(result, json);
  return result;
}

std::uint64_t whole_number(std::string_view raw) {
  std::uint64_t x = 0;
  std::from_chars(raw.data(), raw.data() + raw.size(), x);
  return x;
}

/// A GUILD_CREATE on its way into the cache.
class snapshot_reader {
public:
  snapshot_reader(std::string_view d, const cache_policy& policy) : in_(d), policy_(policy) {}

  bool read() {
    if (!in_.take('{'))
      return false;
    if (!in_.take('}')) {
      do {
        if (!field())
          return false;
      } while (in_.take(','));
      if (!in_.take('}'))
        return false;
    }
    own_ += '}';
    auto begin = bytes_.size();
    if (!in_.done() || !packed::encode(bytes_, own_))
      return false;
    found_.push_back({{guild_row, 0}, begin, bytes_.size() - begin});
    return true;
  }

  void move_to(entity_rows& rows, std::uint64_t& member_count) {
    std::unordered_set<snowflake> speakers, kept;
    for (auto& each : found_)
      if (each.key.kind == voice_row)
        speakers.insert(each.key.id);
    auto keeps = [&](snowflake user) {
      return user == policy_.self || policy_.members >= member_policy::seen ||
             (policy_.members == member_policy::voice && speakers.contains(user));
    };
    std::erase_if(found_, [&](const entry& each) {
      return each.key.kind == member_row && !(keeps(each.key.id) && (kept.insert(each.key.id), true));
    });
    std::erase_if(found_, [&](const entry& each) {
      return each.key.kind == presence_row && !(policy_.presences && kept.contains(each.key.id));
    });
    // Of two rows with one id the later one counts.
    std::ranges::stable_sort(found_, {}, &entry::key);
    std::vector<entity_row> sorted;
    for (auto& each : found_) {
      entity_row row{each.key, std::string_view{bytes_}.substr(each.begin, each.size)};
      if (!sorted.empty() && sorted.back().key == row.key)
        sorted.back() = row;
      else
        sorted.push_back(row);
    }
    rows.assign(sorted);
    member_count = member_count_;
  }

private:
  struct entry {
    row_key key;
    std::size_t begin = 0, size = 0;
  };

  bool field() {
    if (in_.peek() != '"')
      return false;
    auto key = in_.string();
    if (in_.failed() || !in_.take(':'))
      return false;
    if (auto kind = kind_of_array(key); kind != guild_row && in_.peek() == '[')
      return elements(kind);
    auto value = in_.raw_value();
    if (in_.failed())
      return false;
    if (key == "member_count")
      member_count_ = whole_number(value);
    else if (key != "large" && key != "unavailable" && kind_of_array(key) == guild_row)
      own_.append(own_.size() > 1 ? ",\"" : "\"").append(key).append("\":").append(value);
    return true;
  }

  bool elements(row_kind kind) {
    in_.take('[');
    if (in_.take(']'))
      return true;
    do {
      auto begin = bytes_.size();
      if (!packed::encode_next(bytes_, in_))
        return false;
      auto packed = std::string_view{bytes_}.substr(begin);
      auto id = entity_id(kind, packed);
      // What has no id could not be changed or removed later.
      if (id == 0 || is_over(kind, packed))
        bytes_.resize(begin);
      else
        found_.push_back({{kind, id}, begin, packed.size()});
    } while (in_.take(','));
    return in_.take(']');
  }

  json_cursor in_;
  const cache_policy& policy_;
  std::string own_ = "{", bytes_;
  std::vector<entry> found_;
  std::uint64_t member_count_ = 0;
};

} // namespace

std::string_view array_of(row_kind kind) {
  return arrays[kind];
}

row_kind kind_of_array(std::string_view key) {
  auto found = key.empty() ? arrays.end() : std::ranges::find(arrays, key);
  return found == arrays.end() ? guild_row : static_cast<row_kind>(found - arrays.begin());
}

snowflake entity_id(row_kind kind, std::string_view packed) {
  switch (kind) {
  case presence_row:
  case member_row:
    return packed::id_of(packed::field(packed::field(packed, "user"), "id"));
  case voice_row:
    return packed::id_of(packed::field(packed, "user_id"));
  case sound_row:
    return packed::id_of(packed::field(packed, "sound_id"));
  default:
    return packed::id_of(packed::field(packed, "id"));
  }
}

bool is_over(row_kind kind, std::string_view packed) {
  static const auto offline = packed_of("\"offline\""), yes = packed_of("true");
  constexpr std::uint64_t completed = 3, canceled = 4;
  switch (kind) {
  case presence_row:
    return packed::field(packed, "status") == offline;
  case thread_row:
    return packed::field(packed::field(packed, "thread_metadata"), "archived") == yes;
  case scheduled_event_row: {
    auto status = packed::number_of(packed::field(packed, "status"));
    return status == completed || status == canceled;
  }
  case voice_row:
    return packed::id_of(packed::field(packed, "channel_id")) == 0;
  default:
    return false;
  }
}

guild_cache::guild_cache() = default;
guild_cache::~guild_cache() = default;
guild_cache::guild_cache(guild_cache&&) noexcept = default;
guild_cache& guild_cache::operator=(guild_cache&&) noexcept = default;

bool guild_cache::empty() const {
  return !content_;
}

bool guild_cache::replace(std::string_view d, const cache_policy& policy) {
  if (d.size() > longest_text || !simdjson::validate_utf8(d.data(), d.size()))
    return false;
  snapshot_reader reader{d, policy};
  if (!reader.read())
    return false;
  content_ = std::make_unique<content>();
  reader.move_to(content_->rows, content_->member_count);
  return true;
}

void guild_cache::prefetch() const {
  if (content_)
    shardyard::prefetch(content_.get(), sizeof *content_);
}

void guild_cache::prefetch_index() const {
  if (content_)
    content_->rows.prefetch_index();
}

void guild_cache::prefetch_channel(snowflake channel) const {
  if (content_)
    content_->rows.prefetch({channel_row, channel});
}

std::uint64_t guild_cache::member_count() const {
  return content_ ? content_->member_count : 0;
}

voice_place guild_cache::voice_of(snowflake user) const {
  voice_place result;
  auto state = content_ ? content_->rows.find({voice_row, user}) : std::nullopt;
  if (!state)
    return result;
  result.channel = packed::id_of(packed::field(*state, "channel_id"));
  auto session = packed::text_of(packed::field(*state, "session_id"));
  if (session.size() > 2)
    result.session_id = session.substr(1, session.size() - 2);
  return result;
}

std::vector<snowflake> guild_cache::write_members(std::string& out, std::span<const snowflake> users) const {
  std::vector<snowflake> missing;
  out += '[';
  auto first = true;
  for (auto user : users) {
    auto member = content_ ? content_->rows.find({member_row, user}) : std::nullopt;
    if (!member) {
      missing.push_back(user);
      continue;
    }
    if (!first)
      out += ',';
    first = false;
    packed::decode(out, *member);
  }
  out += ']';
  return missing;
}

std::size_t guild_cache::bytes() const {
  constexpr std::size_t of_malloc = 16;
  return sizeof *this + (content_ ? sizeof(content) + of_malloc + content_->rows.bytes() : 0);
}

// Stamp of the format, XXH3 of what follows; member count, shapes, rows: kind, id, size, packed value.
void guild_cache::save(std::string& out) const {
  static thread_local packed::shape_list shapes;
  static thread_local std::string rows;
  shapes.clear();
  rows.clear();
  std::string head;
  if (content_) {
    for (auto row = content_->rows.all(); !row.done(); row.next()) {
      rows += static_cast<char>(row->key.kind);
      rows.append(reinterpret_cast<const char*>(&row->key.id), sizeof row->key.id);
      packed::put_varint(rows, row->packed.size());
      shapes.to_file(rows, row->packed);
    }
  }
  auto stamp = words_stamp();
  auto begin = out.size();
  out.append(reinterpret_cast<const char*>(&stamp), sizeof stamp);
  out.append(sizeof(std::uint64_t), '\0');
  out += content_ ? '\1' : '\0';
  packed::put_varint(out, member_count());
  shapes.write(out);
  out.append(rows);
  auto body = begin + sizeof stamp + sizeof(std::uint64_t);
  std::uint64_t hash = XXH3_64bits(out.data() + body, out.size() - body);
  std::memcpy(&out[begin + sizeof stamp], &hash, sizeof hash);
}

std::optional<guild_cache> guild_cache::load(std::string_view bytes) {
  std::uint32_t stamp = 0;
  std::uint64_t hash = 0;
  if (bytes.size() < sizeof stamp + sizeof hash + 1)
    return std::nullopt;
  std::memcpy(&stamp, bytes.data(), sizeof stamp);
  std::memcpy(&hash, bytes.data() + sizeof stamp, sizeof hash);
  bytes.remove_prefix(sizeof stamp + sizeof hash);
  if (stamp != words_stamp() || hash != XXH3_64bits(bytes.data(), bytes.size()))
    return std::nullopt;
  auto full = bytes[0] != '\0';
  bytes.remove_prefix(1);
  auto count = packed::take_varint(bytes);
  packed::shape_list shapes;
  if (!count || !shapes.read(bytes))
    return std::nullopt;
  guild_cache result;
  if (!full)
    return bytes.empty() ? std::optional{std::move(result)} : std::nullopt;
  struct entry {
    row_key key;
    std::size_t begin, size;
  };
  std::vector<entry> entries;
  std::string all;
  while (!bytes.empty()) {
    entry next{};
    constexpr std::size_t key_bytes = 1 + sizeof next.key.id;
    if (bytes.size() < key_bytes)
      return std::nullopt;
    next.key.kind = static_cast<std::uint8_t>(bytes[0]);
    std::memcpy(&next.key.id, bytes.data() + 1, sizeof next.key.id);
    bytes.remove_prefix(key_bytes);
    auto size = packed::take_varint(bytes);
    auto rises = entries.empty() || entries.back().key < next.key;
    next.begin = all.size();
    if (!size || *size > bytes.size() || next.key.kind >= row_kinds || !rises ||
        !shapes.from_file(all, bytes.substr(0, *size)))
      return std::nullopt;
    next.size = all.size() - next.begin;
    bytes.remove_prefix(*size);
    entries.push_back(next);
  }
  std::vector<entity_row> rows;
  for (auto& each : entries)
    rows.push_back({each.key, std::string_view{all}.substr(each.begin, each.size)});
  result.content_ = std::make_unique<content>();
  result.content_->member_count = *count;
  result.content_->rows.assign(rows);
  return result;
}

} // namespace shardyard
