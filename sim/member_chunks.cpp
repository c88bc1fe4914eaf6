#include "sim/member_chunks.hpp"

#include "sim/client_fields.hpp"
#include "sim/text.hpp"

#include <algorithm>
#include <cctype>
#include <span>

namespace shardyard::sim {
namespace {

namespace json = boost::json;

constexpr std::size_t members_per_chunk = 1000, most_found = 100, longest_nonce = 32;
constexpr snowflake first_silent = 100'000; // on top of the guild's id
constexpr std::uint64_t silent_number = 1'000'000;

/// A member of the guild: one that the world shows, or one of the silent ones.
struct found_member {
  const member* shown = nullptr;
  std::uint32_t silent = 0;
};

bool begins(std::string_view name, std::string_view prefix) {
  auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  return name.size() >= prefix.size() && std::ranges::equal(name.substr(0, prefix.size()), prefix, same);
}

bool is_named(const member& who, std::string_view prefix) {
  auto username = who.user == 0 ? std::string{"Lantern"} : "user_" + std::to_string(who.user);
  return begins(username, prefix) || (who.user != 0 && begins(name_of(who.user * 7), prefix)) ||
         (who.nick != 0 && begins(name_of(who.user * 5 + who.nick), prefix));
}

std::vector<found_member> by_query(const guild& in, const member_request& request) {
  auto most = request.everyone() ? SIZE_MAX : std::clamp<std::uint64_t>(request.limit, 1, most_found);
  std::vector<found_member> found;
  for (auto& who : in.members)
    if (found.size() < most && is_named(who, *request.query))
      found.push_back({&who});
  for (std::uint32_t k = 0; k < in.silent_members() && found.size() < most; ++k)
    if (request.query->empty() || begins("user_" + std::to_string(silent_number + k), *request.query))
      found.push_back({nullptr, k});
  return found;
}

std::optional<found_member> by_id(const scene& at, snowflake id) {
  for (auto& who : at.in.members)
    if (at.all.users()[who.user].id == id)
      return found_member{&who};
  auto silent = id - at.in.id - first_silent;
  if (silent < at.in.silent_members())
    return found_member{nullptr, static_cast<std::uint32_t>(silent)};
  return std::nullopt;
}

void put_found(std::string& out, const scene& at, const found_member& who) {
  if (who.shown)
    return put_member(out, at, *who.shown);
  put(out, "{");
  put_member_keys(out, at, member{.user = 1, .joined_ms = at.in.joined_ms + who.silent});
  put(out, R"(,"user":)");
  put(out, user_json(at.in.id + first_silent + who.silent, silent_number + who.silent, false));
  put(out, "}");
}

void put_presences(std::string& out, const scene& at, std::span<const found_member> members) {
  put(out, R"("presences":[)");
  for (auto& each : members) {
    if (!each.shown || each.shown->status == 0)
      continue;
    put(out, out.back() == '[' ? "{" : ",{");
    put_presence_keys(out, at, *each.shown);
    put(out, "}");
  }
  put(out, "],");
}

} // namespace

std::variant<member_request, wrong_fields> read_member_request(const json::object& d) {
  member_request request;
  auto* guild = d.if_contains("guild_id");
  if (auto* several = guild ? guild->if_array() : nullptr; several && several->size() == 1)
    guild = &several->front();
  auto id = id_of(guild);
  if (!id)
    return wrong_fields{"op 8 without the id of one guild"};
  request.guild = *id;
  if (auto* query = d.if_contains("query"); query && query->is_string())
    request.query = std::string{text_of(query)};
  auto* ids = d.if_contains("user_ids");
  if (ids && !ids->is_null()) {
    if (auto* list = ids->if_array())
      for (auto& each : *list)
        request.user_ids.push_back(json::serialize(each));
    else
      request.user_ids.push_back(json::serialize(*ids));
  }
  if (!request.query && request.user_ids.empty() && !(ids && ids->is_array()))
    return wrong_fields{"op 8 without query and user_ids"};
  if (!request.user_ids.empty())
    request.query.reset();
  auto limit = whole_number(d.if_contains("limit"));
  if (request.query && !limit)
    return wrong_fields{"op 8 with query, but without limit"};
  request.limit = limit.value_or(0);
  request.presences = is_true(d.if_contains("presences"));
  if (auto* nonce = d.if_contains("nonce");
      nonce && nonce->is_string() && text_of(nonce).size() <= longest_nonce)
    request.nonce = json::serialize(*nonce);
  return request;
}

std::vector<std::string> member_chunks(const scene& at, const member_request& request) {
  std::vector<found_member> found;
  std::string not_found;
  if (request.query)
    found = by_query(at.in, request);
  for (auto& written : std::span{request.user_ids}.first(std::min(request.user_ids.size(), most_found))) {
    auto digits =
        written.starts_with('"') ? std::string_view{written}.substr(1, written.size() - 2) : written;
    auto id = parse_id(digits);
    auto who = id ? by_id(at, *id) : std::nullopt;
    if (who)
      found.push_back(*who);
    else
      put(not_found, (not_found.empty() ? "" : ",") + written);
  }
  auto count = std::max<std::size_t>(1, (found.size() + members_per_chunk - 1) / members_per_chunk);
  std::vector<std::string> chunks(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto& out = chunks[i];
    auto from = i * members_per_chunk;
    auto members =
        std::span<const found_member>{found}.subspan(from, std::min(members_per_chunk, found.size() - from));
    put(out, "{");
    if (i == 0 && !not_found.empty())
      put(out, R"("not_found":[)" + not_found + "],");
    if (request.nonce)
      put(out, R"("nonce":)" + *request.nonce + ",");
    if (request.presences)
      put_presences(out, at, members);
    put(out, R"("members":[)");
    for (auto& who : members) {
      if (out.back() != '[')
        put(out, ",");
      put_found(out, at, who);
    }
    put(out, R"(],"guild_id":)");
    put_id(out, at.in.id);
    put(out, R"(,"chunk_index":)");
    put_number(out, i);
    put(out, R"(,"chunk_count":)");
    put_number(out, count);
    put(out, "}");
  }
  return chunks;
}

std::string rate_limited(const member_request& request, double retry_after_s) {
  json::object meta{{"guild_id", std::to_string(request.guild)}};
  if (request.nonce)
    meta["nonce"] = json::parse(*request.nonce);
  return json::serialize(
      json::object{{"retry_after", retry_after_s}, {"opcode", 8}, {"meta", std::move(meta)}});
}

} // namespace shardyard::sim
