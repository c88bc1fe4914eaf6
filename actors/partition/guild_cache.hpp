// What the cluster remembers of one guild, as compact bytes per entity: enough to write its GUILD_CREATE at
// any time. Kept by the events that were delivered, so that it always is what a bot that saw them knows.
// Plain class; a partition owns one per guild.
#pragma once

#include "messages/event_type.hpp"
#include "messages/ids.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

/// Which members are kept.
enum class member_policy : std::uint8_t {
  none,  ///< the bot itself alone
  voice, ///< and users in voice
  seen,  ///< and whoever a GUILD_CREATE or a member event showed
  all,   ///< the same, and answers to op 8 as well
};

struct cache_policy {
  member_policy members = member_policy::voice;
  bool presences = false; ///< of members that are kept
  snowflake self = 0;     ///< the bot's user id; 0: not known yet
};

/// A session's view of the guild (Gateway reference, "Gateway Intents"; Gateway Events, "Guild Create").
struct guild_view {
  std::uint64_t intents = 0;
  std::uint16_t large_threshold = 50;
};

/// An event that tells the difference between two states of a guild.
struct difference_event {
  event_type_id type = unknown_event;
  std::string d;
};

struct voice_place {
  snowflake channel = 0; ///< 0: in none
  std::string session_id;
};

class guild_cache {
public:
  guild_cache();
  ~guild_cache();
  guild_cache(guild_cache&&) noexcept;
  guild_cache& operator=(guild_cache&&) noexcept;

  /// No snapshot has come yet.
  bool empty() const;

  /// Everything is as GUILD_CREATE `d` says; what the policy does not keep is dropped. False and unchanged
  /// when it cannot be read.
  bool replace(std::string_view d, const cache_policy& policy);

  /// One delivered event of this guild. True when something that belongs to GUILD_CREATE has changed; false
  /// promises that nothing has, but for MESSAGE_CREATE, whose `last_message_id` is not worth a log record.
  /// Applied to an empty cache it does nothing. GUILD_CREATE and GUILD_DELETE are the owner's to judge.
  bool apply(event_type_id type, std::string_view d, const cache_policy& policy);

  /// The same as apply() of a MESSAGE_CREATE, for one who knows what counts of it.
  void posted(snowflake channel, snowflake message, const cache_policy& policy);

  /// Appends the `d` of GUILD_CREATE. Keys that no one documents are kept as they came.
  void write_guild_create(std::string& out, snowflake guild, const guild_view& view,
                          const cache_policy& policy) const;

  /// Ordinary events that lead from this state to `newer`, in an order in which they can be applied. Not
  /// told: what no event tells alone (`last_message_id`, counts of a thread's messages, keys of GUILD_CREATE
  /// only, keys that have gone), and leaves where `newer` does not list everybody. So the owner goes on with
  /// `newer`, not with this state plus the events.
  std::vector<difference_event> difference(const guild_cache& newer, snowflake guild) const;

  /// Appends one GUILD_MEMBERS_CHUNK's `members` array for those of `users` that are kept, and tells which
  /// are not.
  std::vector<snowflake> write_members(std::string& out, std::span<const snowflake> users) const;

  /// Where `user` speaks.
  voice_place voice_of(snowflake user) const;

  std::uint64_t member_count() const;

  /// The whole state as bytes that load() understands, on this or another host of the same build. load()
  /// gives nothing for bytes that are damaged or of a build with other word lists.
  void save(std::string& out) const;
  static std::optional<guild_cache> load(std::string_view bytes);

  /// Steps to have what an event touches in the processor's cache (messages/prefetch.hpp): each reads what
  /// the one before it has asked for.
  void prefetch() const;
  void prefetch_index() const;
  void prefetch_channel(snowflake channel) const;

  /// Memory, everything included.
  std::size_t bytes() const;

private:
  friend class guild_change;
  friend class guild_comparison;
  struct content;
  std::unique_ptr<content> content_;
};

} // namespace shardyard
