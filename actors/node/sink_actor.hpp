// The built-in ends of the event path: `jsonl` writes lines; `null` takes everything and needs no actor. An
// answer means: taken by the operating system (file) or by the reader (pipe, socket). While a sink does not
// answer, its partition group holds back and the shards spool.
#pragma once

#include "actors/node/jsonl_file.hpp"
#include "messages/actor_interfaces.hpp"

#include <memory>
#include <string>

namespace shardyard {

enum class sink_type : std::uint8_t { jsonl, null, actor };

/// One `[[sink]]` of the configuration.
struct sink_settings {
  sink_type kind = sink_type::null;
  std::string path; ///< jsonl: file, "-" for stdout or "unix:/path"; actor: "host:port" of the bot's process
};

/// True when the sink is a file that can be read back after a crash.
inline bool has_tail(const sink_settings& x) {
  return x.kind == sink_type::jsonl && x.path != "-" && !x.path.starts_with("unix:");
}

/// `writer` is for kind jsonl, opened (and its file locked) by the caller, who may have read the file's tail
/// before. For a file it runs in a thread of its own, because a full disk cache stops a write for long; what
/// writes to a socket or pipe runs on the event path (actors/shard/event_thread.hpp) and wakes nobody.
sink_actor spawn_jsonl_sink(caf::actor_system& system, std::unique_ptr<line_writer> writer, std::string path);

} // namespace shardyard
