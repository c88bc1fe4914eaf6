#include "apps/certs.hpp"

#include "net/peer_door.hpp"
#include "net/tls_files.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace shardyard {
namespace {

namespace fs = std::filesystem;
using net::check_tls_files;
using net::tls_files;
using net::tls_role;

/// A folder of its own with an authority in it.
class certs : public testing::Test {
protected:
  certs() : folder_(fs::temp_directory_path() / ("certs-test-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    order(certificate_kind::authority);
  }
  ~certs() override { fs::remove_all(folder_); }

  certificate_files order(certificate_kind kind, const std::string& name = {}, const std::string& sub = "own",
                          bool force = false) {
    return make_certificate(
        {.kind = kind, .folder = (folder_ / sub).string(), .name = name, .days = 30, .force = force});
  }
  tls_files node(const std::string& name, const std::string& sub = "own") {
    auto made = order(certificate_kind::node, name, sub);
    return {ca(sub), made.certificate, made.key};
  }
  std::string ca(const std::string& sub = "own") const { return (folder_ / sub / "ca.pem").string(); }

  static std::string problem(const tls_files& files, tls_role role = tls_role::node) {
    auto all = check_tls_files(files, role);
    return all.empty() ? "" : all.front();
  }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

  fs::path folder_;
};

mode_t mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

TEST_F(certs, what_is_made_is_what_a_node_accepts) {
  auto a = node("a");
  EXPECT_EQ(problem(a), "");
  EXPECT_EQ(mode_of(a.key), 0600u);
  EXPECT_EQ(mode_of((folder_ / "own/ca.key").string()), 0600u);
}

TEST_F(certs, an_admin_certificate_is_good_for_commands_and_not_for_a_node) {
  auto made = order(certificate_kind::admin);
  tls_files admin{ca(), made.certificate, made.key};
  EXPECT_EQ(problem(admin, tls_role::admin), "");
  EXPECT_TRUE(has(problem(admin), "not one for a node"));
}

TEST_F(certs, nothing_is_replaced_unasked) {
  auto a = node("a");
  EXPECT_THROW(order(certificate_kind::node, "a"), std::runtime_error);
  EXPECT_THROW(order(certificate_kind::authority), std::runtime_error);
  EXPECT_EQ(problem(a), "");
  order(certificate_kind::node, "a", "own", true);
  EXPECT_EQ(problem(a), "");
}

TEST_F(certs, names_that_would_leave_the_folder_or_meet_another_file_are_refused) {
  for (auto name : {"", "../a", "a/b", ".hidden", "ca", "admin"})
    EXPECT_THROW(order(certificate_kind::node, name), std::runtime_error) << name;
}

TEST_F(certs, without_an_authority_the_way_to_make_one_is_told) {
  try {
    order(certificate_kind::node, "a", "nowhere");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_TRUE(has(error.what(), "shardyard certs init")) << error.what();
  }
}

TEST_F(certs, each_wrong_file_is_named_with_what_is_wrong) {
  auto a = node("a");
  auto b = node("b");
  order(certificate_kind::authority, "", "other");
  EXPECT_TRUE(has(problem({ca("other"), a.certificate, a.key}), "not signed by a CA in '" + ca("other")));
  EXPECT_TRUE(has(problem({a.ca, a.certificate, b.key}), "does not belong to the certificate"));
  EXPECT_TRUE(has(problem({a.ca, a.certificate + ".gone", a.key}), "No such file"));
  EXPECT_TRUE(has(problem({a.ca, a.key, a.key}), "holds no certificate"));
  EXPECT_TRUE(has(problem({a.ca, a.certificate, a.certificate}), "holds no private key") ||
              has(problem({a.ca, a.certificate, a.certificate}), "chmod 600"));
  ::chmod(a.key.c_str(), 0640);
  EXPECT_TRUE(has(problem(a), "chmod 600 " + a.key));
}

TEST_F(certs, two_authorities_in_one_file_are_both_trusted) {
  auto old = node("a");
  order(certificate_kind::authority, "", "new");
  auto renewed = node("a", "new");
  auto both = (folder_ / "both.pem").string();
  std::ofstream{both} << std::ifstream{ca()}.rdbuf() << std::ifstream{ca("new")}.rdbuf();
  EXPECT_EQ(problem({both, old.certificate, old.key}), "");
  EXPECT_EQ(problem({both, renewed.certificate, renewed.key}), "");
}

/// A TCP connection that says nothing.
class stranger_socket {
public:
  explicit stranger_socket(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect");
  }
  stranger_socket(stranger_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~stranger_socket() { ::close(fd_); }

  /// Waits for the end of the connection.
  bool ended() const {
    char byte = 0;
    return ::read(fd_, &byte, 1) <= 0;
  }

private:
  int fd_;
};

/// A door of node "a", and the dials of others to it.
class door : public certs {
protected:
  using tls_ptr = std::shared_ptr<const net::peer_tls>;

  static tls_ptr of(const tls_files& files, const std::string& protocol = "test/1") {
    return std::make_shared<net::peer_tls>(files, protocol, std::vector<std::string>{protocol});
  }
  std::string dial(const tls_ptr& as) {
    std::string why;
    auto peer = net::dial_peer(*as, "127.0.0.1", door_->port(), std::chrono::seconds(10), nullptr, why);
    return peer.fd >= 0 ? peer.name : why;
  }
  void open(net::peer_door_limits limits = {}) {
    net::peer_door::callbacks calls;
    calls.arrived = [this](net::peer_socket peer) { arrived_.set_value(peer.name); };
    calls.refused = [this](const std::string&, const std::string& why) {
      if (!told_.exchange(true))
        reason_.set_value(why);
    };
    door_ = std::make_unique<net::peer_door>(of(node("a")), links_, "127.0.0.1", 0, std::move(calls), limits);
  }

  std::promise<std::string> arrived_;
  std::atomic<bool> told_ = false;
  std::promise<std::string> reason_;
  std::shared_ptr<net::link_table> links_ = std::make_shared<net::link_table>("a");
  std::unique_ptr<net::peer_door> door_;
};

TEST_F(door, lets_a_peer_of_the_cluster_in_and_both_know_whom_they_met) {
  open();
  EXPECT_EQ(dial(of(node("b"))), "a");
  EXPECT_EQ(arrived_.get_future().get(), "b");
}

TEST_F(door, refuses_another_authority_and_says_so_on_both_sides) {
  open();
  order(certificate_kind::authority, "", "other");
  auto stranger = node("b", "other");
  stranger.ca = ca(); // trusts us, but we do not trust it
  EXPECT_TRUE(has(dial(of(stranger)), "unknown ca")) << "the dialling side learns the reason";
  EXPECT_TRUE(has(reason_.get_future().get(), "its certificate is refused"));
}

TEST_F(door, refuses_another_protocol_and_says_so_on_both_sides) {
  open();
  EXPECT_TRUE(has(dial(of(node("b"), "test/2")), "another cluster"));
  EXPECT_TRUE(has(reason_.get_future().get(), "another cluster"));
}

TEST_F(door, is_not_taken_for_an_admin_nor_dials_one) {
  auto made = order(certificate_kind::admin);
  tls_files admin{ca(), made.certificate, made.key};
  net::peer_door served{of(admin), links_, "127.0.0.1", 0, {[](net::peer_socket) {}, [](auto&, auto&) {}},
                        {}};
  std::string why;
  net::dial_peer(*of(node("b")), "127.0.0.1", served.port(), std::chrono::seconds(10), nullptr, why);
  EXPECT_TRUE(has(why, "its certificate is refused")) << why;
}

TEST_F(door, shows_silent_strangers_out_when_their_time_is_over) {
  open({.handshake = std::chrono::milliseconds(50)});
  stranger_socket silent{door_->port()};
  EXPECT_TRUE(has(reason_.get_future().get(), "in time"));
  EXPECT_TRUE(silent.ended());
}

TEST_F(door, lets_an_honest_peer_in_while_strangers_hold_every_place) {
  open({.handshake = std::chrono::minutes(10), .handshakes = 3});
  std::vector<stranger_socket> strangers;
  for (int i = 0; i < 3; ++i)
    strangers.emplace_back(door_->port());
  EXPECT_EQ(dial(of(node("b"))), "a");
  EXPECT_TRUE(strangers.front().ended()) << "the oldest gives way";
}

} // namespace
} // namespace shardyard
