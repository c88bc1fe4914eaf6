#include "actors/partition/log_record.hpp"

#include <algorithm>
#include <cstring>
#include <xxhash.h>

namespace shardyard {
namespace {

enum class record_kind : std::uint8_t { session = 1, position, cut, key, sink, outage, cache };

constexpr std::size_t frame_size = sizeof(std::uint32_t) + sizeof(std::uint64_t);

class record_writer {
public:
  record_writer(std::string& log, record_kind kind) : log_(log), start_(log.size()) {
    log_.append(frame_size, '\0');
    put(kind);
  }
  ~record_writer() {
    auto size = static_cast<std::uint32_t>(log_.size() - start_ - frame_size);
    auto sum = XXH3_64bits(log_.data() + start_ + frame_size, size);
    std::memcpy(log_.data() + start_, &size, sizeof size);
    std::memcpy(log_.data() + start_ + sizeof size, &sum, sizeof sum);
  }
  record_writer(const record_writer&) = delete;
  record_writer& operator=(const record_writer&) = delete;

  template <class T>
  void put(T x) requires std::is_arithmetic_v<T> || std::is_enum_v<T> {
    log_.append(reinterpret_cast<const char*>(&x), sizeof x);
  }
  void put(std::string_view x) {
    put(static_cast<std::uint32_t>(x.size()));
    log_ += x;
  }
  void put(const scope& x) {
    put(x.kind);
    put(x.id);
  }
  void put(const event_source& x) {
    put(x.shard.topology);
    put(x.shard.id);
    put(x.shard.count);
    put(std::string_view{x.session_id});
  }

private:
  std::string& log_;
  std::size_t start_;
};

// Reads fields in the order written; once something does not fit, everything after is empty and good() is
// false.
class record_reader {
public:
  explicit record_reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  void get(T& x) requires std::is_arithmetic_v<T> || std::is_enum_v<T> {
    if (auto bytes = take(sizeof x); !bytes.empty())
      std::memcpy(&x, bytes.data(), sizeof x);
  }
  void get(bool& x) { // any byte may stand in the file, not any byte is a bool
    std::uint8_t byte = 0;
    get(byte);
    x = byte != 0;
  }
  void get(std::string& x) {
    std::uint32_t size = 0;
    get(size);
    x = take(size);
  }
  void get(scope& x) {
    get(x.kind);
    get(x.id);
  }
  void get(event_source& x) {
    get(x.shard.topology);
    get(x.shard.id);
    get(x.shard.count);
    std::string session_id;
    get(session_id);
    x.session_id = std::move(session_id);
  }
  bool good() const { return good_; }

private:
  std::string_view take(std::size_t size) {
    good_ = good_ && size <= rest_.size();
    if (!good_)
      return {};
    auto result = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return result;
  }
  std::string_view rest_;
  bool good_ = true;
};

bool read(record_reader& in, logged_session& x) {
  in.get(x.number);
  in.get(x.at);
  in.get(x.from);
  in.get(x.stray_s);
  in.get(x.closed);
  return in.good() && x.at <= side::second;
}

bool read(record_reader& in, position& x) {
  in.get(x.at);
  in.get(x.n);
  in.get(x.epoch);
  in.get(x.lead);
  in.get(x.last);
  in.get(x.known);
  for (auto& y : x.sides) {
    in.get(y.session);
    in.get(y.lane_s);
    in.get(y.other_s);
  }
  return in.good() && x.lead <= side::second && x.last <= side::second && x.at.kind <= scope_kind::other;
}

bool read(record_reader& in, logged_cut& x) {
  in.get(x.at);
  in.get(x.n);
  in.get(x.epoch);
  in.get(x.kind);
  in.get(x.weak);
  in.get(x.to);
  in.get(x.session);
  in.get(x.through_s);
  std::uint32_t blocks = 0;
  in.get(blocks);
  for (; in.good() && blocks > 0; --blocks) {
    auto& block = x.rest.emplace_back();
    packed_events packed;
    in.get(block.from);
    in.get(block.received_ns);
    in.get(block.newest_ms);
    in.get(packed.bytes);
    in.get(packed.index);
    if (!in.good() || !unpack(std::move(packed), block))
      return false;
  }
  return in.good() && x.kind <= cut_kind::swap_back && x.to <= side::second;
}

bool read(record_reader& in, logged_key& x) {
  in.get(x.at);
  in.get(x.n);
  in.get(x.repeat);
  in.get(x.key.type);
  in.get(x.key.id);
  return in.good();
}

bool read(record_reader& in, logged_outage& x) {
  in.get(x.at);
  in.get(x.session);
  in.get(x.over);
  return in.good();
}

bool read(record_reader& in, logged_cache& x) {
  in.get(x.guild);
  in.get(x.n);
  in.get(x.step);
  in.get(x.type);
  in.get(x.bytes);
  return in.good() && x.step <= cache_step::dropped && x.type < event_types().size();
}

// Of the steps before a whole state only those can be needed again that no sink had seen for certain, so that
// a long log takes no more memory than its newest part.
void add_step(recovered_state& state, logged_cache x) {
  auto& steps = state.caches[x.guild];
  if (x.step == cache_step::whole) {
    auto position = state.positions.find({scope_kind::guild, x.guild});
    auto seen = position == state.positions.end() ? 0 : position->second.n;
    auto last = std::find_if(steps.rbegin(), steps.rend(), [seen](const logged_cache& y) {
      return y.n <= seen && y.step != cache_step::event;
    });
    if (last != steps.rend())
      steps.erase(steps.begin(), last.base() - 1);
  }
  steps.push_back(std::move(x));
}

bool apply(recovered_state& state, std::string_view payload) {
  record_reader in{payload};
  auto kind = record_kind{};
  in.get(kind);
  switch (kind) {
  case record_kind::session: {
    logged_session x;
    return read(in, x) && (state.sessions[x.number] = x, true);
  }
  case record_kind::position: {
    position x;
    return read(in, x) && (state.positions[x.at] = x, true);
  }
  case record_kind::cut: {
    logged_cut x;
    if (!read(in, x))
      return false;
    // Epochs that a crash undid are given again.
    auto at = std::pair{x.at, x.epoch};
    state.cuts.erase(state.cuts.lower_bound(at), state.cuts.upper_bound({x.at, ~std::uint64_t{0}}));
    state.cuts[at] = std::move(x);
    return true;
  }
  case record_kind::key: {
    logged_key x;
    return read(in, x) && (state.keys.push_back(x), true);
  }
  case record_kind::outage: {
    logged_outage x;
    if (!read(in, x))
      return false;
    if (x.over)
      state.outages.erase({x.at, x.session});
    else
      state.outages[{x.at, x.session}] = x;
    return true;
  }
  case record_kind::cache: {
    logged_cache x;
    return read(in, x) && (add_step(state, std::move(x)), true);
  }
  case record_kind::sink: {
    std::string name, offset;
    in.get(name);
    in.get(offset);
    return in.good() && (state.sinks[name] = offset, true);
  }
  }
  return false;
}

} // namespace

void write_record(std::string& log, const logged_session& x) {
  record_writer out{log, record_kind::session};
  out.put(x.number);
  out.put(x.at);
  out.put(x.from);
  out.put(x.stray_s);
  out.put(x.closed);
}

void write_record(std::string& log, const position& x) {
  record_writer out{log, record_kind::position};
  out.put(x.at);
  out.put(x.n);
  out.put(x.epoch);
  out.put(x.lead);
  out.put(x.last);
  out.put(x.known);
  for (auto& y : x.sides) {
    out.put(y.session);
    out.put(y.lane_s);
    out.put(y.other_s);
  }
}

void write_record(std::string& log, const logged_cut& x) {
  record_writer out{log, record_kind::cut};
  out.put(x.at);
  out.put(x.n);
  out.put(x.epoch);
  out.put(x.kind);
  out.put(x.weak);
  out.put(x.to);
  out.put(x.session);
  out.put(x.through_s);
  out.put(static_cast<std::uint32_t>(x.rest.size()));
  for (auto& block : x.rest) {
    auto packed = pack(block);
    out.put(block.from);
    out.put(block.received_ns);
    out.put(block.newest_ms);
    out.put(std::string_view{packed.bytes});
    out.put(std::string_view{packed.index});
  }
}

void write_record(std::string& log, const logged_key& x) {
  record_writer out{log, record_kind::key};
  out.put(x.at);
  out.put(x.n);
  out.put(x.repeat);
  out.put(x.key.type);
  out.put(x.key.id);
}

void write_record(std::string& log, const logged_outage& x) {
  record_writer out{log, record_kind::outage};
  out.put(x.at);
  out.put(x.session);
  out.put(x.over);
}

void write_cache_step(std::string& log, snowflake guild, std::uint64_t n, cache_step step, event_type_id type,
                      std::string_view bytes) {
  record_writer out{log, record_kind::cache};
  out.put(guild);
  out.put(n);
  out.put(step);
  out.put(type);
  out.put(bytes);
}

void write_record(std::string& log, const logged_cache& x) {
  write_cache_step(log, x.guild, x.n, x.step, x.type, x.bytes);
}

void write_sink_offset(std::string& log, std::string_view sink, std::string_view offset) {
  record_writer out{log, record_kind::sink};
  out.put(sink);
  out.put(offset);
}

recovered_state decode_log(std::string_view bytes, std::size_t& used) {
  recovered_state result;
  used = 0;
  while (bytes.size() - used >= frame_size) {
    std::uint32_t size = 0;
    std::uint64_t sum = 0;
    std::memcpy(&size, bytes.data() + used, sizeof size);
    std::memcpy(&sum, bytes.data() + used + sizeof size, sizeof sum);
    if (size > bytes.size() - used - frame_size)
      break;
    auto payload = bytes.substr(used + frame_size, size);
    if (XXH3_64bits(payload.data(), payload.size()) != sum || !apply(result, payload))
      break;
    used += frame_size + size;
    ++result.records;
  }
  result.torn_bytes = bytes.size() - used;
  return result;
}

} // namespace shardyard
