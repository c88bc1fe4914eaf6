#include "net/server_tls.hpp"

#include <stdexcept>

#include <openssl/err.h>
#include <openssl/x509.h>

namespace shardyard::net {
namespace {

void demand(bool done, const std::string& what) {
  if (!done)
    throw std::runtime_error{"TLS: " + what + ": " + tls_error()};
}

void demand_valid_today(const X509* certificate, const std::string& file) {
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
    throw std::runtime_error{"TLS: the certificate in '" + file + "' has expired"};
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
    throw std::runtime_error{"TLS: the certificate in '" + file +
                             "' is not valid yet; is this machine's clock right?"};
}

/// RFC 7301: a client that offers protocols gets HTTP/1.1 or, if that is not among them, a clear refusal.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offers,
                    unsigned int size, void*) {
  static constexpr unsigned char spoken[] = "\x08http/1.1";
  auto* chosen = const_cast<unsigned char**>(out);
  auto found = SSL_select_next_proto(chosen, out_size, spoken, sizeof spoken - 1, offers, size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

} // namespace

server_tls::server_tls(const std::string& certificate_file, const std::string& key_file)
    : context_(SSL_CTX_new(TLS_server_method())) {
  auto* ctx = context_.get();
  ERR_clear_error();
  demand(ctx != nullptr, "no context");
  demand(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1, "TLS 1.2");
  demand(SSL_CTX_use_certificate_chain_file(ctx, certificate_file.c_str()) == 1,
         "cannot use the certificate in '" + certificate_file + "'");
  SSL_CTX_set_default_passwd_cb(ctx, [](char*, int, int, void*) { return 0; });
  // Compares with the certificate too.
  demand(SSL_CTX_use_PrivateKey_file(ctx, key_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_check_private_key(ctx) == 1,
         "cannot use the key in '" + key_file + "' with the certificate in '" + certificate_file + "'");
  demand_valid_today(SSL_CTX_get0_certificate(ctx), certificate_file);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // The quickest on processors with AES instructions first.
  demand(SSL_CTX_set_ciphersuites(
             ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1,
         "the cipher suites");
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, nullptr);
}

tls_context::connection server_tls::accept(int fd) const {
  tls_context::connection tls{SSL_new(context_.get())};
  if (!tls || SSL_set_fd(tls.get(), fd) != 1)
    return nullptr;
  SSL_set_accept_state(tls.get());
  return tls;
}

} // namespace shardyard::net
