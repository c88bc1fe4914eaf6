// Op 8, REQUEST_GUILD_MEMBERS: what a client may ask for, and the GUILD_MEMBERS_CHUNKs that answer it
// (Gateway Events, "Request Guild Members"). Pure: request and guild in, payloads out.
#pragma once

#include "sim/json_shapes.hpp"

#include <boost/json/fwd.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace shardyard::sim {

struct member_request {
  snowflake guild = 0;
  std::optional<std::string> query;  ///< prefix of a name; without it `user_ids` is set
  std::vector<std::string> user_ids; ///< as the client wrote them, JSON
  std::uint64_t limit = 0;
  bool presences = false;
  std::optional<std::string> nonce; ///< absent too if it was longer than 32 bytes

  /// All members: needs GUILD_MEMBERS and is limited to one per guild and 30 s.
  bool everyone() const { return query && query->empty() && limit == 0; }
};

/// Why a request is none.
struct wrong_fields {
  std::string text;
};

std::variant<member_request, wrong_fields> read_member_request(const boost::json::object& d);

/// `d` of each chunk: at most 1,000 members each, 100 in all unless everyone is asked for, and one chunk
/// without members if nobody is found. `request.presences` is taken at its word.
std::vector<std::string> member_chunks(const scene& at, const member_request& request);

/// `d` of RATE_LIMITED.
std::string rate_limited(const member_request& request, double retry_after_s);

} // namespace shardyard::sim
