// The load that every benchmark receives: a seeded world of guilds and an endless mix of dispatches in the
// shapes and sizes of Discord's own (45 % presence, 25 % message, 15 % typing, 10 % member, 5 % voice; mean
// near 616 bytes). Two generators with the same seed give the same events, so that several sessions of one
// world carry the same stream. Not thread-safe.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard::bench {

struct load_user {
  std::uint64_t id = 0;
  std::string user;    ///< JSON user object
  std::string member;  ///< JSON member object without user
  std::string details; ///< fields of a GUILD_MEMBER_UPDATE that do not change
};

struct load_guild {
  std::uint64_t id = 0;
  std::vector<std::uint64_t> channels;
  std::vector<load_user> users;
};

/// Guilds with their members; immutable once made, shared by all sessions.
class load_world {
public:
  load_world(std::uint64_t seed, std::uint32_t guild_count);

  const std::vector<load_guild>& guilds() const { return guilds_; }

  /// The `d` of a small GUILD_CREATE.
  std::string snapshot(const load_guild& guild) const;

private:
  std::vector<load_guild> guilds_;
};

struct load_event {
  std::string_view name;   ///< the `t` of the dispatch
  std::uint64_t guild = 0; ///< its guild
  std::string d;           ///< JSON text, ends with '}'
};

class load_generator {
public:
  /// `seed` picks the stream; the clock of the events starts at `start_ms` (Unix) and gains `step_us` with
  /// each.
  load_generator(const load_world& world, std::uint64_t seed, std::int64_t start_ms, std::int64_t step_us);

  /// The next event of the world; `event` is reused between calls to save allocations.
  void next(load_event& event);

private:
  std::uint32_t below(std::uint32_t bound);
  void presence(const load_guild& guild, const load_user& user, load_event& event);
  void message(const load_guild& guild, const load_user& user, load_event& event);
  void typing(const load_guild& guild, const load_user& user, load_event& event);
  void member(const load_guild& guild, const load_user& user, load_event& event);
  void voice(const load_guild& guild, const load_user& user, load_event& event);
  void words(std::string& out, std::uint32_t count);

  const load_world& world_;
  std::mt19937_64 random_;
  std::int64_t now_us_;
  std::int64_t step_us_;
};

/// A whole dispatch with Discord's key order t, s, op, d.
void append_dispatch(std::string& out, std::string_view t, std::uint64_t s, std::string_view d);

} // namespace shardyard::bench
