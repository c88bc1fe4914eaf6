#include "tests/net/door_client.hpp"

#include <random>

#include <gtest/gtest.h>
#include <zlib.h>

namespace shardyard::net {
namespace {

constexpr std::string_view message_data = R"({"id":"1","content":"hi"})";

std::string dispatched(std::uint64_t s, std::string_view d = message_data) {
  return R"({"t":"MESSAGE_CREATE","s":)" + std::to_string(s) + R"(,"op":0,"d":)" + std::string{d} + "}";
}

template <class T>
void expires(const std::weak_ptr<T>& watched) {
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!watched.expired() && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  EXPECT_TRUE(watched.expired());
}

TEST(bot_socket, a_bot_is_greeted_and_what_it_says_is_heard) {
  open_door at;
  door_client bot{at.door->port()};
  auto head = bot.upgrade("//?encoding=json&v=9");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Extensions"), std::string::npos) << "an offered compression is declined by silence";
  EXPECT_EQ(bot.frame(), R"(text {"op":10})");
  bot.send(masked(1, R"({"op":1,"d":null})"));
  at.decisions->log->heard(R"(payload {"op":1,"d":null})");
  EXPECT_EQ(at.on_thread([&] { return at.decisions->asked.version; }), 9);
  EXPECT_EQ(at.figures().web_sockets, 1U);
}

TEST(bot_socket, frames_in_the_segment_of_the_upgrade_are_not_lost) {
  open_door at;
  door_client bot{at.door->port()};
  bot.upgrade("/", masked(1, "early") + masked(9, "p"));
  at.decisions->log->heard("payload early");
  EXPECT_EQ(bot.frame(), R"(text {"op":10})");
  EXPECT_EQ(bot.frame(), "pong p");
}

TEST(bot_socket, events_of_any_size_arrive_whole_and_in_order_in_every_compression) {
  test_certificate certificate{"IP:127.0.0.1"};
  for (auto secure : {false, true})
    for (auto mode : {compression::none, compression::zlib_stream, compression::zstd_stream}) {
      open_door at{{.certificate_file = secure ? certificate.file() : "",
                    .key_file = secure ? certificate.key_file() : ""}};
      door_client bot{at.door->port(), secure ? certificate.file() : ""};
      bot.upgrade("/?v=10&compress=" + std::string{to_string(mode)});
      std::vector<std::string> expected{R"({"op":10})"};
      std::mt19937 random{11};
      std::vector<std::string> bodies;
      for (std::uint64_t s = 1; s <= 200; ++s) {
        constexpr std::size_t most[] = {10, 120, 130, 70'000, 400'000};
        auto text = std::string(random() % most[s % 5], static_cast<char>('a' + s % 26));
        bodies.push_back("\"" + text + "\"");
        expected.push_back(dispatched(s, bodies.back()));
      }
      at.decisions->log->heard("connected");
      at.door->post([&] {
        for (std::uint64_t s = 1; s <= 200; ++s)
          at.link().dispatch("MESSAGE_CREATE", s, bodies[s - 1]);
      });
      auto reader = make_inflater(mode);
      for (auto& text : expected) {
        auto frame = bot.frame();
        auto kind = mode == compression::none ? "text " : "binary ";
        ASSERT_TRUE(frame.starts_with(kind)) << frame.substr(0, 20);
        byte_buffer out;
        ASSERT_EQ(reader->feed(std::string_view{frame}.substr(std::string_view{kind}.size()), out, 1 << 20),
                  inflater::outcome::ok);
        ASSERT_TRUE(reader->at_message_end());
        ASSERT_EQ(out.view(), text);
      }
    }
}

TEST(bot_socket, identifys_compression_packs_large_payloads_one_by_one) {
  open_door at;
  door_client bot{at.door->port()};
  bot.upgrade();
  EXPECT_EQ(bot.frame(), R"(text {"op":10})");
  auto large = "\"" + std::string(3000, 'x') + "\"";
  at.on_thread([&] {
    at.link().compress_payloads();
    at.link().dispatch("MESSAGE_CREATE", 1, message_data);
    at.link().dispatch("MESSAGE_CREATE", 2, large);
    at.link().dispatch("MESSAGE_CREATE", 3, large);
  });
  EXPECT_EQ(bot.frame(), "text " + dispatched(1));
  for (std::uint64_t s : {2, 3}) {
    auto frame = bot.frame();
    ASSERT_TRUE(frame.starts_with("binary "));
    std::string out(10'000, '\0');
    auto size = uLongf{out.size()};
    ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                         reinterpret_cast<const Bytef*>(frame.data() + 7), frame.size() - 7),
              Z_OK);
    EXPECT_EQ(out.substr(0, size), dispatched(s, large));
  }
}

TEST(bot_socket, what_cannot_be_decoded_is_told_and_the_connection_goes_on) {
  open_door at;
  door_client bot{at.door->port()};
  bot.upgrade();
  bot.send(masked(2, "etf") + masked(1, std::string(4097, 'x')) + masked(1, "fine"));
  at.decisions->log->heard("payload fine");
  EXPECT_EQ(at.decisions->log->count("undecodable"), 2U);
}

TEST(bot_socket, a_close_frame_of_the_bot_is_echoed_and_told_once) {
  for (auto [frame, echo, told] : std::initializer_list<std::tuple<std::string, std::string, std::string>>{
           {masked_close(4000, "bye"), "close 4000 ", "closed 4000"},
           {masked_close(1000), "close 1000 ", "closed 1000"},
           {masked(8, ""), "close", "closed 1005"}}) {
    open_door at;
    door_client bot{at.door->port()};
    bot.upgrade();
    bot.frame();
    bot.send(frame + masked(1, "too late"));
    EXPECT_EQ(bot.frame(), echo);
    EXPECT_EQ(bot.frame(), "end");
    bot.drop();
    at.decisions->log->heard(told);
    at.until([](auto& now) { return now.connections == 0; });
    EXPECT_EQ(at.decisions->log->lines(), (std::vector<std::string>{"connected", told}));
  }
}

TEST(bot_socket, a_breach_of_the_protocol_is_answered_with_1002) {
  open_door at;
  door_client bot{at.door->port()};
  bot.upgrade();
  bot.frame();
  bot.send(std::string{"\x81\x02hi", 4});
  EXPECT_EQ(bot.frame(), "close 1002 unmasked frame from the client");
  EXPECT_EQ(bot.frame(), "end");
  at.decisions->log->heard("closed 1006");
}

TEST(bot_socket, a_connection_lost_without_a_close_frame_is_1006) {
  open_door at;
  auto bot = std::make_optional<door_client>(at.door->port());
  bot->upgrade();
  bot.reset();
  at.decisions->log->heard("closed 1006");
  EXPECT_EQ(at.until([](auto& now) { return now.connections == 0; }).web_sockets, 0U);
}

TEST(bot_socket, our_close_frame_comes_behind_what_is_queued_and_the_answer_ends_it) {
  open_door at;
  door_client bot{at.door->port()};
  bot.upgrade();
  bot.frame();
  at.on_thread([&] {
    at.link().dispatch("MESSAGE_CREATE", 1, message_data);
    at.link().close(4009, std::string(300, 'r'));
    at.link().dispatch("MESSAGE_CREATE", 2, message_data);
    at.link().close(4000, "again");
  });
  EXPECT_EQ(bot.frame(), "text " + dispatched(1));
  EXPECT_EQ(bot.frame(), "close 4009 " + std::string(123, 'r'));
  bot.send(masked(1, "not read any more") + masked_close(4009));
  EXPECT_EQ(bot.frame(), "end");
  at.decisions->log->heard("closed 4009");
  EXPECT_EQ(at.decisions->log->lines(), (std::vector<std::string>{"connected", "closed 4009"}));
}

TEST(bot_socket, closing_while_it_opens_is_possible) {
  open_door at;
  at.decisions->greet = [](bot_link& link) { link.close(4012, "Invalid API version."); };
  door_client bot{at.door->port()};
  bot.upgrade("/?v=3");
  EXPECT_EQ(bot.frame(), R"(text {"op":10})");
  EXPECT_EQ(bot.frame(), "close 4012 Invalid API version.");
  EXPECT_FALSE(at.on_thread([&] { return at.decisions->asked.version_ok; }));
  at.decisions->greet = [](bot_link& link) { link.abort(); };
  door_client other{at.door->port()};
  other.upgrade();
  EXPECT_EQ(other.frame(), "end");
  at.decisions->log->heard("closed 1006");
}

TEST(bot_socket, an_aborted_link_tells_its_end_later_and_once) {
  open_door at;
  door_client bot{at.door->port()};
  bot.upgrade();
  bot.frame();
  auto told_within = at.on_thread([&] {
    at.link().abort();
    at.link().abort();
    at.link().dispatch("MESSAGE_CREATE", 1, message_data);
    return at.decisions->log->count("closed 1006");
  });
  EXPECT_EQ(told_within, 0U);
  EXPECT_EQ(bot.frame(), "end");
  at.decisions->log->heard("closed 1006");
  EXPECT_EQ(at.decisions->log->count("closed 1006"), 1U);
}

TEST(bot_socket, a_bot_that_does_not_read_is_waited_for_by_nobody) {
  open_door at;
  door_client stalled{at.door->port(), {}, 4096}, other{at.door->port()};
  stalled.upgrade();
  stalled.frame();
  other.upgrade();
  other.frame();
  auto large = "\"" + std::string(1 << 20, 'x') + "\"";
  constexpr std::uint64_t events = 16;
  auto queued = at.on_thread([&] {
    for (std::uint64_t s = 1; s <= events; ++s)
      at.link(0).dispatch("MESSAGE_CREATE", s, large);
    at.link(1).dispatch("MESSAGE_CREATE", 1, message_data);
    return at.link(0).queued();
  });
  EXPECT_GT(queued, std::size_t{4} << 20);
  EXPECT_EQ(other.frame(), "text " + dispatched(1));
  EXPECT_EQ(at.decisions->log->count("drained"), 0U);
  for (std::uint64_t s = 1; s <= events; ++s)
    ASSERT_EQ(stalled.frame(), "text " + dispatched(s, large));
  at.decisions->log->heard("drained");
  EXPECT_EQ(at.on_thread([&] { return at.link(0).queued(); }), 0U);
}

TEST(bot_socket, pings_of_a_bot_that_does_not_read_are_not_answered_for_ever) {
  open_door at;
  door_client bot{at.door->port(), {}, 4096};
  bot.upgrade();
  auto ping = masked(9, std::string(125, 'p'));
  std::string many;
  for (int i = 0; i < 1000; ++i)
    many += ping;
  for (int i = 0; i < 100; ++i)
    bot.send(many);
  bot.send(masked(1, "done"));
  at.decisions->log->heard("payload done");
  EXPECT_LE(at.on_thread([&] { return at.link().queued(); }), std::size_t{80} << 10);
}

TEST(bot_socket, a_door_that_ends_calls_nobody_any_more) {
  open_door at;
  door_client bot{at.door->port()};
  bot.upgrade();
  bot.frame();
  std::weak_ptr<bot_link> link = at.on_thread([&] { return at.decisions->links[0]; });
  at.decisions->links.clear();
  at.door.reset();
  EXPECT_EQ(bot.frame(), "end");
  expires(link); // waits that the door cancelled still had to run
  EXPECT_EQ(at.decisions->log->lines(), std::vector<std::string>{"connected"});
}

TEST(bot_socket, an_io_thread_that_ends_first_takes_the_door_with_it) {
  auto decisions = std::make_shared<logging_decisions>();
  auto thread = std::make_optional<io_thread>();
  bot_door door{*thread, {}, decisions};
  door_client bot{door.port()};
  bot.upgrade();
  bot.frame();
  thread.reset();
  EXPECT_EQ(bot.frame(), "end");
}

TEST(bot_socket, posted_work_runs_on_the_doors_thread_and_dies_with_it) {
  open_door at;
  auto thread = at.on_thread([] { return std::this_thread::get_id(); });
  std::promise<std::thread::id> later;
  at.door->post_after(std::chrono::milliseconds{1}, [&] { later.set_value(std::this_thread::get_id()); });
  EXPECT_EQ(later.get_future().get(), thread);
  auto held = std::make_shared<int>(0);
  std::weak_ptr<int> watch = held;
  at.door->post_after(std::chrono::hours{1}, [held = std::move(held)] { ++*held; });
  at.door.reset();
  expires(watch);
}

} // namespace
} // namespace shardyard::net
