// An open gateway link: the session, its events, heartbeats, and what the owner sends.
#include "tests/net/link_scene.hpp"

#include <future>
#include <thread>

#include <openssl/err.h>

namespace shardyard::net {
namespace {

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

// Some megabytes come in so many pieces that OpenSSL has to say now and then that it wants more.
TEST_F(link_test, what_others_left_in_the_threads_queue_of_errors_does_not_end_a_connection) {
  test_certificate certificate{"IP:127.0.0.1"};
  serve(
      [](server_peer& peer) {
        peer.upgrade(text_frame(slow_hello));
        for (std::uint64_t s = 1; s <= 5; ++s)
          peer.send(event(s, 2'000'000));
        peer.expect("close 1000");
        peer.send_raw(close_frame(1000));
        peer.expect("end");
      },
      compression::none, &certificate);
  record_->hello = [] { ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR); };
  connect();
  ASSERT_TRUE(record_->await("event 5 X"));
  link_->close(1000);
  EXPECT_EQ(record_->closed().kind, close_kind::asked);
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

TEST_F(link_test, a_pause_from_its_own_thread_does_not_outlast_a_later_word_from_another) {
  serve([](server_peer& peer) {
    peer.upgrade();
    peer.send(slow_hello);
    peer.receive();
    peer.send(ready);
    peer.expect("end");
  });
  record_->hello = [this] {
    link_->pause_reading();
    std::thread{[this] { link_->resume_reading(); }}.join();
    link_->identify(identify_);
  };
  connect();
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
