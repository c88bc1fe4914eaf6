#include "actors/partition/group_log_actor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace shardyard {
namespace {

constexpr auto compaction_rest = std::chrono::milliseconds(1000);
constexpr std::size_t compaction_piece = 128u << 10; ///< bytes of caches, some milliseconds of work
constexpr auto copy_timeout = std::chrono::seconds(3);
constexpr auto copy_retry = std::chrono::seconds(1);

} // namespace

group_log::group_log(local_partition_group_actor::pointer self, const partition_group_setup& setup,
                     partition_group& group, log_writer_actor writer, std::function<void()> progressed)
    : self_(self),
      setup_(setup),
      group_(group),
      writer_(std::move(writer)),
      progressed_(std::move(progressed)) {}

void group_log::go_on(bool last) {
  write(last);
  send_copy();
}

group_log::clock::time_point group_log::due() const {
  if (auto retry = commits_.retry_at()) // a copy waits for it
    return clock::time_point{*retry};
  return copy_due_ ? copy_at_ : clock::time_point::max();
}

// -- writing

/// A compaction's pieces go behind all records given out before them, so they travel with these.
void group_log::write(bool last) {
  // What the disk did not take is no part of the log's content yet, and would be none of the copy's.
  if (copy_due_ && !commits_.writing() && !commits_.retry_at())
    begin_copy();
  if (commits_.writing())
    return;
  log_append message;
  message.finish = compacting_ && !last && group_.compaction_whole();
  if (message.finish)
    group_.checkpoint(now(), true);
  if (compacting_)
    commits_.add(group_.take_log());
  if (auto work = commits_.next(now())) {
    copy_.append(work->records, commits_.newest());
    message.records = std::move(work->records);
    message.offsets = std::move(work->offsets);
  } else if (!compacting_ || !commits_.idle()) {
    return;
  }
  if (compacting_ && !message.finish && !last)
    message.piece = group_.next_piece(compaction_piece);
  if (!commits_.writing()) {
    if (message.piece.empty() && !message.finish)
      return;
    commits_.snapshot_begun();
  }
  compat::request_local(self_, writer_, std::move(message))
      .then([this](const log_written& x) { written(x); },
            [this](caf::error& error) { self_->quit(std::move(error)); });
}

void group_log::written(const log_written& x) {
  commits_.written(x.ok, now());
  if (!x.ok && trouble_ != x.error)
    spdlog::critical("position log: {}; nothing is acknowledged, and no guild cut, until it can be written",
                     x.error);
  trouble_ = x.ok ? "" : x.error;
  if (compacting_ && !x.compacting)
    compaction_over(x.ok ? x.error : "");
  progressed_();
  if (x.wants_compaction)
    compact();
}

void group_log::compact() {
  if (compacting_ || !commits_.idle() || self_->clock().now() < next_compaction_)
    return;
  auto state = group_.begin_compaction();
  if (!state)
    return;
  commits_.snapshot_begun();
  compat::request_local(self_, writer_, log_snapshot{std::move(*state)})
      .then(
          [this](const log_written& x) {
            commits_.snapshot_over();
            compacting_ = x.compacting;
            if (!compacting_)
              compaction_over(x.error);
            progressed_();
          },
          [this](caf::error& error) { self_->quit(std::move(error)); });
}

void group_log::compaction_over(const std::string& error) {
  compacting_ = false;
  group_.end_compaction();
  copy_due_ = keeper_.node != nullptr; // else the copy would only ever grow
  next_compaction_ = self_->clock().now() + compaction_rest;
  if (!error.empty())
    spdlog::error("position log: {}", error);
}

// -- the copy on a second host

std::uint64_t group_log::kept_twice() const {
  return copy_.active() ? std::min(commits_.safe(), copy_.commit()) : commits_.safe();
}

void group_log::keep_copy_at(const copy_keeper& x) {
  keeper_ = x;
  ++copies_begun_;
  copy_.stop();
  copy_due_ = x.node != nullptr;
  copy_at_ = {};
}

/// The log as the disk has it: none is written meanwhile, so that the copy goes on where this ends.
void group_log::begin_copy() {
  if (self_->clock().now() < copy_at_)
    return;
  copy_due_ = false;
  commits_.snapshot_begun();
  compat::request_local(self_, writer_, log_request{})
      .then(
          [this, round = ++copies_begun_](log_content& x) {
            commits_.snapshot_over();
            if (round == copies_begun_ && x.ok)
              copy_.begin(std::move(x.records), commits_.safe());
            else if (!x.ok) {
              spdlog::error("position log: {}", x.records);
              copy_due_ = true;
              copy_at_ = self_->clock().now() + copy_retry;
            }
            progressed_();
          },
          [this](caf::error& error) { self_->quit(std::move(error)); });
}

void group_log::send_copy() {
  auto piece = keeper_.node ? copy_.next() : std::nullopt;
  if (!piece)
    return;
  copy_append message{setup_.node,   0,           setup_.place.id,         setup_.place.epoch,
                      piece->offset, piece->anew, std::move(piece->bytes), piece->until};
  compat::request(self_, keeper_.node, copy_timeout, std::move(message))
      .then(
          [this, name = keeper_.name, round = copies_begun_](const copy_kept& x) {
            if (round != copies_begun_)
              return;
            if (!copy_.kept(x.bytes))
              return copy_lost(name, round, "it has another state");
            progressed_();
          },
          [this, name = keeper_.name, round = copies_begun_](caf::error& error) {
            copy_lost(name, round, caf::to_string(error));
          });
}

void group_log::copy_lost(const std::string& keeper, std::uint64_t round, const std::string& why) {
  if (round != copies_begun_)
    return; // of a copy that was begun again since
  spdlog::warn("group {}: node {} keeps no copy of the positions ({}); begun again in a second",
               setup_.place.id, keeper, why);
  copy_.stop();
  copy_due_ = true;
  copy_at_ = self_->clock().now() + copy_retry;
  progressed_();
}

} // namespace shardyard
