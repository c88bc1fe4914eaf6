#include "actors/partition/log_writer_actor.hpp"

#include "actors/compat.hpp"
#include "actors/crash_point.hpp"

namespace shardyard {
namespace {

struct log_writer_state {
  static inline const char* name = "shardyard.log_writer";

  log_writer_state(log_writer_actor::pointer, std::shared_ptr<position_log> log) : log(std::move(log)) {}

  log_writer_actor::behavior_type make_behavior() {
    return {
        [this](const log_append& x) -> caf::result<log_written> {
          return write("log", [&] { return log->commit(x.records, x.offsets); });
        },
        [this](const log_snapshot& x) -> caf::result<log_written> {
          return write("log_snapshot", [&] { return log->compact(x.state); });
        },
    };
  }

  template <class Write>
  log_written write(const char* kind, Write what) const {
    auto& crash = crash_point::of_this_process();
    crash.before(kind);
    auto ok = what();
    crash.after(kind);
    return answer(ok);
  }

  log_written answer(bool ok) const { return {ok, ok ? "" : log->error(), log->wants_compaction()}; }

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
