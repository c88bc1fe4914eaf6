#include "actors/partition/member_requests.hpp"

#include "actors/partition/json_members.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace shardyard {
namespace {

constexpr std::size_t longest_nonce = 32; // Gateway Events, "Request Guild Members"
constexpr std::size_t most_users = 100;
constexpr std::size_t most_chunks = 1u << 20;

const event_type_id chunk_event = find_event_type("GUILD_MEMBERS_CHUNK");

struct own_nonce {
  request_name name;
  std::size_t attempt = 0;
};

std::string text_of(const own_nonce& x) {
  char out[longest_nonce + 3];
  std::snprintf(out, sizeof out, "\"y%08x.%llx.%x\"", x.name.asker,
                static_cast<unsigned long long>(x.name.number), static_cast<unsigned>(x.attempt));
  return out;
}

template <class Number>
bool take_hex(std::string_view& text, char end, Number& out) {
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  if (error != std::errc{} || stop == text.data() + text.size() || *stop != end)
    return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  return true;
}

std::optional<own_nonce> own_nonce_of(std::string_view value) {
  own_nonce x;
  if (!value.starts_with("\"y"))
    return std::nullopt;
  value.remove_prefix(2);
  if (!take_hex(value, '.', x.name.asker) || !take_hex(value, '.', x.name.number) ||
      !take_hex(value, '"', x.attempt) || !value.empty())
    return std::nullopt;
  return x;
}

/// Whether Discord would give it back.
bool is_nonce(std::string_view value) {
  return value.size() > 2 && value.front() == '"' && value.size() - 2 <= longest_nonce;
}

monotonic seconds_of(std::string_view value) {
  double seconds = 0;
  std::from_chars(value.data(), value.data() + value.size(), seconds);
  return std::chrono::duration_cast<monotonic>(
      std::chrono::duration<double>{std::clamp(seconds, 0.0, 86400.0)});
}

bool is_all(const std::vector<json_member>& members) {
  auto limit = find_value(members, "limit");
  return find_value(members, "query") == "\"\"" && (limit == "0" || limit.empty()) &&
         find_value(members, "user_ids").empty();
}

} // namespace

/// A whole answer made of what is kept: for users by id, all of them known.
std::optional<std::string> member_requests::from_cache(const request& x, const desk_port& port) const {
  auto members = json_members(x.d);
  auto wanted = find_value(members, "user_ids");
  if (wanted.empty() || !find_value(members, "query").empty() || find_value(members, "presences") == "true")
    return std::nullopt;
  std::vector<snowflake> users;
  for (auto id : json_elements(wanted))
    users.push_back(number_of(id));
  if (users.empty() || users.size() > most_users || std::ranges::find(users, 0u) != users.end())
    return std::nullopt;
  auto kept = port.members(x.guild, users);
  if (!kept)
    return std::nullopt;
  auto d = "{\"guild_id\":\"" + std::to_string(x.guild) + "\",\"members\":" + *kept +
           ",\"chunk_index\":0,\"chunk_count\":1";
  return d + (x.nonce.empty() ? "" : ",\"nonce\":" + x.nonce) + "}";
}

void member_requests::take(const bot_command& x, const desk_port& port, desk_output& out, monotonic now) {
  auto members = json_members(x.d);
  request fresh{.bot = x.bot, .guild = x.guild, .d = x.d, .until = now + tuning_->life};
  fresh.all = is_all(members);
  if (auto nonce = find_value(members, "nonce"); is_nonce(nonce))
    fresh.nonce = nonce;
  if (auto d = from_cache(fresh, port)) {
    ++out.figures.from_cache;
    out.answers.push_back({x.guild, x.asker, chunk_event, std::move(*d)});
    return;
  }
  if (fresh.all) {
    auto& spaced = spaced_[x.guild];
    if (now < spaced)
      return out.refuse(x.guild, x.asker, 8, spaced - now, fresh.nonce);
    spaced = now + tuning_->spacing;
  }
  request_name name{x.asker, x.number};
  auto [added, _] = requests_.emplace(name, std::move(fresh));
  step(added, port, out, now);
}

void member_requests::look(const desk_port& port, desk_output& out, monotonic now) {
  std::erase_if(spaced_, [now](auto& x) { return x.second <= now; });
  for (auto i = requests_.begin(); i != requests_.end();)
    i = step(i, port, out, now);
}

member_requests::requests::iterator member_requests::step(requests::iterator which, const desk_port& port,
                                                          desk_output& out, monotonic now) {
  auto& x = which->second;
  auto first = x.asked.tries() == 0;
  auto spaced = spaced_.find(x.guild);
  auto not_before = x.all && !first && spaced != spaced_.end() ? spaced->second : monotonic{0};
  auto again = x.all ? tuning_->spacing : tuning_->again;
  auto next = x.asked.next(port, x.guild, *tuning_, again, not_before, now);
  if (next == asked_upstream::step::ask) {
    ask(which, *port.lead(x.guild), out, now);
    return std::next(which);
  }
  auto over = now >= x.until;
  if (next == asked_upstream::step::wait && !over)
    return std::next(which);
  ++out.figures.unanswered;
  if (x.all && first)
    spaced_.erase(x.guild);
  if (next == asked_upstream::step::give_up)
    out.refuse(x.guild, which->first.asker, 8, tuning_->again, x.nonce);
  return requests_.erase(which);
}

void member_requests::ask(requests::iterator which, const leading_session& lead, desk_output& out,
                          monotonic now) {
  auto& x = which->second;
  if (x.all)
    spaced_[x.guild] = now + tuning_->spacing;
  if (x.asked.tries() == 0)
    x.until = now + tuning_->life;
  auto attempt = x.asked.asked(lead.number, now);
  auto d = with_member(x.d, "nonce", text_of({which->first, attempt}));
  out.forward(lead, {x.bot, 8, std::move(d)});
}

// -- answers

std::size_t member_requests::open_of(std::string_view bot) const {
  return static_cast<std::size_t>(std::ranges::count(requests_, bot, [](auto& x) { return x.second.bot; }));
}

std::string member_requests::restored(const request& x, std::string_view d) const {
  return x.nonce.empty() ? without_member(d, "nonce") : with_member(d, "nonce", x.nonce);
}

desk_reading member_requests::chunk(std::string_view d) {
  desk_reading result;
  auto members = json_members(d);
  auto name = own_nonce_of(find_value(members, "nonce"));
  result.asked = name.has_value();
  auto found = name ? requests_.find(name->name) : requests_.end();
  if (found == requests_.end() || !found->second.asked.answers(name->attempt))
    return result;
  auto& x = found->second;
  auto index = number_of(find_value(members, "chunk_index"));
  auto count = number_of(find_value(members, "chunk_count"));
  if (index >= count || count > most_chunks)
    return result;
  x.delivered.resize(std::max<std::size_t>(count, x.delivered.size())); // another try may count otherwise
  if (x.delivered[index])
    return result;
  x.delivered[index] = true;
  result.to.push_back({found->first.asker, restored(x, d)});
  auto whole = x.delivered.begin() + static_cast<std::ptrdiff_t>(count);
  if (std::find(x.delivered.begin(), whole, false) == whole)
    requests_.erase(found);
  return result;
}

desk_reading member_requests::rate_limited(snowflake guild, std::string_view d, monotonic now) {
  desk_reading result;
  auto members = json_members(d);
  auto meta = find_value(members, "meta");
  auto name = own_nonce_of(find_value(json_members(meta), "nonce"));
  result.asked = name.has_value();
  auto found = name ? requests_.find(name->name) : requests_.end();
  if (found == requests_.end() || !found->second.asked.answers(name->attempt))
    return result;
  auto& x = found->second;
  if (x.all)
    spaced_[guild] = now + seconds_of(find_value(members, "retry_after"));
  result.to.push_back({found->first.asker, with_member(d, "meta", restored(x, meta))});
  requests_.erase(found);
  return result;
}

} // namespace shardyard
