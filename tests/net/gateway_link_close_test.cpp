// How a gateway link ends, by whom, and whether the session lives on.
#include "tests/net/link_scene.hpp"

#include <future>

namespace shardyard::net {
namespace {

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

} // namespace
} // namespace shardyard::net
