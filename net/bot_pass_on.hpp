// One REST request on its way to Discord and its answer on the way back, both as streams: whoever is slower
// sets the pace, and no more than a fixed number of bytes is held in each direction. Borrows the client's
// connection; not for use outside net/.
#pragma once

#include "net/door_room.hpp"
#include "net/http_heads.hpp"

namespace shardyard::net {

/// How it went, for the client's connection.
struct passed_end {
  bool lost = false;   ///< the connection is of no use any more
  bool keep = false;   ///< it may carry another request
  unsigned status = 0; ///< nothing has been sent to the client: an answer of ours with this status is due
  std::string why;
};

class pass_on : public std::enable_shared_from_this<pass_on> {
public:
  /// `client` and `requests` (which stands behind the head of the request) must live until `done` has been
  /// called or drop() was; `done` is called once, never from start().
  pass_on(std::shared_ptr<door_room> room, byte_stream& client, http_requests& requests, passed_request to,
          std::function<void(passed_end)> done);

  void start();
  void drop();

private:
  using error_code = boost::system::error_code;

  /// One of the two connections: what is waited for.
  struct side {
    byte_stream* stream = nullptr;
    stream_state read_state = stream_state::wants_read, write_state = stream_state::wants_write;
    bool waits_to_read = false, waits_to_write = false;
  };

  void connect();
  void connected(const std::optional<byte_stream::failure>& why);
  void pump();
  bool read_client();
  bool write_upstream();
  bool read_upstream();
  bool write_client();
  void take_request_body();
  void take_answer();
  void begin_answer();
  void upstream_ended();
  bool may_ask_again() const;
  void wait_for_more();
  void wait(side& at, stream_state state);
  void arm();
  void too_late();
  bool client_is_slow() const;
  bool wants_request() const;
  void finish();
  void fail(unsigned status, std::string why);
  void end(passed_end how);

  std::shared_ptr<door_room> room_;
  http_requests& requests_;
  passed_request to_;
  std::function<void(passed_end)> done_; ///< empty: ended
  std::shared_ptr<upstream> upstream_;
  side client_, discord_;
  boost::asio::steady_timer deadline_;
  std::string to_discord_, to_client_, decoded_;
  bool connected_ = false;
  bool asked_ = false;     ///< the request's body is complete
  bool answering_ = false; ///< the answer's head has gone on
  bool answered_ = false;  ///< the answer is complete
  bool deaf_ = false;      ///< Discord takes no more of the request
  bool over_ = false;      ///< Discord has closed
  bool keep_ = false;
};

} // namespace shardyard::net
