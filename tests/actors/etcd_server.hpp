// A real etcd of one member for a test: on free loopback ports, in a folder of its own in memory; stopped,
// paused and started again as the test asks.
#pragma once

#include "net/tcp_probe.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace shardyard::testing {

class etcd_server {
  using path = std::filesystem::path;

public:
  /// Where the program is; empty: nowhere. `scripts/setup --etcd` brings it.
  static path program() {
    std::vector<path> places;
    if (auto* named = std::getenv("SHARDYARD_ETCD"))
      places.emplace_back(named);
    auto* cache = std::getenv("XDG_CACHE_HOME");
    auto* home = std::getenv("HOME");
    places.push_back((cache ? path{cache} : path{home ? home : "/"} / ".cache") /
                     "shardyard/etcd/usr/bin/etcd");
    places.emplace_back("/usr/bin/etcd");
    for (auto& x : places)
      if (std::filesystem::exists(x))
        return x;
    return {};
  }
  static std::string missing() {
    return program().empty() ? "etcd is not here: scripts/setup --etcd brings it" : "";
  }

  /// `tls`: speaks TLS only, and only to those who show a certificate of its authority.
  explicit etcd_server(bool tls = false) : tls_{tls} {
    std::filesystem::create_directories(folder_);
    if (tls)
      make_certificate();
    start();
  }
  ~etcd_server() {
    kill();
    std::filesystem::remove_all(folder_);
  }
  etcd_server(const etcd_server&) = delete;
  etcd_server& operator=(const etcd_server&) = delete;

  std::string url() const {
    return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
  }
  /// With tls: authority, server and client in one.
  std::string certificate() const { return folder_ / "cert.pem"; }
  std::string key() const { return folder_ / "key.pem"; }

  void start() {
    auto client = url();
    auto peer = "http://127.0.0.1:" + std::to_string(peer_port_);
    std::vector<std::string> arguments{program(),
                                       "--data-dir",
                                       folder_ / "etcd",
                                       "--logger",
                                       "zap",
                                       "--listen-client-urls",
                                       client,
                                       "--advertise-client-urls",
                                       client,
                                       "--listen-peer-urls",
                                       peer,
                                       "--initial-advertise-peer-urls",
                                       peer,
                                       "--initial-cluster",
                                       "default=" + peer,
                                       "--heartbeat-interval",
                                       "20",
                                       "--election-timeout",
                                       "200"};
    if (tls_)
      for (auto& x : std::vector<std::string>{"--cert-file", certificate(), "--key-file", key(),
                                              "--trusted-ca-file", certificate(), "--client-cert-auth"})
        arguments.push_back(x);
    std::vector<char*> argv;
    for (auto& x : arguments)
      argv.push_back(x.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      auto log = ::open((folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, 1);
      ::dup2(log, 2);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    for (int i = 0; i < 1000; ++i) {
      if (net::tcp_probe("127.0.0.1", port_, std::chrono::milliseconds(100)).empty())
        return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error{"etcd does not start"};
  }
  void kill() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void pause() {
    ::kill(pid_, SIGSTOP);
    ::waitpid(pid_, nullptr, WUNTRACED); // until it has really stopped
  }
  void resume() { ::kill(pid_, SIGCONT); }

private:
  void make_certificate() const {
    auto command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=etcd "
        "-addext subjectAltName=IP:127.0.0.1 -keyout " +
        key() + " -out " + certificate() + " 2>/dev/null";
    if (std::system(command.c_str()) != 0)
      throw std::runtime_error{"openssl made no certificate"};
  }

  static std::uint16_t free_port() {
    auto fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(fd);
    return ntohs(address.sin_port);
  }

  static inline int count_ = 0;
  path folder_ =
      (std::filesystem::exists("/dev/shm") ? path{"/dev/shm"} : std::filesystem::temp_directory_path()) /
      ("shardyard-etcd-" + std::to_string(::getpid()) + "-" + std::to_string(++count_));
  bool tls_ = false;
  std::uint16_t port_ = free_port();
  std::uint16_t peer_port_ = free_port();
  pid_t pid_ = 0;
};

} // namespace shardyard::testing
