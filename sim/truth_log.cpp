#include "sim/truth_log.hpp"

#include "sim/text.hpp"

#include <boost/json.hpp>
#include <zlib.h>

namespace shardyard::sim {
namespace {

/// CRC-32 (as zlib, Node.js and Python compute it) of `d` written anew without needless escapes, as a client
/// writes what it has parsed. 0: no `d`.
std::uint32_t digest_of(std::string_view d) {
  if (d.empty())
    return 0;
  auto text = boost::json::serialize(boost::json::parse(d));
  return static_cast<std::uint32_t>(
      crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

// First byte of a row.
enum row : std::uint8_t { happened_row, ready_row, shown_row, carried_row, lost_row, ended_row };

constexpr std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}

constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

} // namespace

void truth_log::number(std::uint64_t value) {
  for (; value >= 128; value >>= 7)
    byte(static_cast<std::uint8_t>(value | 128));
  byte(static_cast<std::uint8_t>(value));
}

void truth_log::text(std::string_view value) {
  number(value.size());
  for (auto c : value)
    byte(static_cast<std::uint8_t>(c));
}

std::uint64_t truth_log::intern(snowflake id) {
  auto [found, fresh] = id_index_.try_emplace(id, ids_.size());
  if (fresh)
    ids_.push_back(id);
  return found->second;
}

std::uint64_t truth_log::intern(std::string_view name) {
  if (auto found = name_index_.find(name); found != name_index_.end())
    return found->second;
  auto index = names_.size();
  name_index_.emplace(names_.emplace_back(name), index);
  return index;
}

std::uint64_t truth_log::happened(std::string_view name, snowflake guild, snowflake channel,
                                  std::string_view d) {
  ++newest_;
  if (enabled_) {
    byte(happened_row);
    number(intern(guild));
    if (guild == 0)
      number(intern(channel));
    number(intern(name));
    if (digests_)
      number(digest_of(d));
  }
  return newest_;
}

void truth_log::session_ready(std::uint32_t session, std::string_view session_id, std::uint32_t shard_id,
                              std::uint32_t shard_count) {
  if (!enabled_)
    return;
  byte(ready_row);
  number(session);
  text(session_id);
  number(shard_id);
  number(shard_count);
}

void truth_log::guild_shown(std::uint32_t session, snowflake guild, std::uint64_t after) {
  if (!enabled_)
    return;
  byte(shown_row);
  number(session);
  number(intern(guild));
  number(after);
}

void truth_log::carried(std::uint32_t session, std::uint64_t s, std::uint64_t occurrence) {
  if (!enabled_)
    return;
  if (session >= places_.size())
    places_.resize(session + 1);
  auto& last = places_[session];
  byte(carried_row);
  number(session);
  number(s - last.s);
  number(zigzag(static_cast<std::int64_t>(occurrence - last.occurrence)));
  last = {s, occurrence};
}

void truth_log::guild_lost(std::uint32_t session, snowflake guild, std::uint64_t after) {
  if (!enabled_)
    return;
  byte(lost_row);
  number(session);
  number(intern(guild));
  number(after);
}

void truth_log::session_ended(std::uint32_t session, std::string_view reason) {
  if (!enabled_)
    return;
  byte(ended_row);
  number(session);
  text(reason);
}

std::uint8_t truth_log::reader::byte() {
  return rows_.at(at_++);
}

std::uint64_t truth_log::reader::number() {
  std::uint64_t value = 0;
  for (auto shift = 0;; shift += 7) {
    auto part = byte();
    value |= static_cast<std::uint64_t>(part & 127) << shift;
    if (part < 128)
      return value;
  }
}

std::string truth_log::reader::text() {
  std::string value(number(), '\0');
  for (auto& c : value)
    c = static_cast<char>(byte());
  return value;
}

bool truth_log::reader::read(std::string& out, std::size_t limit) {
  while (at_ < end_ && out.size() < limit) {
    auto whole = out.size();
    line(out);
    if (failed()) {
      out.resize(whole);
      return false;
    }
  }
  return at_ < end_;
}

void truth_log::reader::line(std::string& out) {
  auto comma = [&out] { out.push_back(','); };
  auto quoted = [&out](std::string_view text) {
    out.push_back('"');
    put(out, text);
    out.push_back('"');
  };
  auto quoted_id = [&out](snowflake id) {
    out.push_back('"');
    put_number(out, id);
    out.push_back('"');
  };
  auto kind = byte();
  if (kind == happened_row) {
    put(out, "[\"o\",");
    put_number(out, ++newest_);
    comma();
    auto guild = log_->ids_[number()];
    auto channel = guild == 0 ? log_->ids_[number()] : 0;
    quoted_id(guild);
    comma();
    quoted(log_->names_[number()]);
    comma();
    if (channel == 0)
      quoted("");
    else
      quoted_id(channel);
    if (log_->digests_) {
      comma();
      put_number(out, number());
    }
    put(out, "]\n");
    return;
  }
  auto session = static_cast<std::uint32_t>(number());
  auto begin = [&](std::string_view letter) {
    put(out, "[\"");
    put(out, letter);
    put(out, "\",");
    put_number(out, session);
    comma();
  };
  switch (static_cast<row>(kind)) {
  case happened_row:
    break;
  case ready_row: {
    begin("S");
    quoted(text());
    put(out, ",[");
    put_number(out, number());
    comma();
    put_number(out, number());
    put(out, "],");
    put_number(out, newest_);
    break;
  }
  case carried_row: {
    auto& last = places_[session];
    last.s += number();
    last.occurrence += static_cast<std::uint64_t>(unzigzag(number()));
    begin("c");
    put_number(out, last.s);
    comma();
    put_number(out, last.occurrence);
    break;
  }
  case shown_row:
  case lost_row:
    begin(kind == shown_row ? "g" : "u");
    quoted_id(log_->ids_[number()]);
    comma();
    put_number(out, number());
    break;
  case ended_row:
    begin("x");
    quoted(text());
    comma();
    put_number(out, newest_);
    break;
  }
  put(out, "]\n");
}

} // namespace shardyard::sim
