#include "apps/command_line.hpp"
#include "apps/run.hpp"

#include <cstdio>
#include <exception>

namespace {

using namespace shardyard;

struct runner {
  int operator()(const usage& x) const {
    std::fputs(x.text.c_str(), x.code == exit_done ? stdout : stderr);
    return x.code;
  }
  int operator()(const node_command& x) const { return run_node(x); }
  int operator()(const sim_command& x) const { return run_sim(x); }
  int operator()(const audit_command& x) const { return run_audit(x); }
  int operator()(const certs_command& x) const { return run_certs(x); }
  int operator()(const admin_command& x) const { return run_admin(x); }
};

} // namespace

int main(int argc, char** argv) {
  try {
    return std::visit(runner{}, parse_command_line(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "shardyard: %s\n", error.what());
    return exit_failed;
  }
}
