// Streams the body of one plain HTTP GET, for documents of the simulator. Blocks the calling thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace shardyard {

/// Calls `on_chunk` for each piece of the body. Returns what went wrong (another scheme than http, no
/// connection, a status other than 200, a body that was cut), or nothing.
std::string fetch(const std::string& url, const std::function<void(std::string_view)>& on_chunk);

} // namespace shardyard
