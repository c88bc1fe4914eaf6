#include "apps/certs.hpp"
#include "apps/run.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <stdexcept>

namespace shardyard {
namespace {

void explain(const certificate_order& order, const certificate_files& files) {
  auto& folder = order.folder;
  switch (order.kind) {
  case certificate_kind::authority:
    fmt::print("Next: shardyard certs node NAME --dir {0}, once per node; shardyard certs admin --dir {0}.\n"
               "Keep {1} off the hosts: whoever has it can make a member of the cluster.\n",
               folder, files.key);
    return;
  case certificate_kind::node:
    fmt::print("Copy {0}/ca.pem, {1} and {2} to the host, owned by the node's user, and name them:\n"
               "[tls]\nca_file = \"{0}/ca.pem\"\ncertificate_file = \"{1}\"\nkey_file = \"{2}\"\n",
               folder, files.certificate, files.key);
    return;
  case certificate_kind::admin:
    fmt::print("Use: shardyard status --tls {0}, or SHARDYARD_TLS={0} in the environment.\n"
               "It is trusted like a node: give it to nobody whom you would not give the cluster.\n",
               folder);
    return;
  }
}

} // namespace

int run_certs(const certs_command& command) {
  try {
    auto files = make_certificate(command.order);
    fmt::print("Written: {} (valid until {}), {} (for this user only)\n", files.certificate,
               files.valid_until, files.key);
    explain(command.order, files);
    return exit_done;
  } catch (const std::runtime_error& error) {
    fmt::print(stderr, "shardyard: {}\n", error.what());
    return exit_failed;
  }
}

} // namespace shardyard
