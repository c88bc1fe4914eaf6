// Calls a service that several addresses offer alike: HTTP POST over one connection that is kept open, to the
// next address when one does not answer. For the few callers that may block and must be done by a deadline;
// it owns its connection and uses no other thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace shardyard::net {

struct http_caller_settings {
  std::vector<std::string> endpoints; ///< "https://10.0.0.1:2379", at least one; tried in this order
  std::string ca_file;                ///< authorities to trust instead of the system's; empty: the system's
  std::string certificate_file;       ///< ours, shown to servers that ask; with key_file or not at all
  std::string key_file;
  std::size_t largest_answer = 64u << 20;
};

struct http_answer {
  unsigned status = 0; ///< 0: nobody answered in time
  std::string body;
  std::string trouble; ///< status 0: what went wrong at each address
};

class http_caller {
public:
  /// Connects to nobody yet. Throws std::runtime_error for an address that is no http(s) URL and for
  /// certificate files that cannot be used.
  explicit http_caller(http_caller_settings settings);
  ~http_caller();

  /// Blocks for `limit` at most, the look-up of names excepted. A request may reach a server although no
  /// answer came, and it may reach more than one: send only what may be repeated. `authorization`: value of
  /// the header of that name; empty: none. For one thread at a time.
  http_answer post(const std::string& path, const std::string& body, const std::string& authorization,
                   std::chrono::milliseconds limit);

private:
  class connection;
  struct endpoint;

  std::shared_ptr<connection> connect(const endpoint& to, std::chrono::steady_clock::time_point deadline);

  http_caller_settings settings_;
  std::vector<endpoint> endpoints_;
  std::size_t current_ = 0;
  std::shared_ptr<void> tls_;
  std::shared_ptr<connection> open_;
};

} // namespace shardyard::net
