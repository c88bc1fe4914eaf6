// What an operator should do about a close code after which reconnecting is useless (Gateway close event
// codes).
#pragma once

#include <string>

namespace shardyard::session {

/// One sentence in the imperative; a general one for codes that Discord does not list as final.
std::string advice_for_close(int code);

} // namespace shardyard::session
