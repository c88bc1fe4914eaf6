#include "actors/node/peer_links_actor.hpp"

#include "actors/node/tls_scribe_actor.hpp"
#include "messages/control.hpp"
#include "net/link_table.hpp"
#include "net/peer_door.hpp"
#include "net/tcp_probe.hpp"

#include <caf/io/all.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/scoped_actor.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>
#include <vector>

namespace shardyard {

using std::chrono::milliseconds;
using std::chrono::seconds;
using steady = std::chrono::steady_clock;

namespace {

constexpr auto handshake_deadline = milliseconds(3000);
constexpr auto greeting_timeout = seconds(3); ///< of CAF's own handshake, behind that of TLS

std::string node_protocol(const std::string& cluster) {
  return "shardyard/" + std::to_string(protocol_version) + "/" + cluster;
}

std::string admin_protocol() {
  return "shardyard-admin/" + std::to_string(protocol_version);
}

/// Strangers cannot fill the log: some lines per interval, then a count.
class refusal_log {
public:
  void note(const std::string& address, const std::string& why) {
    auto now = steady::now();
    if (now - began_ > interval) {
      if (left_out_ > 0)
        spdlog::warn("{} more connections were refused", left_out_);
      began_ = now;
      lines_ = left_out_ = 0;
    }
    if (++lines_ > max_lines)
      ++left_out_;
    else
      spdlog::warn("connection from {} refused: {}", address, why);
  }

private:
  static constexpr auto interval = seconds(10);
  static constexpr int max_lines = 20;
  steady::time_point began_{};
  int lines_ = 0, left_out_ = 0;
};

caf::actor basp_of(caf::actor_system& system) {
  return system.middleman().named_broker<caf::io::basp_broker>("BASP");
}

std::set<std::string> node_interface(caf::actor_system& system) {
  return system.message_types(caf::detail::type_list<node_actor>{});
}

} // namespace

struct peer_links::secured_doors {
  std::shared_ptr<const net::peer_tls> tls;
  std::shared_ptr<net::link_table> links; ///< null: an operator's command
  std::vector<std::unique_ptr<net::peer_door>> doors;
};

peer_links::peer_links(caf::actor_system& system, const net::tls_files& files, const std::string& cluster,
                       const std::string& node)
    : system_(system) {
  if (files.empty())
    return;
  auto offered = cluster.empty() ? admin_protocol() : node_protocol(cluster);
  tls_ = std::make_shared<secured_doors>();
  if (!node.empty())
    tls_->links = std::make_shared<net::link_table>(node);
  tls_->tls = std::make_shared<net::peer_tls>(files, offered, std::vector{offered, admin_protocol()});
  std::signal(SIGPIPE, SIG_IGN); // OpenSSL writes without MSG_NOSIGNAL
}

peer_links::~peer_links() = default;

std::uint16_t peer_links::publish(const node_actor& node, const std::string& host, std::uint16_t port) {
  auto failed = [&](const std::string& why) {
    return std::runtime_error("cannot listen on " + host + ":" + std::to_string(port) + ": " + why +
                              "; choose another node.listen");
  };
  if (!tls_) {
    auto opened = system_.middleman().publish(node, port, host.c_str(), true);
    if (!opened)
      throw failed(caf::to_string(opened.error()));
    return *opened;
  }
  // CAF tells the arriving peer which actor is published at this number; the door's thread needs it before
  // the constructor of the door returns it.
  auto number = std::make_shared<std::promise<std::uint16_t>>();
  auto listening = number->get_future().share();
  auto target = caf::actor_cast<caf::strong_actor_ptr>(node);
  net::peer_door::callbacks calls;
  calls.arrived = [&system = system_, basp = basp_of(system_), target, listening](net::peer_socket peer) {
    caf::anon_send(basp, caf::publish_atom_v, make_tls_scribe(system, std::move(peer)), listening.get(),
                   target, node_interface(system));
  };
  calls.refused = [log = std::make_shared<refusal_log>()](
                      const std::string& address, const std::string& why) { log->note(address, why); };
  try {
    tls_->doors.push_back(
        std::make_unique<net::peer_door>(tls_->tls, tls_->links, host, port, std::move(calls)));
  } catch (const std::exception& error) {
    throw failed(error.what());
  }
  number->set_value(tls_->doors.back()->port());
  return tls_->doors.back()->port();
}

node_actor peer_links::reach(const std::string& host, std::uint16_t port, std::string& why) {
  return tls_ ? reach_secured(host, port, why) : reach_plain(host, port, why);
}

node_actor peer_links::reach_plain(const std::string& host, std::uint16_t port, std::string& why) {
  if (why = net::tcp_probe(host, port, net::tcp_probe_deadline); !why.empty())
    return {};
  auto node = system_.middleman().remote_actor<node_actor>(host, port);
  if (node)
    return std::move(*node);
  why =
      "not a node of this version, or one that asks for certificates (" + caf::to_string(node.error()) + ")";
  return {};
}

node_actor peer_links::reach_secured(const std::string& host, std::uint16_t port, std::string& why) {
  auto peer = net::dial_peer(*tls_->tls, host, port, handshake_deadline, tls_->links.get(), why);
  if (peer.fd < 0)
    return {};
  node_actor result;
  caf::scoped_actor self{system_};
  self->request(basp_of(system_), greeting_timeout, caf::connect_atom_v,
                make_tls_scribe(system_, std::move(peer)), port)
      .receive(
          [&](const caf::node_id&, caf::strong_actor_ptr& handle, const std::set<std::string>& offers) {
            if (handle && system_.assignable(offers, node_interface(system_)))
              result = caf::actor_cast<node_actor>(std::move(handle));
            else
              why = "it is no node of this version";
          },
          [&](caf::error& error) { why = "it does not greet as a node does: " + caf::to_string(error); });
  return result;
}

} // namespace shardyard
