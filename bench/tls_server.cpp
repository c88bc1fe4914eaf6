#include "bench/tls_server.hpp"

#include <cstdio>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace shardyard::bench {
namespace {

struct key_freed {
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
  void operator()(X509* x) const { X509_free(x); }
};

void add_extension(X509* certificate, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  auto extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
  if (extension == nullptr)
    throw std::runtime_error{"cannot make the certificate"};
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

} // namespace

tls_settings make_server_settings(const std::string& ca_file) {
  std::unique_ptr<EVP_PKEY, key_freed> key{EVP_EC_gen("P-256")};
  std::unique_ptr<X509, key_freed> certificate{X509_new()};
  if (!key || !certificate)
    throw std::runtime_error{"cannot make a key"};
  auto x = certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 86400);
  X509_set_pubkey(x, key.get());
  auto name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("shardyard bench"), -1, -1, 0);
  X509_set_issuer_name(x, name);
  add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(x, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  if (X509_sign(x, key.get(), EVP_sha256()) == 0)
    throw std::runtime_error{"cannot sign the certificate"};

  tls_settings settings{SSL_CTX_new(TLS_server_method())};
  if (!settings || SSL_CTX_use_certificate(settings.get(), x) != 1 ||
      SSL_CTX_use_PrivateKey(settings.get(), key.get()) != 1)
    throw std::runtime_error{"cannot set up TLS"};
  SSL_CTX_set_min_proto_version(settings.get(), TLS1_3_VERSION);

  auto file = std::fopen(ca_file.c_str(), "w");
  auto written = file != nullptr && PEM_write_X509(file, x) == 1;
  if (file != nullptr && std::fclose(file) != 0)
    written = false;
  if (!written)
    throw std::runtime_error{"cannot write " + ca_file};
  return settings;
}

} // namespace shardyard::bench
