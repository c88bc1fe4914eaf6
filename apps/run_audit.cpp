#include "apps/audit.hpp"
#include "apps/fetch.hpp"
#include "apps/run.hpp"
#include "apps/truth_source.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace shardyard {

int run_audit(const audit_command& command) {
  truth_source source;
  if (command.truth.starts_with("http")) {
    auto error = fetch(command.truth, [&](std::string_view chunk) { source.feed(chunk); });
    if (!error.empty()) {
      fmt::print(stderr, "shardyard: {}\n  Is this the address that `shardyard sim` printed for the truth?\n",
                 error);
      return exit_failed;
    }
  } else {
    source.read_file(command.truth);
  }
  auto what_happened = source.finish();
  if (!source.error().empty()) {
    fmt::print(stderr, "shardyard: the truth cannot be read: {}\n", source.error());
    return exit_failed;
  }
  std::string error;
  auto result = audit_files(what_happened, command.events, error);
  if (!error.empty()) {
    fmt::print(stderr, "shardyard: {}\n", error);
    return exit_failed;
  }
  if (!command.report.empty()) {
    std::ifstream file{command.report};
    if (!file) {
      fmt::print(stderr, "shardyard: {} cannot be read\n", command.report);
      return exit_failed;
    }
    result.unverifiable = unverifiable_in(std::string{std::istreambuf_iterator<char>{file}, {}});
  }
  fmt::print("{}", command.json ? boost::json::serialize(to_json(result)) + "\n" : to_table(result));
  return result.passed() ? exit_done : exit_failed;
}

} // namespace shardyard
