// A client of the bots' door while it speaks HTTP: TLS handshake, requests one after the other, answers of
// our own, and the hand-over to pass_on or, for good, to bot_socket. Not for use outside net/.
#pragma once

#include "net/bot_pass_on.hpp"
#include "net/bot_routes.hpp"

namespace shardyard::net {

class bot_http final : public door_guest, public std::enable_shared_from_this<bot_http> {
public:
  explicit bot_http(std::shared_ptr<door_room> room);

  void start(byte_stream::tcp::socket socket);
  void drop() override;

private:
  using error_code = boost::system::error_code;
  enum class stage : std::uint8_t { shaking_hands, idle, reading, answering, passing_on, lingering, gone };

  void opened(const std::optional<byte_stream::failure>& why);
  void read_on();
  bool read_once();
  void handle();
  void handle_api(bot_route route);
  void begin_passing_on(std::string target);
  void passed_on(const passed_end& how);
  void open_web_socket();

  void answer(unsigned status, std::string_view body);
  void refuse(unsigned status, std::string_view why, std::string_view extra = {});
  void write_out();
  void next_request();
  void linger();
  void discard();
  void leave();

  void wait(stream_state state, void (bot_http::*then)());
  void arm(std::chrono::milliseconds limit);
  void too_late();

  std::shared_ptr<door_room> room_;
  std::unique_ptr<byte_stream> stream_;
  boost::asio::steady_timer deadline_;
  http_requests requests_;
  std::shared_ptr<pass_on> passing_;
  std::string address_;
  std::string out_;
  bool keep_ = false; ///< once out_ is written
  stage stage_ = stage::shaking_hands;
};

} // namespace shardyard::net
