// What is fuzzed: every place where bytes from outside are first looked at. A target takes any bytes and
// aborts when a promise of the code under test is broken; beyond that the sanitizers watch. Each target has
// seeds, made from the recorded payloads rather than kept as files; inputs that once failed stand in
// tests/fuzz/corpus/TARGET/.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard::fuzz {

struct target {
  std::string_view name;
  void (*run)(std::string_view input);
  std::vector<std::string> (*seeds)();
};

std::span<const target> targets();

/// Aborts with the text: libFuzzer then keeps the input.
void demand(bool condition, const char* text);

/// The first byte, taken off; 0 when there is none.
unsigned char take_byte(std::string_view& input);

/// The recorded payloads of tests/net/payloads.
std::vector<std::string> recorded_payloads();

void scan_header(std::string_view input);
void inflate(std::string_view input);
void parse_frames(std::string_view input);
void read_payloads(std::string_view input);
void parse_client_frames(std::string_view input);
void parse_requests(std::string_view input);
void parse_configuration(std::string_view input);
void unpack_block(std::string_view input);
void decode_position_log(std::string_view input);
void read_bot_payload(std::string_view input);
void pack_json(std::string_view input);
void unpack_json(std::string_view input);
void load_guild_cache(std::string_view input);
void apply_guild_events(std::string_view input);

std::vector<std::string> inflate_seeds();
std::vector<std::string> frame_seeds();
std::vector<std::string> reader_seeds();
std::vector<std::string> client_frame_seeds();
std::vector<std::string> request_seeds();
std::vector<std::string> configuration_seeds();
std::vector<std::string> block_seeds();
std::vector<std::string> log_seeds();
std::vector<std::string> bot_payload_seeds();
std::vector<std::string> packed_seeds();
std::vector<std::string> cache_file_seeds();
std::vector<std::string> guild_event_seeds();

} // namespace shardyard::fuzz
