#include "net/tls_files.hpp"

#include "net/openssl_ptr.hpp"

#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace shardyard::net {
namespace {

using store_ptr = std::unique_ptr<X509_STORE, freed_by<X509_STORE_free>>;
using store_context_ptr = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>>;

constexpr auto make_anew = "; 'shardyard certs' makes new ones";

class file_check {
public:
  file_check(const tls_files& files, tls_role role) : files_(files), role_(role) {}

  std::vector<std::string> run() {
    auto authorities = read_certificates(files_.ca, "CA file");
    auto own = read_certificates(files_.certificate, "certificate file");
    auto key = read_key();
    if (own.empty())
      return std::move(problems_);
    if (key && X509_check_private_key(own.front().get(), key.get()) != 1)
      fail("key file '" + files_.key + "' does not belong to the certificate in '" + files_.certificate +
           "'; name the pair that was made together");
    ERR_clear_error();
    if (!authorities.empty())
      check_signature(authorities, own);
    return std::move(problems_);
  }

private:
  void fail(std::string text) { problems_.push_back(std::move(text)); }

  bool is_there(const std::string& path, const std::string& what) {
    auto fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0 || S_ISDIR(status.st_mode)) {
      auto why = fd < 0 ? std::generic_category().message(errno) : std::string{"it is a folder"};
      fail("cannot read the " + what + " '" + path + "': " + why + make_anew);
      if (fd >= 0)
        ::close(fd);
      return false;
    }
    mode_ = status.st_mode;
    ::close(fd);
    return true;
  }

  std::vector<x509_ptr> read_certificates(const std::string& path, const std::string& what) {
    std::vector<x509_ptr> result;
    if (!is_there(path, what))
      return result;
    bio_ptr file{BIO_new_file(path.c_str(), "r")};
    while (file) {
      x509_ptr next{PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr)};
      if (!next)
        break;
      result.push_back(std::move(next));
    }
    ERR_clear_error();
    if (result.empty())
      fail("the " + what + " '" + path + "' holds no certificate in PEM form" + make_anew);
    return result;
  }

  key_ptr read_key() {
    if (!is_there(files_.key, "key file"))
      return nullptr;
    if ((mode_ & (S_IRWXG | S_IRWXO)) != 0)
      fail("the key file '" + files_.key +
           "' can be read or changed by other users of this machine; run: chmod 600 " + files_.key);
    bio_ptr file{BIO_new_file(files_.key.c_str(), "r")};
    auto no_passphrase = [](char*, int, int, void*) { return 0; };
    key_ptr key{file ? PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, nullptr) : nullptr};
    ERR_clear_error();
    if (!key)
      fail("the key file '" + files_.key + "' holds no private key in PEM form without passphrase" +
           make_anew);
    return key;
  }

  void check_signature(const std::vector<x509_ptr>& authorities, const std::vector<x509_ptr>& own) {
    store_ptr store{X509_STORE_new()};
    store_context_ptr context{X509_STORE_CTX_new()};
    for (auto& authority : authorities)
      X509_STORE_add_cert(store.get(), authority.get());
    std::unique_ptr<STACK_OF(X509), freed_by<[](STACK_OF(X509) * x) { sk_X509_free(x); }>> others{
        sk_X509_new_null()};
    for (std::size_t i = 1; i < own.size(); ++i)
      sk_X509_push(others.get(), own[i].get());
    for (auto purpose : {X509_PURPOSE_SSL_CLIENT, X509_PURPOSE_SSL_SERVER}) {
      if (purpose == X509_PURPOSE_SSL_SERVER && role_ == tls_role::admin)
        break;
      X509_STORE_CTX_init(context.get(), store.get(), own.front().get(), others.get());
      X509_STORE_CTX_set_purpose(context.get(), purpose);
      auto valid = X509_verify_cert(context.get()) == 1;
      auto error = X509_STORE_CTX_get_error(context.get());
      X509_STORE_CTX_cleanup(context.get());
      ERR_clear_error();
      if (!valid)
        return fail(verdict(error));
    }
  }

  std::string verdict(int error) const {
    auto subject = "the certificate in '" + files_.certificate + "' ";
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return subject + "has expired, or its CA has; make a new one with 'shardyard certs' and restart";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return subject + "is not valid yet; is this machine's clock right?";
    case X509_V_ERR_INVALID_PURPOSE:
      return subject + (role_ == tls_role::node
                            ? "is not one for a node (an admin certificate cannot serve); "
                              "make one with 'shardyard certs node NAME'"
                            : "may not be used by a client");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return subject + "is not signed by a CA in '" + files_.ca +
             "'; take both from the same 'shardyard certs'";
    default:
      return subject + "is not usable: " + X509_verify_cert_error_string(error);
    }
  }

  const tls_files& files_;
  tls_role role_;
  mode_t mode_ = 0;
  std::vector<std::string> problems_;
};

} // namespace

std::vector<std::string> check_tls_files(const tls_files& files, tls_role role) {
  return file_check{files, role}.run();
}

} // namespace shardyard::net
