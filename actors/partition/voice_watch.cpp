#include "actors/partition/voice_watch.hpp"

#include "actors/partition/json_members.hpp"

namespace shardyard {
namespace {

std::string text_of(std::string_view value) {
  return value.size() < 2 ? std::string{} : std::string{value.substr(1, value.size() - 2)};
}

} // namespace

bool voice_watch::set_self(snowflake user) {
  auto before = std::exchange(own_user_, user == 0 ? std::string{} : '"' + std::to_string(user) + '"');
  return before != own_user_ && user != 0;
}

// One event in twenty is a voice state, hardly any of them the bot's own: only those are read.
bool voice_watch::note(snowflake guild, std::string_view d) {
  if (own_user_.empty() || d.find(own_user_) == d.npos)
    return false;
  auto members = json_members(d);
  if (find_value(members, "user_id") != own_user_)
    return false;
  auto channel = number_of(find_value(members, "channel_id"));
  if (channel == 0) {
    seats_.erase(guild);
    return true;
  }
  seats_[guild] = {channel, text_of(find_value(members, "session_id")),
                   find_value(members, "self_mute") == "true", find_value(members, "self_deaf") == "true"};
  return true;
}

const voice_seat* voice_watch::seat(snowflake guild) const {
  auto found = seats_.find(guild);
  return found == seats_.end() ? nullptr : &found->second;
}

void voice_watch::leave(snowflake guild, std::string_view session_id) {
  auto found = seats_.find(guild);
  if (found != seats_.end() && (session_id.empty() || found->second.session_id == session_id))
    seats_.erase(found);
}

bool voice_watch::must_wait(snowflake guild) {
  return !waiting_[guild].over;
}

std::vector<snowflake> voice_watch::waiting() const {
  std::vector<snowflake> result;
  for (auto& [guild, _] : waiting_)
    result.push_back(guild);
  return result;
}

bool voice_watch::waits(snowflake guild) const {
  auto found = waiting_.find(guild);
  return found != waiting_.end() && !found->second.over;
}

bool voice_watch::let_go(snowflake guild, const voice_tuning& tuning, bool others_cut, monotonic patience,
                         monotonic now) {
  auto found = waiting_.find(guild);
  if (found == waiting_.end() || found->second.over)
    return false;
  auto& x = found->second;
  if (x.since == monotonic{0})
    x.since = now;
  auto due = x.since + (tuning.policy == voice_policy::wait ? tuning.longest_wait : monotonic{0});
  x.over = now >= due && (others_cut || now >= due + patience);
  return x.over;
}

} // namespace shardyard
