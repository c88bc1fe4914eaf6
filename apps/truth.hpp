// What really happened, as the simulator tells it at GET /truth: the occurrences in true order, and which
// session carried which of them under which sequence number. Filled row by row; owns compact tables (about 12
// bytes per occurrence, 4 per copy).
#pragma once

#include "messages/event_type.hpp"
#include "messages/ids.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace shardyard {

/// How an event is judged. The lanes of messages/event_type.hpp, split by what the promise says of them.
enum class audit_lane : std::uint8_t {
  guild,       ///< exactly once and in order, per guild
  interaction, ///< exactly once, no order
  guildless,   ///< exactly once; in order per direct-message channel
  membership,  ///< the bot really joined or left a guild: exactly once
  best_effort, ///< presence and typing: counted, never judged
};
inline constexpr std::size_t audit_lanes = 5;

class truth {
public:
  using number = std::uint32_t; ///< an occurrence's id; 0: none
  using index = std::uint32_t;

  struct event_name {
    std::string name;
    event_type_id type = unknown_event;
    bool carried_in_guilds = false,
         carried_without = false; ///< whether any session carried one: intents filter
  };

  /// A guild, or one channel of the events without guild (channel 0: those without a channel).
  struct scope {
    snowflake guild = 0;
    snowflake channel = 0;

    auto operator<=>(const scope&) const = default;
  };
  struct scope_hash {
    std::size_t operator()(const scope& x) const noexcept {
      return static_cast<std::size_t>((x.guild ^ x.channel) * 0x9E3779B97F4A7C15ULL);
    }
  };

  /// A change of who covers a guild. `row` orders changes among all rows of the truth.
  struct coverage {
    index session = 0;
    bool begins = false;
    std::uint64_t after = 0; ///< newest occurrence then
    std::uint64_t row = 0;
  };

  struct session {
    std::string id;
    std::uint32_t shard_id = 0, shard_count = 0;
    coverage start;
    std::optional<coverage> end;
    std::vector<number> carried; ///< by s; 0: that s was no occurrence
  };

  truth();
  truth(truth&&) noexcept;
  ~truth();

  /// Takes one line. False when it is not a row of the truth; `error` then says why, and nothing was taken.
  bool add(std::string_view line, std::string& error);

  number newest() const { return static_cast<number>(occurrences_.size()); }
  const scope& scope_of(number id) const { return scopes_[occurrences_[id - 1].scope]; }
  index scope_index(number id) const { return occurrences_[id - 1].scope; }
  const event_name& name_of(number id) const { return names_[occurrences_[id - 1].name]; }
  bool carried(number id) const { return carried_[id - 1]; }
  audit_lane lane_of(number id) const;

  /// Whether the promise covers the occurrence: it came after the first session knew its guild, and the
  /// sessions' intents let its type through. Ask when the truth is complete.
  bool owed(number id) const;

  const std::vector<scope>& scopes() const { return scopes_; }
  const std::vector<session>& sessions() const { return sessions_; }
  std::optional<index> find_session(std::string_view id) const;

  /// The occurrence that the session carried as `s`; 0: none.
  number find(index session, std::uint64_t s) const;

  /// When the guild was covered first; nothing: never. Guild 0: the first session of a shard 0.
  std::optional<std::uint64_t> first_covered(snowflake guild) const;

  /// All changes of coverage of a guild (0: events without guild) in the order they happened, ends of
  /// sessions included.
  std::vector<coverage> coverage_of(snowflake guild) const;

private:
  struct occurrence {
    index scope;
    std::uint16_t name;
  };
  struct reader;

  std::uint16_t intern_name(std::string_view name);
  index intern_scope(snowflake guild, snowflake channel);

  std::vector<occurrence> occurrences_;
  std::vector<bool> carried_;
  std::vector<event_name> names_;
  std::unordered_map<std::string, std::uint16_t> name_index_;
  std::vector<scope> scopes_;
  std::unordered_map<snowflake, index> guild_index_, channel_index_;
  std::unordered_map<snowflake, std::vector<coverage>> coverage_;
  std::vector<session> sessions_;
  std::unordered_map<std::uint64_t, index> session_numbers_;
  std::unordered_map<std::string, index> session_ids_;
  std::optional<std::uint64_t> guildless_after_;
  std::uint64_t rows_ = 0;
  std::unique_ptr<reader> reader_;
};

} // namespace shardyard
