#include "net/gateway_link.hpp"

#include "net/io_thread.hpp"
#include "net/link_connection.hpp"

namespace shardyard::net {

gateway_link::gateway_link(io_thread& thread, link_settings settings, std::shared_ptr<link_events> events)
    : connection_(
          std::make_shared<connection>(thread.next_worker(), std::move(settings), std::move(events))) {
  connection_->post([](connection& c) { c.start(); });
}

gateway_link::~gateway_link() {
  connection_->post([](connection& c) { c.abandon(); });
}

send_status gateway_link::identify(const identify_payload& identify) {
  auto payload = identify_text(identify);
  auto status = connection_->check(payload);
  if (status == send_status::accepted)
    connection_->post([payload = std::move(payload)](connection& c) mutable {
      c.expect_after(0, 0);
      c.enqueue(std::move(payload), connection::priority::handshake);
    });
  return status;
}

send_status gateway_link::resume(std::string_view session_id, std::string_view token, std::uint64_t seq,
                                 std::int64_t newest_ms) {
  auto payload = resume_text(token, session_id, seq);
  auto status = connection_->check(payload);
  if (status == send_status::accepted)
    connection_->post([payload = std::move(payload), seq, newest_ms](connection& c) mutable {
      c.expect_after(seq, newest_ms);
      c.enqueue(std::move(payload), connection::priority::handshake);
    });
  return status;
}

send_status gateway_link::send(int op, std::string_view d) {
  auto payload = payload_text(op, d);
  auto status = connection_->check(payload);
  if (status == send_status::accepted)
    connection_->post([payload = std::move(payload)](connection& c) mutable {
      c.enqueue(std::move(payload), connection::priority::ordinary);
    });
  return status;
}

void gateway_link::heartbeat_now() {
  connection_->post([](connection& c) { c.extra_heartbeat(); });
}

void gateway_link::pause_reading() {
  connection_->post([](connection& c) { c.pause(true); });
}

void gateway_link::resume_reading() {
  connection_->post([](connection& c) { c.pause(false); });
}

void gateway_link::close(std::uint16_t code) {
  connection_->post([code](connection& c) { c.close_asked(code); });
}

} // namespace shardyard::net
