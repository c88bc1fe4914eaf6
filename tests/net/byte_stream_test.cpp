// A TLS connection in one thread, over a pair of sockets that are exactly as full as the test makes them.
#include "net/byte_stream.hpp"

#include "tests/net/scripted_server.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

class tls_stream : public testing::Test {
protected:
  tls_stream() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
      throw std::runtime_error{"no pair of sockets"};
    ours_ = ends[0];
    peers_ = ends[1];
  }
  ~tls_stream() override {
    stream_.close();
    ::close(peers_);
    ERR_clear_error();
  }

  void shake_hands() {
    tls_context::connection tls{SSL_new(certificate_.context())};
    SSL_set_fd(tls.get(), ours_);
    SSL_set_accept_state(tls.get());
    byte_stream::tcp::socket socket{context_, byte_stream::tcp::v4(), ours_};
    std::optional<byte_stream::failure> why = byte_stream::failure{"the handshake does not end"};
    stream_.accept(std::move(socket), std::move(tls), [&](auto outcome) { why = std::move(outcome); });
    peer_ = tls_context{certificate_.file()}.connect(peers_, "localhost");
    for (int i = 0; i < 10 && SSL_do_handshake(peer_.get()) != 1; ++i)
      context_.poll();
    context_.poll();
    ASSERT_FALSE(why) << why->text;
    ASSERT_TRUE(SSL_is_init_finished(peer_.get()));
  }

  /// So that not even an alert finds room. Not with what TLS writes: an unfinished record of it would keep
  /// OpenSSL from trying to send the alert.
  void fill_the_way_to_the_peer() {
    std::string filler(4096, 'x');
    for (std::size_t size = filler.size(); size > 0; size /= 2)
      while (::send(ours_, filler.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
      }
    ASSERT_TRUE(errno == EAGAIN || errno == EWOULDBLOCK);
  }

  /// The head of a record, and nothing in it that the peer's key has made.
  void garbage_from_the_peer() {
    std::string record{"\x17\x03\x03\x00\x40", 5};
    record.append(64, 'g');
    ASSERT_EQ(::send(peers_, record.data(), record.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(record.size()));
  }

  stream_state read() { return stream_.read(room_).state; }

  test_certificate certificate_{"DNS:localhost"};
  boost::asio::io_context context_;
  byte_stream stream_{context_};
  tls_context::connection peer_;
  std::vector<char> room_ = std::vector<char>(64 << 10);
  int ours_ = -1;
  int peers_ = -1;
};

TEST_F(tls_stream, ends_with_a_record_that_is_none_also_when_its_alert_finds_no_room) {
  shake_hands();
  ASSERT_EQ(read(), stream_state::wants_read);
  fill_the_way_to_the_peer();
  garbage_from_the_peer();
  EXPECT_EQ(read(), stream_state::ended);
  EXPECT_EQ(read(), stream_state::ended) << "and for good";
  EXPECT_EQ(stream_.write("x").state, stream_state::ended);
}

TEST_F(tls_stream, ends_with_a_record_that_is_none_when_its_alert_finds_room) {
  shake_hands();
  garbage_from_the_peer();
  EXPECT_EQ(read(), stream_state::ended);
}

TEST_F(tls_stream, waits_while_there_is_no_room_and_is_read_on) {
  shake_hands();
  fill_the_way_to_the_peer();
  EXPECT_EQ(stream_.write("x").state, stream_state::wants_write);
  EXPECT_EQ(read(), stream_state::wants_read);
  ASSERT_EQ(SSL_write(peer_.get(), "word", 4), 4);
  EXPECT_EQ(stream_.read(room_).bytes, 4u);
}

} // namespace
} // namespace shardyard::net
