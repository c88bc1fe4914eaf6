#include "net/tls_context.hpp"

#include <map>
#include <mutex>
#include <stdexcept>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace shardyard::net {
namespace {

// One read of the socket takes this much: many small TLS records at once.
constexpr std::size_t read_ahead_bytes = 32 << 10;

bool is_address(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

} // namespace

std::string tls_error() {
  auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0)
    return "connection closed";
  auto reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "TLS error " + std::to_string(code);
}

tls_context::tls_context(const std::string& ca_file) : context_(SSL_CTX_new(TLS_client_method())) {
  if (!context_)
    throw std::runtime_error{"TLS: " + tls_error()};
  auto ctx = context_.get();
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  // Idle connections hold no record buffers, and a wake-up costs one read of the socket instead of two per
  // record.
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(ctx, 1);
  SSL_CTX_set_default_read_buffer_len(ctx, read_ahead_bytes);
  auto loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(ctx)
                                : SSL_CTX_load_verify_locations(ctx, ca_file.c_str(), nullptr);
  if (loaded != 1) {
    auto why = tls_error();
    throw std::runtime_error{"TLS: cannot read certificate authorities" +
                             (ca_file.empty() ? std::string{} : " from " + ca_file) + ": " + why};
  }
}

std::shared_ptr<tls_context> tls_context::shared(const std::string& ca_file) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<tls_context>> known;
  std::lock_guard lock{mutex};
  auto& entry = known[ca_file];
  auto context = entry.lock();
  if (!context) {
    context = std::make_shared<tls_context>(ca_file);
    entry = context;
  }
  return context;
}

tls_context::connection tls_context::connect(int fd, const std::string& host) const {
  connection ssl{SSL_new(context_.get())};
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1)
    return nullptr;
  auto named = is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str()) == 1
                                : SSL_set1_host(ssl.get(), host.c_str()) == 1 &&
                                      SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1;
  if (!named)
    return nullptr;
  SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  SSL_set_connect_state(ssl.get());
  return ssl;
}

} // namespace shardyard::net
