// Whether something listens at an address, found out within a deadline. CAF opens its sockets with a blocking
// connect in one shared thread, so an address is tried here before CAF gets to see it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace shardyard::net {

/// What a host of the same network needs at most.
inline constexpr std::chrono::milliseconds tcp_probe_deadline{1000};

/// Connects and closes again. Empty when somebody listens, else the reason. Blocks the calling thread for
/// `deadline` at most, name resolution excepted.
std::string tcp_probe(const std::string& host, std::uint16_t port, std::chrono::milliseconds deadline);

} // namespace shardyard::net
