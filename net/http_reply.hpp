// Reads one HTTP/1.1 answer piece by piece: the answer to a WebSocket upgrade or to a REST request. Parsing
// is Beast's; this class keeps Beast out of every other file and bounds what a peer can make us hold.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace shardyard::net {

class http_reply {
public:
  enum class progress : std::uint8_t { more, complete, broken };

  /// Heads above 16 KiB and bodies above `body_limit` bytes are broken.
  explicit http_reply(std::size_t body_limit);
  ~http_reply();

  progress feed(std::string_view bytes);

  /// The peer closed: completes an answer whose end only that can tell.
  progress end();

  /// Status and headers are known.
  bool has_head() const;

  /// Valid once the head is there.
  unsigned status() const;
  std::string_view header(std::string_view name) const;

  /// Valid once complete.
  const std::string& body() const;

  /// What came behind the answer: after an upgrade, the first frames.
  std::string_view rest() const { return pending_; }

  /// Why it is broken.
  const std::string& error() const { return error_; }

private:
  struct parser;
  std::unique_ptr<parser> parser_;
  std::string pending_; // bytes the parser has not taken yet
  std::string error_;
};

} // namespace shardyard::net
