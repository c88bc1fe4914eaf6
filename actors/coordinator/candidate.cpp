#include "actors/coordinator/candidate.hpp"

#include <utility>

namespace shardyard {

namespace {

constexpr int steps_back = 8; ///< looks that a candidate leaves out whose coordinator could not begin

} // namespace

void candidate::look_again(time_point now, milliseconds after) {
  auto spread =
      milliseconds(static_cast<std::int64_t>(phase_ * static_cast<double>(look_every_.count()) / 2));
  next_ = now + after - spread;
}

void candidate::won(time_point) {
  leads_ = true;
  leader_.reset();
  trouble_.clear();
}

void candidate::ended(time_point now, bool failed) {
  leads_ = false;
  look_again(now, failed ? steps_back * look_every_ : look_every_);
}

std::optional<leader_record> candidate::follows(const leader_record& leader, time_point now) {
  trouble_.clear();
  look_again(now, look_every_);
  if (leader_ == leader)
    return std::nullopt;
  leader_ = leader;
  return leader.port != 0 ? leader_ : std::nullopt;
}

bool candidate::failed(const std::string& why, time_point now) {
  look_again(now, 2 * look_every_);
  return std::exchange(trouble_, why) != why;
}

} // namespace shardyard
