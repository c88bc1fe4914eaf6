// What each verb does. All return the program's exit code, print results on stdout and reasons on stderr.
#pragma once

#include "apps/command_line.hpp"

namespace shardyard {

/// Runs a node until SIGINT or SIGTERM.
int run_node(const node_command& command);

/// Runs the simulated Discord until SIGINT or SIGTERM.
int run_sim(const sim_command& command);

int run_audit(const audit_command& command);

/// Makes an authority or a certificate.
int run_certs(const certs_command& command);

/// Asks the coordinator; with `watch` follows the running reshard to its end, through restarts of the
/// coordinator.
int run_admin(const admin_command& command);

} // namespace shardyard
