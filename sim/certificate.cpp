#include "sim/certificate.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace shardyard::sim {
namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;

void demand(bool done) {
  if (!done)
    throw std::runtime_error{"OpenSSL cannot make a self-signed certificate"};
}

void extend(X509* made, int what, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, made, made, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>> extension{
      X509V3_EXT_conf_nid(nullptr, &context, what, value)};
  demand(extension && X509_add_ext(made, extension.get(), -1) == 1);
}

std::string content_of(BIO* memory) {
  char* bytes = nullptr;
  auto size = BIO_get_mem_data(memory, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

} // namespace

certificate make_certificate() {
  key_ptr key{EVP_EC_gen("P-256")};
  x509_ptr made{X509_new()};
  demand(key && made);
  std::uint64_t serial = 0;
  demand(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -86400);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 30 * 86400);
  X509_set_pubkey(made.get(), key.get());
  auto* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("simulated gateway"), -1, -1, 0);
  X509_set_issuer_name(made.get(), name);
  extend(made.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(made.get(), NID_subject_key_identifier, "hash");
  extend(made.get(), NID_subject_alt_name, "IP:127.0.0.1,IP:::1,DNS:localhost");
  demand(X509_sign(made.get(), key.get(), EVP_sha256()) != 0);
  bio_ptr key_text{BIO_new(BIO_s_mem())}, certificate_text{BIO_new(BIO_s_mem())};
  demand(PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  demand(PEM_write_bio_X509(certificate_text.get(), made.get()) == 1);
  return {content_of(key_text.get()), content_of(certificate_text.get())};
}

} // namespace shardyard::sim
