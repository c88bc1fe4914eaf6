// The version that this build reports: on the command line, in `status` and `nodes`, and to Discord. It is
// for people; what decides whether two builds may join each other is `protocol_version`.
#pragma once

#include <string_view>

namespace shardyard {

/// Version of the project, for example "0.1.0". Defined in a file of its own, so that a program that links
/// the same libraries can report another one by defining this itself.
std::string_view build_version();

} // namespace shardyard
