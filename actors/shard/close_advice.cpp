#include "actors/shard/close_advice.hpp"

namespace shardyard::session {

std::string advice_for_close(int code) {
  switch (code) {
  case 4004:
    return "put a valid bot token into the configured token source and restart; if the identify budget was "
           "overrun, Discord has "
           "reset the token";
  case 4010:
    return "check [discord] shards: the id must be below the count, and large bots need a multiple of the "
           "number that Discord names";
  case 4011:
    return "the shard would hold more than 2,500 guilds: choose a larger count (see 'shardyard plan') and "
           "reshard";
  case 4012:
    return "this version speaks a gateway version that Discord no longer serves: upgrade";
  case 4013:
    return "correct [discord] intents: it sets bits that Discord does not define";
  case 4014:
    return "enable the privileged intents in Discord's developer portal, or remove them from [discord] "
           "intents";
  default:
    return "see the reason text of the close; the shard stays down until it is started again";
  }
}

} // namespace shardyard::session
