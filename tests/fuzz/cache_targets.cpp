// The guild cache: events and snapshots come from Discord, its file from a disk or another host.
#include "actors/partition/guild_cache.hpp"
#include "actors/partition/packed_json.hpp"
#include "tests/fuzz/targets.hpp"

#include <cstring>
#include <xxhash.h>

namespace shardyard::fuzz {
namespace {

constexpr snowflake guild = 820674996354682887;
constexpr guild_view everything{0x331FFFF, 50};
constexpr cache_policy keep_all{member_policy::all, true, 982934807904649217};

/// `d` of a recorded payload as it stands: from behind its key to the last brace but one.
std::string_view d_of(std::string_view payload) {
  auto begin = payload.find("\"d\":");
  auto end = payload.rfind('}');
  return begin == std::string_view::npos || end < begin + 4 ? std::string_view{}
                                                            : payload.substr(begin + 4, end - begin - 4);
}

std::string name_of(std::string_view payload) {
  constexpr std::string_view key = "\"t\": \"";
  auto begin = payload.find(key);
  if (begin == std::string_view::npos)
    return {};
  begin += key.size();
  return std::string{payload.substr(begin, payload.find('"', begin) - begin)};
}

std::string_view recorded_guild() {
  static const auto payload = [] {
    for (auto& each : recorded_payloads())
      if (name_of(each) == "GUILD_CREATE")
        return each;
    std::abort();
  }();
  return d_of(payload);
}

std::string saved(const guild_cache& cache) {
  std::string result;
  cache.save(result);
  return result;
}

/// Stamp and hash of the format around a body: without them nothing mutated would be looked at.
std::string framed_cache(std::string_view body) {
  static const auto stamp = saved({}).substr(0, sizeof(std::uint32_t));
  auto hash = std::uint64_t{XXH3_64bits(body.data(), body.size())};
  auto result = stamp;
  result.append(reinterpret_cast<const char*>(&hash), sizeof hash);
  return result.append(body);
}

} // namespace

void pack_json(std::string_view input) {
  std::string packed;
  if (!packed::encode(packed, input)) {
    demand(packed.empty(), "what is refused leaves nothing behind");
    return;
  }
  std::string text, again;
  demand(packed::decode(text, packed), "what was packed can be read");
  demand(text.size() <= input.size(), "nothing is added");
  demand(packed::encode(again, text) && again == packed, "and is packed alike again");
}

void unpack_json(std::string_view input) {
  std::string text, file;
  packed::decode(text, input);
  packed::id_of(packed::field(input, "id"));
  packed::shape_list reading;
  auto rest = input;
  if (reading.read(rest))
    reading.from_file(file, rest);
}

void load_guild_cache(std::string_view input) {
  auto cache = guild_cache::load(framed_cache(input));
  if (!cache)
    return;
  std::string text;
  cache->write_guild_create(text, guild, everything, keep_all);
  cache->apply(find_event_type("GUILD_ROLE_DELETE"), R"({"role_id":"820687719629066241"})", keep_all);
  cache->difference(*cache, guild);
  demand(guild_cache::load(saved(*cache)).has_value(), "what was loaded can be saved");
}

// The first byte names the event, the rest is its `d`; GUILD_CREATE's replaces everything.
void apply_guild_events(std::string_view input) {
  guild_cache cache;
  demand(cache.replace(recorded_guild(), keep_all), "the recorded guild is taken");
  if (input.empty())
    return;
  auto type = static_cast<event_type_id>(static_cast<unsigned char>(input[0]) % event_types().size());
  auto before = saved(cache);
  auto d = input.substr(1);
  auto changed =
      type == find_event_type("GUILD_CREATE") ? cache.replace(d, keep_all) : cache.apply(type, d, keep_all);
  if (!changed && type != find_event_type("MESSAGE_CREATE"))
    demand(saved(cache) == before, "what changes nothing says so");
  std::string text, packed;
  cache.write_guild_create(text, guild, everything, keep_all);
  demand(packed::encode(packed, text), "a guild is written as JSON");
}

std::vector<std::string> packed_seeds() {
  std::vector<std::string> result;
  for (auto& each : recorded_payloads())
    packed::encode(result.emplace_back(), each);
  return result;
}

std::vector<std::string> cache_file_seeds() {
  guild_cache cache;
  cache.replace(recorded_guild(), keep_all);
  constexpr auto head = sizeof(std::uint32_t) + sizeof(std::uint64_t);
  return {saved(cache).substr(head), saved({}).substr(head)};
}

std::vector<std::string> guild_event_seeds() {
  std::vector<std::string> result;
  for (auto& each : recorded_payloads())
    if (auto type = find_event_type(name_of(each)); type != unknown_event)
      result.push_back(static_cast<char>(type) + std::string{d_of(each)});
  return result;
}

} // namespace shardyard::fuzz
