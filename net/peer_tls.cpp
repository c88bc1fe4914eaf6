#include "net/peer_tls.hpp"

#include <algorithm>
#include <stdexcept>
#include <unistd.h>
#include <utility>

#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace shardyard::net {
namespace {

// RFC 7301, section 3.1: each name is preceded by its length.
std::string as_offer(const std::string& protocol) {
  return std::string(1, static_cast<char>(protocol.size())) + protocol;
}

std::string chosen_protocol(SSL* tls) {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(tls, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

} // namespace

peer_socket& peer_socket::operator=(peer_socket&& other) noexcept {
  std::swap(fd, other.fd);
  std::swap(tls, other.tls);
  std::swap(name, other.name);
  std::swap(address, other.address);
  std::swap(node, other.node);
  std::swap(held, other.held);
  return *this;
}

peer_socket::~peer_socket() {
  held.reset();
  if (fd >= 0)
    ::close(fd);
}

peer_tls::peer_tls(const tls_files& files, std::string offered, std::vector<std::string> accepted)
    : context_(SSL_CTX_new(TLS_method())), offered_(std::move(offered)), accepted_(std::move(accepted)) {
  auto* ctx = context_.get();
  auto demand = [](bool done, const std::string& what) {
    if (!done)
      throw std::runtime_error{"TLS: " + what + ": " + tls_error()};
  };
  demand(ctx != nullptr, "no context");
  demand(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1, "TLS 1.3");
  demand(SSL_CTX_load_verify_locations(ctx, files.ca.c_str(), nullptr) == 1, files.ca);
  demand(SSL_CTX_use_certificate_chain_file(ctx, files.certificate.c_str()) == 1, files.certificate);
  demand(SSL_CTX_use_PrivateKey_file(ctx, files.key.c_str(), SSL_FILETYPE_PEM) == 1, files.key);
  demand(SSL_CTX_check_private_key(ctx) == 1, files.key);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // Sessions are not resumed: each connection proves anew that its certificate is valid today.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(ctx, 0);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // The quickest on processors with AES instructions first: a link carries every event of the other host's
  // guilds.
  demand(SSL_CTX_set_ciphersuites(
             ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1,
         "the cipher suites");
  auto offer = as_offer(offered_);
  demand(SSL_CTX_set_alpn_protos(ctx, reinterpret_cast<const unsigned char*>(offer.data()),
                                 static_cast<unsigned int>(offer.size())) == 0,
         "the protocol name '" + offered_ + "'");
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, this);
}

int peer_tls::choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                              const unsigned char* offers, unsigned int size, void* self) {
  auto& accepted = static_cast<const peer_tls*>(self)->accepted_;
  for (unsigned int at = 0; at < size && at + 1 + offers[at] <= size; at += 1 + offers[at]) {
    std::string_view name{reinterpret_cast<const char*>(offers) + at + 1, offers[at]};
    if (std::ranges::find(accepted, name) == accepted.end())
      continue;
    *out = offers + at + 1;
    *out_size = offers[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

tls_context::connection peer_tls::accept(int fd) const {
  tls_context::connection tls{SSL_new(context_.get())};
  if (!tls || SSL_set_fd(tls.get(), fd) != 1)
    return nullptr;
  SSL_set_accept_state(tls.get());
  return tls;
}

tls_context::connection peer_tls::dial(int fd) const {
  tls_context::connection tls{SSL_new(context_.get())};
  if (!tls || SSL_set_fd(tls.get(), fd) != 1)
    return nullptr;
  SSL_set_connect_state(tls.get());
  return tls;
}

std::string peer_tls::refusal(SSL* tls) {
  auto code = ERR_peek_error();
  auto verdict = SSL_get_verify_result(tls);
  auto text = tls_error();
  if (ERR_GET_LIB(code) != ERR_LIB_SSL)
    return "it closed the connection during the handshake";
  switch (ERR_GET_REASON(code)) {
  case SSL_R_CERTIFICATE_VERIFY_FAILED:
    return std::string{"its certificate is refused: "} + X509_verify_cert_error_string(verdict);
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    return "it shows no certificate";
  case SSL_R_NO_APPLICATION_PROTOCOL:
    return "it is of another cluster or speaks another version of the protocol";
  case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
    return "it refuses us: it is of another cluster or speaks another version of the protocol";
  case SSL_R_UNSUPPORTED_PROTOCOL:
  case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    return "it does not speak TLS 1.3";
  case SSL_R_UNEXPECTED_EOF_WHILE_READING:
    return "it closed the connection during the handshake";
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_HTTP_REQUEST:
    return "it does not speak TLS";
  default:
    // Reasons above SSL_AD_REASON_OFFSET are alerts that the peer sent.
    return (ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET ? "it refuses our certificate or offer: "
                                                        : "the TLS handshake failed: ") +
           text;
  }
}

std::string peer_tls::objection(SSL* tls, bool dialled) const {
  if (SSL_get_verify_result(tls) != X509_V_OK || SSL_get0_peer_certificate(tls) == nullptr)
    return "it shows no valid certificate";
  auto chosen = chosen_protocol(tls);
  auto known = dialled ? chosen == offered_ : std::ranges::find(accepted_, chosen) != accepted_.end();
  return known ? "" : "it does not say which cluster and version of the protocol it is of";
}

std::string peer_tls::peer_name(SSL* tls) {
  auto* shown = SSL_get0_peer_certificate(tls);
  char name[256] = {};
  if (shown != nullptr)
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
  return name;
}

} // namespace shardyard::net
