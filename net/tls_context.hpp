// OpenSSL's settings for connections to Discord: TLS 1.2 or newer, server certificate and host name checked.
// One SSL_CTX is shared by all connections with the same authorities, because the system's list of
// authorities alone takes about 2 MB.
#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

namespace shardyard::net {

class tls_context {
public:
  /// `ca_file`: PEM file with the authorities to trust instead of the system's; empty: the system's.
  /// Throws std::runtime_error when it cannot be read.
  explicit tls_context(const std::string& ca_file);

  /// The context that live connections with this `ca_file` share. Thread-safe. Throws like the constructor.
  static std::shared_ptr<tls_context> shared(const std::string& ca_file);

  struct freed {
    void operator()(SSL* connection) const { SSL_free(connection); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  using connection = std::unique_ptr<SSL, freed>;

  /// A client connection over the socket `fd` that accepts only certificates for `host`.
  connection connect(int fd, const std::string& host) const;

private:
  std::unique_ptr<SSL_CTX, freed> context_;
};

/// OpenSSL's oldest queued error as text; empties the queue.
std::string tls_error();

} // namespace shardyard::net
