// Op 8 of all bots in one group of partitions (Gateway Events, "Request Guild Members"). Each request gets a
// nonce of ours that names it, so that chunks find their asker whichever session brings them; the bot's own
// nonce is put back. Plain class, time is an argument.
#pragma once

#include "actors/partition/asked_upstream.hpp"
#include "actors/partition/desk_words.hpp"

#include <map>

namespace shardyard {

/// Names a request in the nonces that Discord sees; at most 32 bytes.
struct request_name {
  std::uint32_t asker = 0;
  std::uint64_t number = 0;

  auto operator<=>(const request_name&) const = default;
};

class member_requests {
public:
  explicit member_requests(const desk_tuning& tuning) : tuning_(&tuning) {}

  void take(const bot_command& x, const desk_port& port, desk_output& out, monotonic now);
  void look(const desk_port& port, desk_output& out, monotonic now);

  /// GUILD_MEMBERS_CHUNK and RATE_LIMITED `d`.
  desk_reading chunk(std::string_view d);
  desk_reading rate_limited(snowflake guild, std::string_view d, monotonic now);

  std::size_t open() const { return requests_.size(); }
  std::size_t open_of(std::string_view bot) const;

private:
  struct request {
    std::string bot;
    snowflake guild = 0;
    std::string d;
    std::string nonce; ///< JSON string of the bot's; empty: none
    bool all = false;  ///< every member: Discord spaces these
    asked_upstream asked;
    monotonic until{};
    std::vector<bool> delivered; ///< chunks, by index
  };
  using requests = std::map<request_name, request>;

  std::string restored(const request& x, std::string_view d) const;
  std::optional<std::string> from_cache(const request& x, const desk_port& port) const;
  requests::iterator step(requests::iterator which, const desk_port& port, desk_output& out, monotonic now);
  void ask(requests::iterator which, const leading_session& lead, desk_output& out, monotonic now);

  const desk_tuning* tuning_;
  requests requests_;
  std::map<snowflake, monotonic> spaced_; ///< until when all members of this guild may not be asked for
};

} // namespace shardyard
