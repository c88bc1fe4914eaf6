#include "sim/world.hpp"

#include "sim/text.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace shardyard::sim {
namespace {

constexpr std::int64_t day_ms = 86'400'000;

struct profile {
  std::uint32_t members, shown, roles, channels, threads, events;
};

// Medium and large as in the generator recipe of the sample payloads; small ones vary.
profile profile_of(guild_size size, random_source& rng) {
  switch (size) {
  case guild_size::medium:
    return {900, 60, 35, 60, 25, 1};
  case guild_size::large:
    return {25000, 240, 120, 230, 180, 5};
  case guild_size::small:
    break;
  }
  auto shown = 4 + rng.below(9);
  return {shown, shown, 2 + rng.below(3), 4 + rng.below(5), rng.below(2), rng.below(2)};
}

} // namespace

std::string user_json(snowflake id, std::uint64_t number, bool bot) {
  std::string out = R"({"username":")";
  put(out, bot ? "Lantern" : "user_");
  if (!bot)
    put_number(out, number);
  put(out, R"(","public_flags":0,"primary_guild":null,"id":)");
  put_id(out, id);
  put(out, R"(,"global_name":)");
  if (bot) {
    put(out, "null");
  } else {
    put(out, "\"");
    put(out, name_of(number * 7));
    put(out, "\"");
  }
  put(out, R"(,"display_name_styles":null,"discriminator":")");
  put(out, bot ? "4417" : "0");
  put(out, R"(","collectibles":null,"avatar_decoration_data":null,"avatar":)");
  if (number % 3 == 0) {
    put(out, "null");
  } else {
    put(out, "\"");
    put_hex(out, number);
    put(out, "\"");
  }
  put(out, bot ? R"(,"bot":true})" : "}");
  return out;
}

channel* guild::find_channel(snowflake channel_id) {
  auto found = std::ranges::find(channels, channel_id, &channel::id);
  return found == channels.end() ? nullptr : &*found;
}

std::uint32_t guild::count_in_voice(snowflake channel_id) const {
  return static_cast<std::uint32_t>(std::ranges::count(members, channel_id, &member::voice_channel));
}

void guild::move_in_voice(member& who, snowflake channel_id, std::int64_t now_ms) {
  auto left = std::exchange(who.voice_channel, channel_id);
  if (auto* entered = find_channel(channel_id); entered && entered->voice_since_ms == 0)
    entered->voice_since_ms = now_ms;
  if (auto* emptied = find_channel(left); emptied && count_in_voice(left) == 0)
    emptied->voice_since_ms = 0;
}

world::world(const settings& chosen, moment now) : rng_(chosen.seed), exponent_(chosen.activity_exponent) {
  make_users(std::clamp(chosen.guilds * 2, 500u, 20000u), now);
  guilds_.reserve(chosen.guilds + 64);
  auto newest = unix_ms(now) - day_ms, oldest = newest - 3000 * day_ms;
  std::vector<std::uint32_t> ranks(chosen.guilds);
  for (std::uint32_t i = 0; i < chosen.guilds; ++i)
    ranks[i] = i + 1;
  shuffle(ranks, rng_);
  for (std::uint32_t i = 0; i < chosen.guilds; ++i) {
    snowflake id = 0;
    while (id == 0 || index_.contains(id))
      id = make_snowflake(rng_.between(oldest, newest), static_cast<std::uint32_t>(rng_.next()));
    auto share = rng_.unit();
    auto size = share < chosen.large_guilds                          ? guild_size::large
                : share < chosen.large_guilds + chosen.medium_guilds ? guild_size::medium
                                                                     : guild_size::small;
    add(id, size, now).activity = 1 / std::pow(ranks[i], exponent_);
  }
}

guild* world::find(snowflake id) {
  return const_cast<guild*>(std::as_const(*this).find(id));
}

const guild* world::find(snowflake id) const {
  auto found = index_.find(id);
  if (found == index_.end() || !guilds_[found->second].present)
    return nullptr;
  return &guilds_[found->second];
}

guild* world::guild_of_channel(snowflake channel_id) {
  return const_cast<guild*>(std::as_const(*this).guild_of_channel(channel_id));
}

const guild* world::guild_of_channel(snowflake channel_id) const {
  auto has = [channel_id](const guild& g) {
    return g.present && std::ranges::find(g.channels, channel_id, &channel::id) != g.channels.end();
  };
  auto found = std::ranges::find_if(guilds_, has);
  return found == guilds_.end() ? nullptr : &*found;
}

guild& world::join(moment now) {
  auto& made = add(fresh_id(now), guild_size::small, now);
  made.joined_ms = unix_ms(now);
  made.activity = 1 / std::pow(static_cast<double>(guilds_.size()) / 2, exponent_);
  return made;
}

snowflake world::fresh_id(moment now) {
  increment_ = (increment_ + 1) & 0xFFF;
  auto worker = rng_.below(4);
  return make_snowflake(unix_ms(now), worker << 17 | increment_);
}

std::vector<std::uint32_t> world::guilds_of(std::uint32_t shard_id, std::uint32_t shard_count) const {
  std::vector<std::uint32_t> result;
  for (auto& g : guilds_)
    if (g.present && (g.id >> 22) % shard_count == shard_id)
      result.push_back(g.index);
  return result;
}

std::uint32_t world::present() const {
  return static_cast<std::uint32_t>(std::ranges::count_if(guilds_, &guild::present));
}

guild& world::add(snowflake id, guild_size size, moment now) {
  auto shape = profile_of(size, rng_);
  auto& made = guilds_.emplace_back();
  made.id = id;
  made.index = static_cast<std::uint32_t>(guilds_.size() - 1);
  made.size = size;
  made.member_count = shape.members;
  index_.emplace(id, made.index);
  auto created = static_cast<std::int64_t>(id >> 22) + snowflake_epoch_ms;
  auto low = static_cast<std::uint32_t>(id);
  made.joined_ms = created + 60'000;
  make_channels(made, shape.channels);
  for (std::uint32_t i = 0; i < shape.roles; ++i)
    made.roles.push_back({make_snowflake(created, low + 2000 + i), i == 0 ? 0 : rng_.below(0xFFFFFF)});
  for (std::uint32_t i = 0; i < shape.threads; ++i)
    made.threads.push_back({make_snowflake(created, low + 4000 + i), made.channels[1].id, 1, 0, created});
  for (std::uint32_t i = 0; i < shape.events; ++i)
    made.events.push_back({make_snowflake(created, low + 8000 + i), unix_ms(now) + day_ms, rng_.below(20)});
  auto emojis = size == guild_size::small ? 1u : size == guild_size::medium ? 60u : 300u;
  for (std::uint32_t i = 0; i < emojis; ++i)
    made.emojis.push_back({made.id + 100 + i, i});
  made.members.push_back(
      {.user = 0, .status = 1, .has_role = true, .joined_ms = made.joined_ms, .presence_ms = made.joined_ms});
  auto first = 1 + rng_.below(static_cast<std::uint32_t>(users_.size()) - 1);
  for (std::uint32_t i = 1; i < shape.shown; ++i) {
    auto user = 1 + (first + i) % (static_cast<std::uint32_t>(users_.size()) - 1);
    made.members.push_back({.user = user,
                            .nick = static_cast<std::uint8_t>(rng_.below(3)),
                            .status = static_cast<std::uint8_t>(rng_.below(4)),
                            .activity = static_cast<std::uint8_t>(rng_.below(8)),
                            .has_role = rng_.chance(0.5),
                            .joined_ms = created + 120'000 + i,
                            .presence_ms = unix_ms(now) - rng_.below(3'600'000)});
  }
  made.owner = made.members.back().user;
  return made;
}

void world::make_channels(guild& made, std::uint32_t count) {
  auto created = static_cast<std::int64_t>(made.id >> 22) + snowflake_epoch_ms;
  auto low = static_cast<std::uint32_t>(made.id);
  for (std::uint32_t i = 0; i < count; ++i) {
    // A category first, then text, every third a voice channel.
    std::uint8_t type = i == 0 ? 4 : i % 3 == 2 ? 2 : 0;
    made.channels.push_back({.id = make_snowflake(created, low + 1 + i),
                             .parent = i == 0 ? 0 : made.channels.front().id,
                             .type = type});
  }
}

void world::make_users(std::uint32_t count, moment now) {
  auto newest = unix_ms(now) - 30 * day_ms;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto id = make_snowflake(rng_.between(newest - 2500 * day_ms, newest), i);
    users_.push_back({id, user_json(id, i, i == 0)});
  }
}

} // namespace shardyard::sim
