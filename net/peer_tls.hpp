// Mutual TLS between the processes of a cluster: TLS 1.3 only, both sides show a certificate of the cluster's
// authority, and the application protocol (ALPN) names protocol version and cluster, so a stranger never gets
// as far as a message. After a good handshake the accepting side says which node it is (in TLS 1.3 the
// dialling side learns only then that its certificate was taken), the dialling side greets, and is let in or
// not (net/link_table.hpp). Both texts are a size byte and so many bytes.
#pragma once

#include "net/tls_context.hpp"
#include "net/tls_files.hpp"

#include <memory>
#include <string>
#include <vector>

namespace shardyard::net {

/// An open connection whose handshake is done; whoever holds it owns both.
struct peer_socket {
  peer_socket() = default;
  peer_socket(int fd, tls_context::connection tls, std::string name, std::string address)
      : fd(fd), tls(std::move(tls)), name(std::move(name)), address(std::move(address)) {}
  peer_socket(peer_socket&& other) noexcept { *this = std::move(other); }
  peer_socket& operator=(peer_socket&& other) noexcept;
  ~peer_socket(); ///< closes what it still owns

  int fd = -1; ///< non-blocking
  tls_context::connection tls;
  std::string name;           ///< common name in the peer's certificate
  std::string address;        ///< "host:port" of the other side
  std::string node;           ///< what the peer calls itself; empty: an operator's command
  std::shared_ptr<void> held; ///< to be dropped before the socket is closed
};

/// What this process offers when it dials and accepts when it is dialled. Thread-safe once made.
class peer_tls {
public:
  /// `offered`: the protocol named when dialling; `accepted`: those taken when dialled, `offered` usually
  /// among them. Throws std::runtime_error when a file is not usable (check_tls_files tells why).
  peer_tls(const tls_files& files, std::string offered, std::vector<std::string> accepted);
  peer_tls(const peer_tls&) = delete;
  peer_tls& operator=(const peer_tls&) = delete;

  /// A connection over `fd` whose handshake has not begun.
  tls_context::connection accept(int fd) const;
  tls_context::connection dial(int fd) const;

  /// After a failed handshake step: why, in words for an operator. Empties OpenSSL's error queue.
  static std::string refusal(SSL* tls);
  /// After the handshake: why the peer is refused all the same, or empty.
  std::string objection(SSL* tls, bool dialled) const;
  static std::string peer_name(SSL* tls);

private:
  static int choose_protocol(SSL* tls, const unsigned char** out, unsigned char* out_size,
                             const unsigned char* offers, unsigned int size, void* self);

  std::unique_ptr<SSL_CTX, tls_context::freed> context_;
  std::string offered_;
  std::vector<std::string> accepted_;
};

inline constexpr char peer_welcome = 'S', peer_linked = 'L', peer_unlinked = 'N';

} // namespace shardyard::net
