// The server's side of TLS for clients that nobody here wrote: TLS 1.2 or newer, the operator's certificate,
// no certificate asked for in return. Thread-safe once made.
#pragma once

#include "net/tls_context.hpp"

#include <string>

namespace shardyard::net {

class server_tls {
public:
  /// PEM files: the certificate, followed by intermediate ones, and its key. Throws std::runtime_error that
  /// names the file and says what is wrong: not readable, no certificate or key, not a pair, not valid today.
  server_tls(const std::string& certificate_file, const std::string& key_file);

  /// A connection over `fd` whose handshake has not begun; null when out of memory.
  tls_context::connection accept(int fd) const;

private:
  std::unique_ptr<SSL_CTX, tls_context::freed> context_;
};

} // namespace shardyard::net
