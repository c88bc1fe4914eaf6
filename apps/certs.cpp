#include "apps/certs.hpp"

#include "net/openssl_ptr.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace shardyard {
namespace {

namespace fs = std::filesystem;

using net::bio_ptr;
using net::freed_by;
using net::key_ptr;
using net::x509_ptr;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;

constexpr long seconds_per_day = 86400;
constexpr long clock_skew_s = 3600; ///< hosts whose clock is behind take a new certificate at once
constexpr auto key_mode = S_IRUSR | S_IWUSR;
constexpr auto certificate_mode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;

[[noreturn]] void fail(const std::string& text) {
  throw std::runtime_error(text);
}

void demand(bool done) {
  if (!done)
    fail("OpenSSL cannot make the certificate: " + std::string{ERR_reason_error_string(ERR_peek_error())
                                                                   ? ERR_reason_error_string(ERR_get_error())
                                                                   : "?"});
}

struct signer {
  x509_ptr certificate;
  key_ptr key;
};

void extend(X509* made, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, made, nullptr, nullptr, 0);
  extension_ptr extension{X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str())};
  demand(extension && X509_add_ext(made, extension.get(), -1) == 1);
}

void set_subject(X509* made, const std::string& unit, const std::string& name) {
  auto* subject = X509_get_subject_name(made);
  auto add = [subject](const char* field, const std::string& value) {
    demand(X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(value.data()),
                                      static_cast<int>(value.size()), -1, 0) == 1);
  };
  add("O", "Shardyard cluster");
  add("OU", unit);
  add("CN", name);
}

void set_serial(X509* made) {
  // RFC 5280, section 4.1.2.2: positive, at most 20 bytes.
  std::array<unsigned char, 16> bytes{};
  demand(RAND_bytes(bytes.data(), bytes.size()) == 1);
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);
  std::unique_ptr<BIGNUM, freed_by<BN_free>> number{BN_bin2bn(bytes.data(), bytes.size(), nullptr)};
  demand(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(made)) != nullptr);
}

void set_validity(X509* made, std::uint32_t days, const X509* issuer) {
  demand(X509_gmtime_adj(X509_getm_notBefore(made), -clock_skew_s) != nullptr);
  demand(X509_gmtime_adj(X509_getm_notAfter(made), static_cast<long>(days) * seconds_per_day) != nullptr);
  if (issuer != nullptr && ASN1_TIME_compare(X509_get0_notAfter(issuer), X509_get0_notAfter(made)) < 0)
    demand(X509_set1_notAfter(made, X509_get0_notAfter(issuer)) == 1);
}

bool is_address(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool is_plain(std::string_view name) {
  auto allowed = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '.' && std::ranges::all_of(name, allowed);
}

std::string alternative_names(const certificate_order& order) {
  auto result = "DNS:" + order.name;
  for (auto& host : order.hosts) {
    if (!is_address(host) && !is_plain(host))
      fail("--host " + host + " is neither an address nor a host name");
    result += (is_address(host) ? ",IP:" : ",DNS:") + host;
  }
  return result;
}

signer make(const certificate_order& order, const signer* authority) {
  signer made{x509_ptr{X509_new()}, key_ptr{EVP_EC_gen("P-256")}};
  demand(made.certificate && made.key);
  auto* x = made.certificate.get();
  auto* issuer = authority ? authority->certificate.get() : x;
  demand(X509_set_version(x, X509_VERSION_3) == 1 && X509_set_pubkey(x, made.key.get()) == 1);
  set_serial(x);
  set_validity(x, order.days, authority ? issuer : nullptr);
  auto unit = order.kind == certificate_kind::authority ? "authority"
              : order.kind == certificate_kind::node    ? "node"
                                                        : "admin";
  set_subject(x, unit, order.name);
  demand(X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1);
  extend(x, issuer, NID_subject_key_identifier, "hash");
  if (!authority) {
    extend(x, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    extend(x, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    extend(x, issuer, NID_authority_key_identifier, "keyid:always");
    extend(x, issuer, NID_basic_constraints, "critical,CA:FALSE");
    extend(x, issuer, NID_key_usage, "critical,digitalSignature");
    extend(x, issuer, NID_ext_key_usage,
           order.kind == certificate_kind::node ? "serverAuth,clientAuth" : "clientAuth");
  }
  if (order.kind == certificate_kind::node)
    extend(x, issuer, NID_subject_alt_name, alternative_names(order));
  demand(X509_sign(x, authority ? authority->key.get() : made.key.get(), EVP_sha256()) != 0);
  return made;
}

signer read_authority(const std::string& folder) {
  auto pem = folder + "/ca.pem", key = folder + "/ca.key";
  bio_ptr pem_file{BIO_new_file(pem.c_str(), "r")}, key_file{BIO_new_file(key.c_str(), "r")};
  signer result;
  if (pem_file && key_file) {
    result.certificate.reset(PEM_read_bio_X509(pem_file.get(), nullptr, nullptr, nullptr));
    result.key.reset(PEM_read_bio_PrivateKey(key_file.get(), nullptr, nullptr, nullptr));
  }
  ERR_clear_error();
  if (!result.certificate || !result.key)
    fail("there is no certificate authority in '" + folder + "' (" + pem + ", " + key +
         "); make one with 'shardyard certs init --dir " + folder + "', or name its folder with --dir");
  // ca.pem may hold several certificates while one authority replaces another: the first is the one that
  // signs.
  if (X509_check_private_key(result.certificate.get(), result.key.get()) != 1)
    fail(key + " does not belong to the first certificate in " + pem +
         "; put the one that it belongs to first");
  if (X509_cmp_current_time(X509_get0_notAfter(result.certificate.get())) < 0)
    fail("the authority in " + pem +
         " has expired; make a new one with 'shardyard certs init' in another folder");
  return result;
}

std::string text_of(BIO* memory) {
  char* bytes = nullptr;
  auto size = BIO_get_mem_data(memory, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      throw std::system_error(errno, std::generic_category());
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Under another name first: a reader sees the old file or the whole new one.
void write_file(const std::string& path, std::string_view text, mode_t mode) {
  auto temporary = path + ".new";
  ::unlink(temporary.c_str());
  auto fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0)
    fail("cannot write " + path + ": " + std::generic_category().message(errno));
  try {
    write_all(fd, text);
  } catch (const std::system_error& error) {
    ::close(fd);
    ::unlink(temporary.c_str());
    fail("cannot write " + path + ": " + error.code().message());
  }
  ::fsync(fd);
  ::close(fd);
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    fail("cannot write " + path + ": " + std::generic_category().message(errno));
}

std::string day_of(const ASN1_TIME* time) {
  std::tm parts{};
  demand(ASN1_TIME_to_tm(time, &parts) == 1);
  char text[16] = {};
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

certificate_files paths_of(const certificate_order& order) {
  auto stem = order.kind == certificate_kind::authority ? "ca"
              : order.kind == certificate_kind::admin   ? "admin"
                                                        : order.name;
  return {order.folder + "/" + stem + ".pem", order.folder + "/" + stem + ".key", {}};
}

void check(const certificate_order& order, const certificate_files& files) {
  if (order.kind == certificate_kind::node) {
    if (!is_plain(order.name))
      fail("'" + order.name + "' cannot be a node's name: 1 to 64 letters, digits, '-', '_' or '.'");
    if (order.name == "ca" || order.name == "admin")
      fail("a node named '" + order.name + "' would share the files of the " + order.name +
           "; choose another name");
  }
  if (order.days == 0)
    fail("--days must be at least 1");
  if (order.force)
    return;
  for (auto& path : {files.certificate, files.key})
    if (fs::exists(path))
      fail(path + " is there already and is not replaced; --force replaces it" +
           (order.kind == certificate_kind::authority ? ", and no certificate that it signed is trusted then"
                                                      : ""));
}

void make_folder(const std::string& folder) {
  std::error_code error;
  if (fs::create_directories(folder, error))
    fs::permissions(folder, fs::perms::owner_all, error);
  if (error)
    fail("cannot make the folder " + folder + ": " + error.message());
}

} // namespace

certificate_files make_certificate(const certificate_order& order) {
  auto named = order;
  if (order.kind == certificate_kind::authority)
    named.name = "Shardyard cluster authority";
  else if (order.kind == certificate_kind::admin)
    named.name = "admin";
  auto files = paths_of(named);
  check(named, files);
  auto is_authority = order.kind == certificate_kind::authority;
  auto authority = is_authority ? signer{} : read_authority(order.folder);
  auto made = make(named, is_authority ? nullptr : &authority);
  bio_ptr pem{BIO_new(BIO_s_mem())}, key{BIO_new(BIO_s_secmem())};
  demand(pem && key && PEM_write_bio_X509(pem.get(), made.certificate.get()) == 1);
  demand(PEM_write_bio_PrivateKey(key.get(), made.key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  make_folder(order.folder);
  write_file(files.key, text_of(key.get()), key_mode);
  write_file(files.certificate, text_of(pem.get()), certificate_mode);
  files.valid_until = day_of(X509_get0_notAfter(made.certificate.get()));
  return files;
}

} // namespace shardyard
