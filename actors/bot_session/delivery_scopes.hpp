// What is known of each sequence of deliveries: a guild's, a direct message channel's, or that of everything
// else without guild. Which number came last, from which on none is missing, and which sessions have the
// guild. Not thread-safe.
#pragma once

#include "messages/event_block.hpp"
#include "messages/prefetch.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace shardyard {

class bot_session;

/// A session that has the guild, or is going to be sent it.
struct guild_seat {
  bot_session* session = nullptr;
  bool open = false;      ///< false: its GUILD_CREATE is still to come, deliveries are in it
  std::uint64_t from = 0; ///< open: deliveries up to this number are known to it, by its GUILD_CREATE
};

/// How a delivery relates to what came before it in its scope.
enum class delivery_place : std::uint8_t {
  next,
  repeated, ///< came before: a feed was opened again, or a group moved
  first,    ///< nothing of the scope is known: since the start, or since a loss that has been told
  hole,     ///< at least one before it never came
};

struct delivery_scope {
  std::uint64_t n = 0;     ///< newest that came; 0: none
  std::uint64_t whole = 0; ///< from here to n none is missing
  bool broken = false;     ///< what follows n was lost and that has been told
  std::vector<guild_seat> seats;

  delivery_place note(std::uint64_t number) {
    if (number <= n)
      return delivery_place::repeated;
    auto result = n == 0            ? delivery_place::first
                  : number == n + 1 ? delivery_place::next
                  : broken          ? delivery_place::first
                                    : delivery_place::hole;
    if (result != delivery_place::next)
      whole = number;
    n = number;
    broken = false;
    return result;
  }

  guild_seat* seat_of(const bot_session* session) {
    for (auto& x : seats)
      if (x.session == session)
        return &x;
    return nullptr;
  }
};

class delivery_scopes {
public:
  delivery_scope& of(const event_entry& e) { return scopes_[key_of(e)]; }
  delivery_scope& of_guild(snowflake guild) { return scopes_[guild]; }

  /// Null when nothing is known of it.
  delivery_scope* find_guild(snowflake guild) {
    auto found = scopes_.find(guild);
    return found == scopes_.end() ? nullptr : &found->second;
  }

  /// Has what is known of the next events' guilds in the processor's cache (messages/prefetch.hpp).
  void prefetch(std::span<const event_entry> entries) {
    if (entries.size() < worth_prefetching)
      return;
    next_.clear();
    for (auto& e : entries.first(std::min(entries.size(), prefetched_events)))
      if (auto* scope = find_guild(e.guild))
        next_.push_back(scope);
    for (auto* scope : next_)
      shardyard::prefetch(scope->seats.data(), sizeof(guild_seat));
  }

  void leave(const bot_session* session) {
    for (auto& [key, scope] : scopes_)
      std::erase_if(scope.seats, [&](const guild_seat& x) { return x.session == session; });
  }

  /// `f(guild, scope)` for each; the guild is 0 for scopes without one.
  template <class F>
  void each(F f) {
    for (auto& [key, scope] : scopes_)
      f((key & channel_bit) != 0 ? snowflake{0} : key, scope);
  }

private:
  // A guild's oldest channel has the guild's id, so channels are told apart by a bit that no snowflake has
  // before the year 2084.
  static constexpr std::uint64_t channel_bit = std::uint64_t{1} << 63;

  static std::uint64_t key_of(const event_entry& e) {
    return e.guild != 0 ? e.guild : e.channel | channel_bit;
  }

  struct mixed {
    std::size_t operator()(std::uint64_t x) const noexcept {
      return static_cast<std::size_t>((x ^ x >> 32) * 0x9E3779B97F4A7C15ULL);
    }
  };
  std::unordered_map<std::uint64_t, delivery_scope, mixed> scopes_;
  std::vector<const delivery_scope*> next_; ///< prefetch() alone
};

} // namespace shardyard
