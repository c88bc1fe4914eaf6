#include "sim/interaction_book.hpp"

#include "sim/text.hpp"

namespace shardyard::sim {

void interaction_book::happened(const used_command& command, snowflake guild, moment now) {
  if (!places_.emplace(command.id, forgotten_ + rows_.size()).second)
    return;
  rows_.push_back({.command = command, .guild = guild, .at = now});
  ++totals_.happened;
  while (rows_.size() > most_kept || now - rows_.front().at > token_life) {
    places_.erase(rows_.front().command.id);
    rows_.pop_front();
    ++forgotten_;
  }
}

const interaction_book::row* interaction_book::find(snowflake id) const {
  auto place = places_.find(id);
  return place == places_.end() ? nullptr : &rows_[place->second - forgotten_];
}

interaction_book::verdict interaction_book::answer(snowflake id, std::string_view token, moment now) {
  auto place = places_.find(id);
  if (place == places_.end() || token != interaction_token(id))
    return verdict::unknown;
  auto& which = rows_[place->second - forgotten_];
  if (which.answers > 0) {
    ++which.refused;
    ++totals_.answered_again;
    return verdict::acknowledged;
  }
  if (now - which.at > answer_within) {
    ++which.late;
    ++totals_.late;
    return verdict::unknown;
  }
  which.answers = 1;
  ++totals_.answered;
  return verdict::accepted;
}

const interaction_book::row* interaction_book::open(std::string_view token, moment now) const {
  for (auto which = rows_.rbegin(); which != rows_.rend() && now - which->at <= token_life; ++which)
    if (which->answers > 0 && token == interaction_token(which->command.id))
      return &*which;
  return nullptr;
}

} // namespace shardyard::sim
