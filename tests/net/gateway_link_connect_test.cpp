// How a gateway link comes to its connection, and what keeps it from one.
#include "tests/net/link_scene.hpp"

namespace shardyard::net {
namespace {

TEST_F(link_test, a_refused_upgrade_says_whether_and_when_to_try_again) {
  struct row {
    std::string answer;
    unsigned status;
    reaction after;
    milliseconds wait;
  };
  for (auto& row : {row{"429 Too Many\r\nRetry-After: 90\r\nContent-Length: 2\r\n\r\nno", 429,
                        reaction::resume, milliseconds{90'000}},
                    row{"403 Forbidden\r\n\r\n<html>", 403, reaction::resume, milliseconds{60'000}},
                    row{"503 Gone\r\nContent-Length: 0\r\n\r\n", 503, reaction::resume, milliseconds{0}},
                    row{"400 Bad\r\nContent-Length: 0\r\n\r\n", 400, reaction::fatal, milliseconds{0}}}) {
    serve([row](server_peer& peer) {
      peer.request();
      peer.send_raw("HTTP/1.1 " + row.answer);
      peer.expect("end");
    });
    record_ = std::make_shared<link_record>();
    connect();
    auto reason = record_->closed();
    EXPECT_EQ(reason.kind, close_kind::upgrade_refused) << row.answer;
    EXPECT_EQ(reason.http_status, row.status);
    EXPECT_EQ(reason.after, row.after);
    EXPECT_EQ(reason.retry_after, row.wait);
  }
}

TEST_F(link_test, an_answer_that_is_no_websocket_is_a_failed_connect) {
  for (std::string answer :
       {"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        "x\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n", "SSH-2.0-server\r\n\r\n", "", "HTTP/1.1 101 Sw"}) {
    serve([answer](server_peer& peer) {
      peer.request();
      peer.send_raw(answer);
    });
    record_ = std::make_shared<link_record>();
    connect();
    EXPECT_EQ(record_->closed().kind, close_kind::connect_failed) << answer;
  }
}

TEST_F(link_test, a_server_that_never_answers_is_left_after_the_connect_timeout) {
  settings_.connect_timeout = milliseconds{50};
  serve([](server_peer& peer) {
    peer.request();
    peer.expect("end");
  });
  connect();
  auto reason = record_->closed();
  EXPECT_EQ(reason.kind, close_kind::connect_failed);
  EXPECT_EQ(reason.after, reaction::resume);
}

TEST_F(link_test, a_port_where_nobody_listens_is_a_failed_connect) {
  serve([](server_peer&) {});
  server_.reset();
  connect();
  EXPECT_EQ(record_->closed().kind, close_kind::connect_failed);
}

TEST_F(link_test, plaintext_is_refused_off_loopback_without_a_packet) {
  for (auto url : {"ws://192.0.2.1:80", "ws://gateway.example.org", "ws://127.0.0.1.example.org",
                   "http://127.0.0.1", "nonsense"}) {
    record_ = std::make_shared<link_record>();
    settings_.url = url;
    connect();
    auto reason = record_->closed();
    EXPECT_EQ(reason.kind, close_kind::impossible) << url;
    EXPECT_EQ(reason.after, reaction::fatal) << url;
  }
}

TEST_F(link_test, a_certificate_of_an_unknown_authority_is_refused) {
  test_certificate servers{"IP:127.0.0.1"}, trusted{"IP:127.0.0.1"};
  serve([](server_peer&) { throw std::runtime_error{"the client went on"}; }, compression::none, &servers);
  settings_.ca_file = trusted.file();
  connect();
  auto reason = record_->closed();
  EXPECT_EQ(reason.kind, close_kind::connect_failed);
  EXPECT_NE(reason.text.find("certificate refused"), std::string::npos) << reason.text;
}

TEST_F(link_test, a_certificate_for_another_host_is_refused) {
  test_certificate certificate{"DNS:gateway.example.org,IP:127.0.0.2"};
  for (auto host : {"127.0.0.1", "localhost"}) {
    serve([](server_peer&) { throw std::runtime_error{"the client went on"}; }, compression::none,
          &certificate);
    settings_.url = server_->url(host);
    record_ = std::make_shared<link_record>();
    connect();
    auto reason = record_->closed();
    EXPECT_EQ(reason.kind, close_kind::connect_failed);
    EXPECT_NE(reason.text.find("certificate refused"), std::string::npos) << reason.text;
    EXPECT_EQ(server_->failures(), lines{});
  }
}

TEST_F(link_test, the_host_name_is_sent_as_server_name) {
  test_certificate certificate{"DNS:localhost"};
  serve(
      [](server_peer& peer) {
        if (peer.server_name() != "localhost")
          throw std::runtime_error{"server name " + peer.server_name()};
        peer.upgrade(text_frame(slow_hello));
        peer.expect("end");
      },
      compression::none, &certificate);
  settings_.url = server_->url("localhost");
  connect();
  EXPECT_TRUE(record_->await("hello 60000")) << record_->closed().text;
  link_.reset();
}

TEST_F(link_test, tls_below_1_2_is_refused) {
  test_certificate certificate{"IP:127.0.0.1"};
  SSL_CTX_set_security_level(certificate.context(), 0);
  SSL_CTX_set_min_proto_version(certificate.context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(certificate.context(), TLS1_1_VERSION);
  serve([](server_peer&) { throw std::runtime_error{"the client went on"}; }, compression::none,
        &certificate);
  connect();
  EXPECT_EQ(record_->closed().kind, close_kind::connect_failed);
}

TEST_F(link_test, an_unreadable_authority_file_is_said_so) {
  settings_.url = "wss://127.0.0.1:1";
  settings_.ca_file = "/nonexistent/ca.pem";
  connect();
  auto reason = record_->closed();
  EXPECT_EQ(reason.kind, close_kind::impossible);
  EXPECT_NE(reason.text.find("/nonexistent/ca.pem"), std::string::npos);
}

} // namespace
} // namespace shardyard::net
