#include "tests/fuzz/targets.hpp"
#include "tests/source_dir.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace shardyard::fuzz {

std::span<const target> targets() {
  static constexpr std::array all{
      target{"header_scan", scan_header, recorded_payloads},
      target{"inflate", inflate, inflate_seeds},
      target{"frame_parser", parse_frames, frame_seeds},
      target{"payload_reader", read_payloads, reader_seeds},
      target{"client_frames", parse_client_frames, client_frame_seeds},
      target{"bot_requests", parse_requests, request_seeds},
      target{"configuration", parse_configuration, configuration_seeds},
      target{"event_block", unpack_block, block_seeds},
      target{"position_log", decode_position_log, log_seeds},
      target{"bot_payload", read_bot_payload, bot_payload_seeds},
      target{"packed_json", pack_json, recorded_payloads},
      target{"packed_bytes", unpack_json, packed_seeds},
      target{"guild_cache_file", load_guild_cache, cache_file_seeds},
      target{"guild_cache_events", apply_guild_events, guild_event_seeds},
  };
  return all;
}

void demand(bool condition, const char* text) {
  if (condition)
    return;
  std::fprintf(stderr, "broken promise: %s\n", text);
  std::abort();
}

unsigned char take_byte(std::string_view& input) {
  if (input.empty())
    return 0;
  auto result = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  return result;
}

std::vector<std::string> recorded_payloads() {
  std::vector<std::filesystem::path> files;
  for (auto& entry : std::filesystem::directory_iterator{source_dir() / "tests/net/payloads"})
    files.push_back(entry.path());
  std::ranges::sort(files);
  std::vector<std::string> result;
  for (auto& file : files) {
    std::ifstream in{file, std::ios::binary};
    result.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
  }
  return result;
}

} // namespace shardyard::fuzz
