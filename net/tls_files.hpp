// The three files that make a process a member of a cluster: the cluster's authority, its own certificate and
// the key to it. Checked as a whole before anything is opened, so that a wrong file is an error at start and
// not a refused connection later.
#pragma once

#include <string>
#include <vector>

namespace shardyard::net {

/// PEM files. Either all three are named or none (no TLS).
struct tls_files {
  std::string ca;          ///< one or more certificates; whoever shows one signed by any of them is trusted
  std::string certificate; ///< own certificate, followed by intermediate ones if there are any
  std::string key;

  bool empty() const { return ca.empty() && certificate.empty() && key.empty(); }
  bool operator==(const tls_files&) const = default;
};

/// What a certificate is used for; decides which extended key usage it must allow.
enum class tls_role : unsigned char {
  node, ///< serves and dials: serverAuth and clientAuth
  admin ///< dials only: clientAuth
};

/// Each problem in one sentence: which file, what is wrong with it, what to do. Checked: the files exist and
/// can be read, the key is this user's alone (mode 0600 or stricter), it fits the certificate, the
/// certificate is valid today, is signed by the authority and may be used for `role`. Empty: all is well.
std::vector<std::string> check_tls_files(const tls_files& files, tls_role role);

} // namespace shardyard::net
