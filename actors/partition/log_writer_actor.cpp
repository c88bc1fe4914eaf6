#include "actors/partition/log_writer_actor.hpp"

#include "actors/compat.hpp"
#include "actors/crash_point.hpp"

#include <system_error>

namespace shardyard {
namespace {

struct log_writer_state {
  static inline const char* name = "shardyard.log_writer";

  log_writer_state(log_writer_actor::pointer, std::shared_ptr<position_log> log) : log(std::move(log)) {}

  log_writer_actor::behavior_type make_behavior() {
    return {
        [this](const log_append& x) -> caf::result<log_written> {
          auto ok = write("log", [&] { return log->commit(x.records, x.offsets); });
          auto compacted = !log->compacting() || compact(x);
          return answer(ok, ok && compacted);
        },
        [this](const log_snapshot& x) -> caf::result<log_written> {
          auto ok = log->begin_compaction(x.state);
          return answer(ok, ok);
        },
        [this](log_request) -> caf::result<log_content> {
          try {
            return log_content{true, log->records()};
          } catch (const std::system_error& error) {
            return log_content{false, error.what()};
          }
        },
    };
  }

  bool compact(const log_append& x) const {
    if (!x.piece.empty() && !log->add_piece(x.piece))
      return false;
    return !x.finish || write("log_snapshot", [&] { return log->finish_compaction(); });
  }

  template <class Write>
  bool write(const char* kind, Write what) const {
    auto& crash = crash_point::of_this_process();
    crash.before(kind);
    auto ok = what();
    crash.after(kind);
    return ok;
  }

  log_written answer(bool ok, bool quiet) const {
    return {ok, quiet ? "" : log->error(), log->wants_compaction(), log->compacting()};
  }

  std::shared_ptr<position_log> log;
};

} // namespace

log_writer_actor spawn_log_writer(caf::actor_system& system, std::unique_ptr<position_log> log,
                                  bool own_thread) {
  using writer = log_writer_actor::stateful_impl<log_writer_state>;
  std::shared_ptr<position_log> shared{std::move(log)};
  return own_thread ? log_writer_actor{system.spawn<writer, caf::detached>(std::move(shared))}
                    : log_writer_actor{system.spawn<writer>(std::move(shared))};
}

} // namespace shardyard
