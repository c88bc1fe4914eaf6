// The private authority of a cluster and the certificates that it signs: PEM files in one folder, keys
// readable by their owner only. Promises never to replace a file unless told to, and to leave either a whole
// pair or none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shardyard {

enum class certificate_kind : std::uint8_t {
  authority, ///< ca.pem, ca.key: signs the others, kept off the hosts
  node,      ///< NAME.pem, NAME.key: may serve and dial (serverAuth, clientAuth; OU "node")
  admin      ///< admin.pem, admin.key: may only dial (clientAuth; OU "admin")
};

struct certificate_order {
  certificate_kind kind = certificate_kind::node;
  std::string folder = "certs";
  std::string name;               ///< of a node; letters, digits, '-', '_', '.'
  std::vector<std::string> hosts; ///< addresses or host names, as alternative names in the certificate
  std::uint32_t days = 365;       ///< from now; ends with the authority at the latest
  bool force = false;             ///< replace files that are there
};

struct certificate_files {
  std::string certificate;
  std::string key;
  std::string valid_until; ///< "2027-11-22"
};

/// Makes what is ordered. Throws std::runtime_error with the reason and what to do: files in the way, no
/// authority in the folder, a name that cannot be, a folder that cannot be written.
certificate_files make_certificate(const certificate_order& order);

} // namespace shardyard
