#include "actors/admin/admin_actor.hpp"
#include "apps/render.hpp"
#include "apps/run.hpp"
#include "messages/system_config.hpp"

#include <boost/json.hpp>
#include <caf/actor_system.hpp>
#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

namespace shardyard {

namespace json = boost::json;
using std::chrono::milliseconds;

namespace {

constexpr auto watch_interval = milliseconds(250);
constexpr auto patience =
    std::chrono::seconds(60); ///< how long a watch waits for a coordinator that went away

unsigned terminal_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

int report_unreachable(const unreachable& reason) {
  fmt::print(stderr,
             "shardyard: {}\n  Is the coordinator running? Name a node of the cluster with --at HOST:PORT.\n",
             reason.why);
  return exit_unreachable;
}

int report_refusal(const admin_reply& reply, bool as_json) {
  if (as_json)
    fmt::print("{}\n",
               json::serialize(json::object{{"ok", false}, {"why", reply.why}, {"instead", reply.instead}}));
  fmt::print(stderr, "shardyard: {}\n", reply.why);
  if (!reply.instead.empty())
    fmt::print(stderr, "  {}\n", reply.instead);
  return exit_failed;
}

json::object parse_body(const admin_reply& reply) {
  boost::system::error_code error;
  auto value = json::parse(reply.body, error);
  return !error && value.is_object() ? value.as_object() : json::object{};
}

/// Draws over its own last picture on a terminal, prints a line per change elsewhere.
class progress_view {
public:
  explicit progress_view(bool as_json) : as_json_(as_json), live_(!as_json && isatty(STDOUT_FILENO)) {}

  void show(const json::object& reshard) {
    if (live_) {
      auto text = render_progress(reshard, terminal_columns(), 16);
      if (lines_ > 0)
        fmt::print("\x1b[{}A\x1b[J", lines_);
      lines_ = std::ranges::count(text, '\n');
      fmt::print("{}", text);
    } else {
      auto text = as_json_ ? json::serialize(reshard) : render_progress_line(reshard);
      auto key = as_json_ ? text : significant(reshard);
      if (key == last_)
        return;
      last_ = key;
      fmt::print("{}\n", text);
    }
    std::fflush(stdout);
  }

private:
  /// Plain lines appear when the state or a tenth of the guilds changed, not with each tick of the clock.
  static std::string significant(const json::object& reshard) {
    auto number = [&](const char* key) {
      auto* x = reshard.if_contains(key);
      return x && x->is_number() ? x->to_number<double>() : 0.0;
    };
    auto tenth = number("guilds") > 0 ? static_cast<int>(10 * number("cut") / number("guilds")) : 0;
    auto* state = reshard.if_contains("state");
    auto* notice = reshard.if_contains("notice");
    return fmt::format("{}/{}/{}", state ? json::serialize(*state) : "", tenth,
                       notice ? json::serialize(*notice) : "");
  }

  bool as_json_;
  bool live_;
  std::ptrdiff_t lines_ = 0;
  std::string last_;
};

/// Follows plan `plan` (0: whichever runs). The coordinator may go away and come back meanwhile.
int watch(admin& link, const admin_command& command, std::uint64_t plan) {
  progress_view view{command.json};
  auto deadline = std::chrono::steady_clock::now() + patience;
  for (;; std::this_thread::sleep_for(watch_interval)) {
    admin_request request;
    request.verb = "report";
    request.plan = plan;
    auto answer = link.ask(command.host, command.port, request, milliseconds(2000));
    if (auto* gone = std::get_if<unreachable>(&answer)) {
      if (std::chrono::steady_clock::now() > deadline)
        return report_unreachable(*gone);
      continue;
    }
    deadline = std::chrono::steady_clock::now() + patience;
    auto& reply = std::get<admin_reply>(answer);
    if (!reply.ok)
      return report_refusal(reply, command.json);
    auto body = parse_body(reply);
    view.show(body);
    auto* state = body.if_contains("state");
    if (state && *state == "done")
      return exit_done;
    if (state && *state == "aborted")
      return exit_failed;
  }
}

} // namespace

int run_admin(const admin_command& command) {
  if (!command.tls.empty()) {
    auto problems = net::check_tls_files(command.tls, net::tls_role::admin);
    for (auto& problem : problems)
      fmt::print(stderr, "shardyard: {}\n", problem);
    if (!problems.empty())
      return exit_usage;
  }
  register_messages();
  system_config config{2};
  caf::actor_system system{config};
  admin link{system, command.tls};
  auto answer =
      link.ask(command.host, command.port, command.request, std::chrono::seconds(command.timeout_s));
  if (auto* gone = std::get_if<unreachable>(&answer))
    return report_unreachable(*gone);
  auto& reply = std::get<admin_reply>(answer);
  if (!reply.ok)
    return report_refusal(reply, command.json);
  auto body = parse_body(reply);
  if (command.watch && command.request.verb == "reshard") {
    auto* plan = body.if_contains("plan");
    return watch(link, command, plan ? plan->to_number<std::uint64_t>() : 0);
  }
  if (command.watch && body.contains("reshard") && body.at("reshard").is_object())
    return watch(link, command, 0);
  fmt::print("{}", command.json ? json::serialize(body) + "\n" : render_document(body));
  return exit_done;
}

} // namespace shardyard
