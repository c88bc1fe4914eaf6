// TLS 1.3 with a certificate made at the start of the process: for 127.0.0.1 and localhost, its own
// authority. Owns key and settings; nothing of it outlives the process but the certificate that clients are
// told to trust.
#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

namespace shardyard::bench {

struct tls_freed {
  void operator()(SSL* x) const { SSL_free(x); }
  void operator()(SSL_CTX* x) const { SSL_CTX_free(x); }
};
using tls_settings = std::unique_ptr<SSL_CTX, tls_freed>;
using tls_connection = std::unique_ptr<SSL, tls_freed>;

/// Server settings with a fresh certificate, which is written as PEM to `ca_file`. Throws std::runtime_error.
tls_settings make_server_settings(const std::string& ca_file);

} // namespace shardyard::bench
