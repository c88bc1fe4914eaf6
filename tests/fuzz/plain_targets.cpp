#include "actors/bot_session/client_payload.hpp"
#include "actors/bot_session/json_fields.hpp"
#include "actors/partition/log_record.hpp"
#include "apps/config.hpp"
#include "messages/event_block.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/source_dir.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <xxhash.h>

namespace shardyard::fuzz {
namespace {

template <class T>
void put(std::string& out, T x) {
  out.append(reinterpret_cast<const char*>(&x), sizeof x);
}

/// A 16-bit size and so many bytes off the front; fewer when the input ends.
std::string_view take_chunk(std::string_view& input) {
  std::uint16_t size = 0;
  auto head = std::min(input.size(), sizeof size);
  std::memcpy(&size, input.data(), head);
  input.remove_prefix(head);
  auto result = input.substr(0, size);
  input.remove_prefix(result.size());
  return result;
}

event_block sample_block() {
  event_block block;
  block.from = {{1, 0, 2}, "session"};
  block.bytes = std::make_shared<const std::string>(R"(MESSAGE_CREATE{"id":"1"}TYPING_START{})");
  event_entry e;
  e.guild = 41771983423143937;
  e.s = 7;
  e.t_size = 14;
  e.d_offset = 14;
  e.d_size = 10;
  block.entries.push_back(e);
  e.s = 8;
  e.t_offset = 24;
  e.t_size = 12;
  e.d_offset = 36;
  e.d_size = 2;
  block.entries.push_back(e);
  return block;
}

std::string chunked(std::string_view x) {
  std::string result;
  put(result, static_cast<std::uint16_t>(x.size()));
  return result.append(x);
}

/// As the log frames a record: size, XXH3 of the body, body. Without it no mutated record would be looked at.
std::string framed_record(std::string_view body) {
  std::string result;
  put(result, static_cast<std::uint32_t>(body.size()));
  put(result, std::uint64_t{XXH3_64bits(body.data(), body.size())});
  return result.append(body);
}

} // namespace

void parse_configuration(std::string_view input) {
  config_input from;
  from.path = "fuzz.toml";
  auto split = input.find('\0'); // behind it: an override
  if (split != std::string_view::npos) {
    from.overrides.emplace_back(input.substr(split + 1));
    input = input.substr(0, split);
  }
  auto result = parse_config(std::string{input}, from);
  for (auto& error : result.errors)
    demand(!error.empty(), "each error says something");
}

void unpack_block(std::string_view input) {
  packed_events packed;
  packed.index = take_chunk(input);
  packed.bytes = input;
  event_block block;
  if (!unpack(packed, block))
    return;
  for (auto& e : block.entries) {
    demand(block.name(e).size() == e.t_size, "the whole name is there");
    demand(block.data(e).size() == e.d_size, "the whole d is there");
  }
  event_block again;
  demand(unpack(pack(block), again), "what was accepted can be sent on");
  demand(again.entries.size() == block.entries.size(), "with as many events");
}

void decode_position_log(std::string_view input) {
  std::string log;
  if (!input.empty() && input.front() == 'r')
    log = input.substr(1);
  else
    while (!input.empty())
      log += framed_record(take_chunk(input));
  std::size_t used = 0;
  auto state = decode_log(log, used);
  demand(used <= log.size(), "no more is used than is there");
  state.settle();
  auto encoded = state.encode();
  std::size_t used_again = 0;
  auto again = decode_log(encoded, used_again);
  demand(used_again == encoded.size(), "a compacted log is good to its end");
  demand(again.positions.size() == state.positions.size(), "and keeps every position");
}

void read_bot_payload(std::string_view input) {
  static client_payload_reader reader{4096};
  auto lies_within = [&](std::string_view part) {
    return part.empty() ||
           (part.data() >= input.data() && part.data() + part.size() <= input.data() + input.size());
  };
  auto result = reader.read(input);
  if (auto* refused = std::get_if<payload_refused>(&result))
    demand(refused->code == 4001 || refused->code == 4002, "a payload is refused by a code of Discord");
  if (auto* x = std::get_if<identification_sent>(&result)) {
    demand(!x->shard || x->shard->id < x->shard->count, "a shard is below its count");
    demand(x->presence.empty() || x->presence.front() == '{', "a presence is an object");
  }
  if (auto* x = std::get_if<presence_sent>(&result))
    demand(lies_within(x->d) && x->d.front() == '{' && x->d.back() == '}', "d is passed on as an object");
  if (auto* x = std::get_if<command_sent>(&result)) {
    demand(lies_within(x->d) && x->d.front() == '{' && x->d.back() == '}', "d is passed on as an object");
    demand(x->op == 31 || x->guild != 0, "a command names its guild");
    demand(x->nonce.size() <= 6 * 32, "a nonce is short, escapes counted");
  }
  field_walk fields{input};
  walked_field field;
  while (fields.next(field))
    demand(lies_within(field.key) && lies_within(field.value), "a field is part of its object");
}

std::vector<std::string> bot_payload_seeds() {
  return {
      R"({"op":1,"d":251})",
      R"({"op":2,"d":{"token":"Bot a","properties":{"os":"linux"},"intents":513,"compress":true,)"
      R"("large_threshold":250,"shard":[0,1],"presence":{"status":"idle","since":null,"activities":[],"afk":false}}})",
      R"({"op":3,"d":{"since":null,"activities":[{"name":"x","type":0}],"status":"online","afk":false}})",
      R"({"op":4,"d":{"guild_id":"41771983423143937","channel_id":null,"self_mute":false,"self_deaf":false}})",
      R"({"op":6,"d":{"token":"a","session_id":"b","seq":1337}})",
      R"({"op":8,"d":{"guild_id":"41771983423143937","query":"","limit":0,"presences":true,"nonce":"n\u0041"}})",
      R"({"op":8,"d":{"guild_id":["41771983423143937"],"user_ids":["1","2"]}})",
      R"({"op":31,"d":{"guild_ids":["41771983423143937",5]}})",
      R"({"d":{"guild_id":41771983423143937,"fields":["status","voice_start_time"]},"op":43.0})",
  };
}

std::vector<std::string> configuration_seeds() {
  std::vector<std::string> result;
  for (auto& entry : std::filesystem::directory_iterator{source_dir() / "cluster-config"}) {
    if (!entry.is_regular_file())
      continue;
    std::ifstream in{entry.path(), std::ios::binary};
    result.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
  }
  using namespace std::string_literals;
  result.push_back("[[sink]]\nkind = \"null\"\n\0node.name=b"s);
  result.push_back("[limits]\nmemory_bytes = \"8 MiB\"\n[discord]\nintents = [\"GUILDS\"]\n"s);
  return result;
}

std::vector<std::string> block_seeds() {
  auto packed = pack(sample_block());
  return {chunked(packed.index) + packed.bytes, chunked({}) + packed.bytes};
}

std::vector<std::string> log_seeds() {
  constexpr scope guild{scope_kind::guild, 41771983423143937};
  std::vector<std::string> records(6);
  write_record(records[0], logged_session{1, side::first, {{1, 0, 2}, "session"}, 0, false});
  position where;
  where.at = guild;
  where.n = 3;
  where.epoch = 1;
  where.known = true;
  write_record(records[1], where);
  logged_cut cut;
  cut.at = guild;
  cut.n = 3;
  cut.epoch = 2;
  cut.session = 1;
  cut.rest.push_back(sample_block());
  write_record(records[2], cut);
  write_record(records[3], logged_key{guild, 3, true, {}});
  write_record(records[4], logged_outage{guild, 1, false});
  write_sink_offset(records[5], "events.jsonl", "12345");
  std::string raw = "r", bodies;
  for (auto& record : records) {
    raw += record;
    bodies += chunked(std::string_view{record}.substr(12));
  }
  return {raw, bodies};
}

} // namespace shardyard::fuzz
