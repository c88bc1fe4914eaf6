#include "apps/election.hpp"

#include "actors/coordinator/etcd_over_http.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <sys/stat.h>

namespace shardyard {

namespace {

/// The first line. A password that others can read is refused, like a key.
std::string read_password(const std::string& path) {
  if (path.empty())
    return {};
  struct stat state {};
  std::ifstream file{path};
  if (!file || ::stat(path.c_str(), &state) != 0)
    throw std::runtime_error{"cannot read store.password_file '" + path + "': " + std::strerror(errno)};
  if ((state.st_mode & 077) != 0)
    throw std::runtime_error{"store.password_file '" + path + "' can be read by others; chmod 600 it"};
  std::string line;
  std::getline(file, line);
  if (line.ends_with('\r'))
    line.pop_back();
  if (line.empty())
    throw std::runtime_error{"store.password_file '" + path + "' is empty"};
  return line;
}

} // namespace

std::shared_ptr<etcd_election> make_election(const node_config& config, std::uint16_t port) {
  auto& store = config.store;
  etcd_settings settings;
  settings.cluster = config.cluster.id;
  settings.prefix = store.prefix;
  settings.user = store.user;
  settings.password = read_password(store.password_file);
  settings.time_to_live = std::chrono::seconds{store.lease_s};
  settings.self = {config.node.name, config.node.listen.host, port, 0};
  auto connect = etcd_over_http({.endpoints = store.endpoints,
                                 .ca_file = store.ca_file,
                                 .certificate_file = store.certificate_file,
                                 .key_file = store.key_file});
  return std::make_shared<etcd_election>(std::move(connect), std::move(settings));
}

} // namespace shardyard
