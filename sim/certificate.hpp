// A throw-away key and self-signed certificate for 127.0.0.1, ::1 and localhost, so that clients check TLS as
// they would against Discord. Never written to disk but for the public part.
#pragma once

#include <string>

namespace shardyard::sim {

struct certificate {
  std::string key_pem;
  std::string certificate_pem; ///< its own authority: what a client has to trust
};

/// Throws std::runtime_error when OpenSSL cannot make it.
certificate make_certificate();

} // namespace shardyard::sim
