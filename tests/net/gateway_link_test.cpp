#include "net/gateway_link.hpp"

#include "net/io_thread.hpp"
#include "tests/net/link_record.hpp"
#include "tests/net/scripted_server.hpp"

#include <future>

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

using std::chrono::milliseconds;
using lines = std::vector<std::string>;

constexpr auto slow_hello = R"({"op":10,"d":{"heartbeat_interval":60000}})";
constexpr auto quick_hello = R"({"op":10,"d":{"heartbeat_interval":60}})";
constexpr auto ready =
    R"({"t":"READY","s":1,"op":0,"d":{"session_id":"abc","resume_gateway_url":"","guilds":[]}})";

std::string event(std::uint64_t s, std::size_t filler = 0) {
  return R"({"t":"X","s":)" + std::to_string(s) + R"(,"op":0,"d":{"guild_id":"5","x":")" +
         std::string(filler, 'x') + "\"}}";
}

/// A link to a scripted server, with everything it reported.
class link_test : public testing::Test {
protected:
  ~link_test() override { EXPECT_EQ(server_ ? server_->failures() : lines{}, lines{}); }

  void serve(scripted_server::script play, compression mode = compression::none,
             const test_certificate* certificate = nullptr) {
    server_.emplace(std::move(play), mode, certificate);
    settings_.url = server_->url();
    settings_.compress = mode;
    if (certificate != nullptr)
      settings_.ca_file = certificate->file();
  }

  gateway_link& connect() { return link_.emplace(io_, settings_, record_); }

  /// Identifies as soon as HELLO has come.
  gateway_link& connect_and_identify() {
    record_->hello = [this] { link_->identify(identify_); };
    return connect();
  }

  std::optional<scripted_server> server_;
  std::shared_ptr<link_record> record_ = std::make_shared<link_record>();
  identify_payload identify_{.token = "secret", .intents = 513, .shard_id = 3, .shard_count = 8};
  link_settings settings_{.close_timeout = milliseconds{10'000}, .jitter_seed = 1};
  io_thread io_;
  std::optional<gateway_link> link_;
};

class link_over : public link_test, public testing::WithParamInterface<std::pair<compression, bool>> {};
INSTANTIATE_TEST_SUITE_P(gateway_link, link_over,
                         testing::Values(std::pair{compression::none, false},
                                         std::pair{compression::zlib_stream, false},
                                         std::pair{compression::zstd_stream, false},
                                         std::pair{compression::none, true},
                                         std::pair{compression::zstd_stream, true}));

TEST_P(link_over, a_session_is_opened_and_its_events_arrive_in_order) {
  auto [mode, tls] = GetParam();
  test_certificate certificate{"IP:127.0.0.1"};
  std::promise<std::string> request;
  std::promise<boost::json::object> identify;
  serve(
      [&](server_peer& peer) {
        request.set_value(peer.upgrade());
        peer.send(slow_hello);
        identify.set_value(peer.expect_op(2));
        peer.send(ready);
        for (std::uint64_t s = 2; s <= 500; ++s)
          peer.send(event(s, s == 250 ? 5'000'000 : s));
        peer.expect("close 1000");
        peer.send_raw(close_frame(1000));
        peer.expect("end");
      },
      mode, tls ? &certificate : nullptr);
  connect_and_identify();
  ASSERT_TRUE(record_->await("event 500 X"));
  link_->close(1000);
  EXPECT_EQ(record_->closed().kind, close_kind::asked);
  lines expected{"ready abc"};
  for (int s = 2; s <= 500; ++s)
    expected.push_back("event " + std::to_string(s) + " X");
  expected.emplace_back("closed");
  EXPECT_EQ(record_->story(), expected);
  auto head = request.get_future().get();
  auto query =
      "/?v=10&encoding=json" + (mode == compression::none ? "" : "&compress=" + std::string{to_string(mode)});
  EXPECT_TRUE(head.starts_with("GET " + query + " HTTP/1.1\r\nHost: 127.0.0.1:")) << head;
  EXPECT_NE(head.find("\r\nUser-Agent: DiscordBot (http"), std::string::npos);
  EXPECT_EQ(head.find("Sec-WebSocket-Extensions"), std::string::npos);
  auto d = identify.get_future().get().at("d").as_object();
  EXPECT_EQ(d.at("token"), "secret");
  EXPECT_EQ(d.at("intents"), 513);
  EXPECT_EQ(d.at("shard"), (boost::json::array{3, 8}));
}

TEST_F(link_test, hello_and_events_may_share_a_segment_with_the_answer_to_the_upgrade) {
  serve([](server_peer& peer) {
    peer.upgrade(text_frame(slow_hello) + text_frame(event(1)));
    peer.expect("end");
  });
  connect();
  EXPECT_TRUE(record_->await("event 1 X"));
  EXPECT_EQ(record_->lines().front(), "hello 60000");
  link_.reset();
}

TEST_F(link_test, what_one_read_brought_is_one_block) {
  serve([](server_peer& peer) {
    std::string burst = text_frame(slow_hello);
    for (std::uint64_t s = 1; s <= 100; ++s)
      burst += text_frame(event(s));
    peer.upgrade(burst);
    peer.expect("end");
  });
  connect();
  EXPECT_TRUE(record_->await("event 100 X"));
  ASSERT_FALSE(record_->blocks().empty());
  EXPECT_LE(record_->blocks().size(), 2U) << "at most the answer to the upgrade may have been cut off";
  EXPECT_GT(record_->blocks().front().received_ns, 0);
  link_.reset();
}

TEST_F(link_test, a_resume_names_its_place_and_replayed_events_follow) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send(slow_hello);
    auto d = peer.expect_op(6).at("d").as_object();
    if (d != boost::json::object{{"token", "secret"}, {"session_id", "abc"}, {"seq", 41}})
      throw std::runtime_error{boost::json::serialize(d)};
    peer.send(event(41));
    peer.send(event(42));
    peer.send(R"({"t":"RESUMED","s":43,"op":0,"d":{}})");
    peer.expect("end");
  });
  record_->hello = [this] { link_->resume("abc", "secret", 41); };
  connect();
  EXPECT_TRUE(record_->await("resumed 43"));
  EXPECT_EQ(record_->story(), (lines{"event 42 X", "resumed 43"}));
  link_.reset();
}

TEST_F(link_test, heartbeats_carry_the_newest_sequence_and_an_ack_names_it) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send(quick_hello);
    if (auto beat = peer.receive(); beat != R"({"op":1,"d":null})")
      throw std::runtime_error{beat};
    peer.send(R"({"op":11,"d":{}})");
    peer.send(event(1));
    peer.send(event(2));
    std::string beat;
    do {
      beat = peer.receive();
      peer.send(event(3));
      peer.send(R"({"op":11})");
    } while (beat == R"({"op":1,"d":null})");
    if (beat != R"({"op":1,"d":2})")
      throw std::runtime_error{beat};
    peer.expect("end");
  });
  connect();
  EXPECT_TRUE(record_->await("ack 2"));
  auto all = record_->lines();
  auto place = [&](const char* line) { return std::ranges::find(all, line); };
  EXPECT_LT(place("event 3 X"), place("ack 2"))
      << "events from before the acknowledgement have been handed out";
  EXPECT_LT(place("ack 0"), place("event 1 X"));
  link_.reset();
}

TEST_F(link_test, a_heartbeat_asked_for_by_server_or_owner_is_sent_at_once) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send(slow_hello);
    peer.send(event(1));
    peer.send(R"({"op":1,"d":null})");
    if (auto beat = peer.receive(); beat != R"({"op":1,"d":1})")
      throw std::runtime_error{beat};
    peer.send(R"({"op":11})");
    if (auto beat = peer.receive(); beat != R"({"op":1,"d":1})")
      throw std::runtime_error{beat};
    peer.send(R"({"op":11})");
    peer.expect("end");
  });
  connect();
  EXPECT_TRUE(record_->await("ack 1"));
  link_->heartbeat_now();
  while (record_->times("ack 1") < 2 && record_->times("closed") == 0)
    std::this_thread::yield();
  link_.reset();
}

TEST_F(link_test, a_connection_whose_heartbeats_are_not_acknowledged_is_a_zombie) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send(quick_hello);
    peer.send(event(1));
    for (auto text = peer.receive(); text != "close 4000"; text = peer.receive())
      if (!text.starts_with(R"({"op":1,)"))
        throw std::runtime_error{text};
  });
  connect();
  auto reason = record_->closed();
  EXPECT_EQ(reason.kind, close_kind::zombie);
  EXPECT_EQ(reason.code, 4000);
  EXPECT_EQ(reason.after, reaction::resume);
  EXPECT_EQ(reason.last_s, 1U);
}

TEST_F(link_test, any_payload_counts_as_life_sign_where_the_owner_says_so) {
  settings_.acks = ack_rule::any_payload;
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send(quick_hello);
    for (std::uint64_t s = 1; s <= 6; ++s) {
      peer.receive();
      peer.send(event(s));
    }
    peer.drop();
  });
  connect();
  EXPECT_TRUE(record_->await("event 6 X"));
  EXPECT_EQ(record_->closed().kind, close_kind::lost);
}

TEST_F(link_test, a_sequence_gap_closes_resumably_and_says_what_is_missing) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send_raw(text_frame(slow_hello) + text_frame(event(1)) + text_frame(event(2)) +
                  text_frame(event(4)));
    peer.expect("close 4000");
    peer.send(event(5));
    peer.send_raw(close_frame(4000));
    peer.expect("end");
  });
  connect();
  auto reason = record_->closed();
  EXPECT_EQ(reason.kind, close_kind::sequence_gap);
  EXPECT_EQ(reason.after, reaction::resume);
  EXPECT_EQ(reason.last_s, 2U);
  EXPECT_EQ(reason.missing_from, 3U);
  EXPECT_EQ(record_->story(), (lines{"event 1 X", "event 2 X", "closed"}));
}

TEST_F(link_test, a_malformed_frame_costs_the_connection_only) {
  for (auto bytes :
       {text_frame("{nonsense"), frame(3, "x"), std::string{"\x81\x81masked"}, text_frame("\xFF")}) {
    serve([bytes](server_peer& peer) {
      peer.upgrade();
      peer.send_raw(text_frame(slow_hello) + text_frame(event(1)) + bytes);
      peer.expect("close 4000");
    });
    record_ = std::make_shared<link_record>();
    connect();
    auto reason = record_->closed();
    EXPECT_EQ(reason.kind, close_kind::malformed);
    EXPECT_FALSE(reason.text.empty());
    EXPECT_EQ(record_->story(), (lines{"event 1 X", "closed"}));
    EXPECT_EQ(server_->failures(), lines{});
  }
}

TEST_F(link_test, each_close_code_of_the_server_brings_its_reaction) {
  for (int code : {1000, 4000, 4003, 4004, 4007, 4009, 4014}) {
    serve([code](server_peer& peer) {
      peer.upgrade();
      peer.send_raw(text_frame(slow_hello) + close_frame(code, "Reason given."));
      peer.expect("close " + std::to_string(code));
    });
    record_ = std::make_shared<link_record>();
    connect();
    auto reason = record_->closed();
    EXPECT_EQ(reason.kind, close_kind::by_server);
    EXPECT_EQ(reason.code, code);
    EXPECT_EQ(reason.after, rule_of(static_cast<std::uint16_t>(code)).reaction);
    EXPECT_NE(reason.text.find("Reason given."), std::string::npos);
    EXPECT_EQ(record_->times("closed"), 1U);
  }
}

TEST_F(link_test, a_connection_that_breaks_is_lost_and_resumable) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send_raw(text_frame(slow_hello) + text_frame(event(1)));
  });
  connect();
  auto reason = record_->closed();
  EXPECT_EQ(reason.kind, close_kind::lost);
  EXPECT_EQ(reason.code, 1006);
  EXPECT_EQ(reason.after, reaction::resume);
  EXPECT_EQ(reason.last_s, 1U);
}

TEST_F(link_test, op_7_and_op_9_are_reported_and_leave_the_link_open) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send(slow_hello);
    peer.send(R"({"op":7,"d":null})");
    peer.send(R"({"op":9,"d":true})");
    peer.send(R"({"op":9,"d":false})");
    peer.expect_op(2);
    peer.send(ready);
    peer.send(event(2));
    peer.expect("end");
  });
  connect();
  ASSERT_TRUE(record_->await("invalid false"));
  EXPECT_EQ(link_->identify(identify_), send_status::accepted);
  EXPECT_TRUE(record_->await("event 2 X"));
  EXPECT_EQ(record_->story(),
            (lines{"reconnect", "invalid true", "invalid false", "ready abc", "event 2 X"}));
  link_.reset();
}

TEST_F(link_test, events_behind_our_close_are_not_handed_out_and_1000_ends_the_session) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send_raw(text_frame(slow_hello) + text_frame(event(1)));
    peer.expect("close 1000");
    peer.send(event(2));
    peer.send_raw(close_frame(1000));
    peer.expect("end");
  });
  connect();
  ASSERT_TRUE(record_->await("event 1 X"));
  link_->close(1000);
  auto reason = record_->closed();
  EXPECT_EQ(reason.kind, close_kind::asked);
  EXPECT_EQ(reason.after, reaction::identify);
  EXPECT_EQ(reason.last_s, 1U);
  EXPECT_EQ(record_->story(), (lines{"event 1 X", "closed"}));
  EXPECT_EQ(link_->send(3, "{}"), send_status::not_open);
}

TEST_F(link_test, a_server_that_does_not_answer_the_close_is_left_after_the_timeout) {
  settings_.close_timeout = milliseconds{50};
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send(slow_hello);
    peer.expect("close 4000");
    peer.expect("end");
  });
  connect();
  ASSERT_TRUE(record_->await("hello 60000"));
  link_->close(4000);
  EXPECT_EQ(record_->closed().after, reaction::resume);
}

TEST_F(link_test, payloads_above_4096_bytes_are_refused_to_the_caller) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send(slow_hello);
    if (peer.receive_other().size() != 4096)
      throw std::runtime_error{"wrong payload"};
    peer.expect("end");
  });
  record_->hello = [this] {
    EXPECT_EQ(link_->send(8, "\"" + std::string(4097 - 15, 'x') + "\""), send_status::too_large);
    EXPECT_EQ(link_->send(8, "\"" + std::string(4096 - 15, 'x') + "\""), send_status::accepted);
    link_->heartbeat_now();
  };
  connect();
  EXPECT_TRUE(record_->await("ack 0"));
  link_.reset();
}

TEST_F(link_test, at_the_send_limit_payloads_wait_and_heartbeats_still_pass) {
  settings_.payloads_per_minute = 10; // 3 of them are kept for heartbeats
  std::promise<void> checked;
  serve([&](server_peer& peer) {
    peer.upgrade();
    peer.send(slow_hello);
    peer.expect_op(2);
    for (int i = 1; i <= 6; ++i)
      if (auto text = peer.receive(); text != R"({"op":3,"d":)" + std::to_string(i) + "}")
        throw std::runtime_error{text};
    peer.send(R"({"op":1})");
    if (auto text = peer.receive(); text != R"({"op":1,"d":null})")
      throw std::runtime_error{"a payload passed the limit: " + text};
    peer.send(R"({"op":11})");
    peer.expect("end");
  });
  record_->hello = [this] {
    link_->identify(identify_);
    for (int i = 1; i <= 20; ++i)
      EXPECT_EQ(link_->send(3, std::to_string(i)), send_status::accepted);
    auto status = send_status::accepted;
    int accepted = 21;
    for (; status == send_status::accepted && accepted < 1000; ++accepted)
      status = link_->send(3, "0");
    EXPECT_EQ(status, send_status::full);
    EXPECT_GT(accepted, 200);
  };
  connect();
  EXPECT_TRUE(record_->await("ack 0"));
  link_.reset();
}

TEST_F(link_test, while_reading_is_paused_heartbeats_go_on_and_nothing_is_a_zombie) {
  std::promise<void> resume;
  serve([&](server_peer& peer) {
    peer.upgrade();
    peer.send(quick_hello);
    std::string text;
    while ((text = peer.receive()).starts_with(R"({"op":1,)"))
      peer.send(R"({"op":11})");
    peer.send(ready); // the payload behind the pause has come: from here on nothing is read
    for (int beats = 0; beats < 5; ++beats)
      if (text = peer.receive(); !text.starts_with(R"({"op":1,)"))
        throw std::runtime_error{text};
    resume.set_value();
    peer.expect("end");
  });
  record_->hello = [this] {
    link_->pause_reading();
    link_->identify(identify_);
  };
  connect();
  resume.get_future().wait();
  EXPECT_EQ(record_->story(), lines{});
  link_->resume_reading();
  EXPECT_TRUE(record_->await("ready abc"));
  link_.reset();
}

TEST_F(link_test, pings_are_answered) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send(slow_hello);
    peer.send_raw(frame(9, "there?"));
    peer.expect("pong there?");
    peer.drop();
  });
  connect();
  EXPECT_EQ(record_->closed().kind, close_kind::lost);
}

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

TEST_F(link_test, a_destroyed_link_drops_the_connection_and_leaves_the_session_resumable) {
  std::promise<void> ended;
  serve([&](server_peer& peer) {
    peer.upgrade(text_frame(slow_hello));
    peer.expect("end");
    ended.set_value();
  });
  connect();
  ASSERT_TRUE(record_->await("hello 60000"));
  link_.reset();
  ended.get_future().wait();
  EXPECT_EQ(record_->times("closed"), 0U);
}

TEST_F(link_test, a_link_may_be_dropped_within_its_own_callback) {
  std::promise<void> made;
  serve([&](server_peer& peer) {
    made.get_future().wait();
    peer.upgrade(text_frame(slow_hello) + text_frame(event(1)));
    peer.expect("end");
  });
  std::promise<void> dropped;
  record_->hello = [&] {
    link_.reset();
    dropped.set_value();
  };
  connect();
  made.set_value();
  dropped.get_future().wait();
}

TEST(gateway_link, links_fall_silent_when_their_thread_ends_first) {
  scripted_server server{[](server_peer& peer) {
    peer.upgrade(text_frame(slow_hello));
    peer.expect("end");
  }};
  auto record = std::make_shared<link_record>();
  link_settings settings{.url = server.url(), .compress = compression::none};
  auto thread = std::make_unique<io_thread>(2);
  gateway_link one{*thread, settings, record}, two{*thread, settings, record};
  EXPECT_TRUE(record->await("hello 60000"));
  thread.reset();
  EXPECT_EQ(one.send(3, "{}"), send_status::not_open);
  one.close(1000);
  EXPECT_EQ(record->times("closed"), 0U);
}

TEST(gateway_link, many_links_share_a_thread) {
  scripted_server server{[](server_peer& peer) {
                           peer.upgrade();
                           peer.send(slow_hello);
                           peer.send(event(1));
                           peer.send(event(2));
                           peer.expect("end");
                         },
                         compression::zstd_stream};
  io_thread thread;
  auto record = std::make_shared<link_record>();
  std::vector<std::unique_ptr<gateway_link>> links;
  for (int i = 0; i < 40; ++i)
    links.push_back(std::make_unique<gateway_link>(thread, link_settings{.url = server.url()}, record));
  while (record->times("event 2 X") < links.size() && record->times("closed") == 0)
    std::this_thread::yield();
  EXPECT_EQ(record->times("event 2 X"), links.size());
  links.clear();
}

} // namespace
} // namespace shardyard::net
