// HTTP/1.1 messages read piece by piece from a connection that carries many: heads as plain values, bodies as
// the bytes that they mean, whatever their framing was. Parsing is Beast's; these classes keep Beast out of
// every other file and bound what a peer can make us hold. What they hand out is never a raw line of the
// peer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard::net {

struct http_field {
  std::string name; ///< as it was written
  std::string value;
};

/// How the body of a message is framed.
enum class http_body : std::uint8_t {
  none,
  sized,     ///< Content-Length
  chunked,   ///< HTTP/1.1's chunks
  until_end, ///< answers only: up to the end of the connection
};

struct http_head {
  std::string method, target; ///< of a request
  unsigned status = 0;        ///< of an answer
  std::string reason;
  int version = 11; ///< 10: HTTP/1.0
  std::vector<http_field> fields;
  http_body body = http_body::none;
  std::uint64_t length = 0; ///< of a sized body
  bool keep_alive = false;

  /// The first field of this name (any case), or nothing.
  std::optional<std::string_view> find(std::string_view name) const;
  std::size_t count(std::string_view name) const;
};

/// Same text but for the case of ASCII letters.
bool same_name(std::string_view a, std::string_view b);

enum class http_progress : std::uint8_t { more, complete, broken };

struct http_bounds {
  std::size_t head = 16u << 10;
  std::uint64_t body = 64u << 20;
};

/// For requests (`Request` true) or answers; a new connection starts with an empty one.
template <bool Request>
class http_stream {
public:
  explicit http_stream(http_bounds bounds);
  ~http_stream();

  /// More bytes of the connection. Never give more after `broken`.
  void push(std::string_view bytes) { pending_ += bytes; }

  /// Bytes that no message has taken yet.
  std::string_view rest() const { return pending_; }

  /// Reads up to the end of a head. Beyond `complete`: head().
  http_progress read_head();
  const http_head& head() const { return head_; }

  /// Behind the head: appends what the bytes so far mean. `complete` at once when there is no body.
  http_progress read_body(std::string& out);

  /// The peer closed: whether that ends the body rightly.
  bool end();

  /// The message is complete: the next one on this connection begins. `no_body`: an answer to HEAD.
  void next(bool no_body = false);

  /// Of a broken request: the status that says so, 400, 413 or 431.
  unsigned fault_status() const { return fault_status_; }
  const std::string& fault() const { return fault_; }

private:
  struct parser;
  http_progress fail(unsigned status, std::string text);

  std::unique_ptr<parser> parser_;
  http_bounds bounds_;
  http_head head_;
  std::string pending_;
  std::string fault_;
  unsigned fault_status_ = 400;
};

using http_requests = http_stream<true>;
using http_answers = http_stream<false>;

} // namespace shardyard::net
