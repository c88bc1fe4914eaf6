#include "actors/shard/command_queue.hpp"

#include <algorithm>

namespace shardyard {
namespace {

constexpr std::uint8_t presence_op = 3;
constexpr std::uint8_t voice_op = 4;
constexpr monotonic doubtful = std::chrono::seconds(5); ///< what was sent shortly before a connection broke

} // namespace

void command_queue::add(upstream_command x, monotonic now) {
  if (x.op == presence_op) {
    presence_due_ = presence_due_ || presence_ != x.d;
    presence_ = std::move(x.d);
    return;
  }
  auto mine = std::ranges::find(turns_, x.bot, &bot_queue::bot);
  if (mine == turns_.end())
    mine = turns_.insert(turns_.end(), {.bot = x.bot});
  if (mine->size() >= limits_.most_of_bot)
    drop_oldest(*mine);
  else if (size_ >= limits_.most)
    drop_oldest(*std::ranges::max_element(turns_, {}, &bot_queue::size));
  auto until = now + std::chrono::milliseconds(x.patience_ms);
  (x.op == voice_op ? mine->urgent : mine->rest).push_back({std::move(x), until});
  ++size_;
}

void command_queue::drop_oldest(bot_queue& x) {
  (x.rest.empty() ? x.urgent : x.rest).pop_front();
  --size_;
  ++dropped_;
}

void command_queue::forget_impatient(bot_queue& x, monotonic now) {
  for (auto* queue : {&x.urgent, &x.rest}) {
    auto gone = std::erase_if(*queue, [now](auto& y) { return y.until <= now; });
    size_ -= gone;
    dropped_ += gone;
  }
}

std::optional<upstream_command> command_queue::next(monotonic now) {
  for (auto& x : turns_)
    forget_impatient(x, now);
  std::erase_if(turns_, [](auto& x) { return x.size() == 0; });
  if (auto x = take(&bot_queue::urgent))
    return x;
  while (!shown_at_.empty() && now - shown_at_.front() >= limits_.presence_window)
    shown_at_.pop_front();
  if (presence_due_ && shown_at_.size() < limits_.presences) {
    presence_due_ = false;
    shown_at_.push_back(now);
    return upstream_command{.op = presence_op, .d = presence_};
  }
  return take(&bot_queue::rest);
}

/// From the first bot in turn that has one; its next turn comes after all others'.
std::optional<upstream_command> command_queue::take(std::deque<waiting> bot_queue::*which) {
  auto mine = std::ranges::find_if(turns_, [which](auto& x) { return !(x.*which).empty(); });
  if (mine == turns_.end())
    return std::nullopt;
  auto result = std::move(((*mine).*which).front().command);
  ((*mine).*which).pop_front();
  --size_;
  turns_.splice(turns_.end(), turns_, mine);
  return result;
}

std::optional<monotonic> command_queue::due() const {
  if (!presence_due_ || shown_at_.size() < limits_.presences)
    return std::nullopt;
  return shown_at_.front() + limits_.presence_window;
}

void command_queue::disconnected(monotonic now) {
  presence_due_ = presence_due_ || (!shown_at_.empty() && now - shown_at_.back() < doubtful);
}

void command_queue::session_lost() {
  turns_.clear();
  size_ = 0;
  presence_due_ = false;
  shown_at_.clear();
}

} // namespace shardyard
