#include "net/upstream_pool.hpp"

namespace shardyard::net {
namespace {

constexpr std::size_t most_idle = 32;
// Shorter than any server's own limit that we know of, so that it is seldom Discord that closes.
constexpr auto longest_idle = std::chrono::seconds(15);

} // namespace

std::shared_ptr<upstream> upstream_pool::take() {
  while (!idle_.empty()) {
    auto newest = std::move(idle_.back().connection);
    idle_.pop_back();
    if (newest->stream.idle()) {
      newest->used_before = true;
      return newest;
    }
    newest->stream.close();
  }
  return nullptr;
}

std::shared_ptr<upstream> upstream_pool::open(byte_stream::opened done) {
  auto made = std::make_shared<upstream>(context_);
  made->stream.open(target_, rules_, [made, done = std::move(done)](auto why) { done(std::move(why)); });
  return made;
}

void upstream_pool::give_back(std::shared_ptr<upstream> idle) {
  if (!alive_)
    return idle->stream.close();
  if (idle_.size() == most_idle) {
    idle_.front().connection->stream.close();
    idle_.pop_front();
  }
  idle_.push_back({std::move(idle), clock::now()});
  wait_for_oldest();
}

void upstream_pool::end() {
  alive_.reset();
  sweep_.cancel();
  for (auto& each : idle_)
    each.connection->stream.close();
  idle_.clear();
}

void upstream_pool::wait_for_oldest() {
  if (sweeping_ || idle_.empty())
    return;
  sweeping_ = true;
  sweep_.expires_at(idle_.front().since + longest_idle);
  sweep_.async_wait([this, alive = std::weak_ptr{alive_}](boost::system::error_code) {
    if (alive.lock())
      drop_old();
  });
}

void upstream_pool::drop_old() {
  sweeping_ = false;
  while (!idle_.empty() && idle_.front().since + longest_idle <= clock::now()) {
    idle_.front().connection->stream.close();
    idle_.pop_front();
  }
  wait_for_oldest();
}

} // namespace shardyard::net
