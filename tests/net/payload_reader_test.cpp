#include "net/payload_reader.hpp"

#include "tests/net/compressors.hpp"
#include "tests/net/frames.hpp"

#include <random>

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

constexpr snowflake first_id = 1'000'000ULL << 22;

std::string message_event(std::uint64_t s, const std::string& name = "MESSAGE_CREATE",
                          std::size_t filler = 10) {
  return R"({"t":")" + name + R"(","s":)" + std::to_string(s) + R"(,"op":0,"d":{"id":")" +
         std::to_string(first_id + (s << 22)) + R"(","content":")" + std::string(filler, 'c') +
         R"(","guild_id":"77"}})";
}

std::string ready_event(std::uint64_t s = 1) {
  return R"({"t":"READY","s":)" + std::to_string(s) +
         R"(,"op":0,"d":{"v":10,"user":{"id":"5","username":"a\ud83d"},"session_id":"abc",)"
         R"("resume_gateway_url":"wss:\/\/r.gg","guilds":[{"id":"1","unavailable":true},{"unavailable":false,"id":"2"}],)"
         R"("shard":[3,8],"application":{"id":"9","flags":0}}})";
}

/// Everything that came out, as one line per call.
struct record final : payload_sink {
  std::vector<std::string> lines;
  std::vector<event_block> blocks;

  void on_events(event_block block) override {
    std::string line = "events";
    for (auto& e : block.entries)
      line += " " + std::to_string(e.s);
    lines.push_back(line);
    blocks.push_back(std::move(block));
  }
  void on_ready(ready_view r) override {
    lines.push_back("ready " + r.session_id + " " + r.resume_gateway_url + " guilds " +
                    std::to_string(r.guilds.size()) + " shard " + std::to_string(r.shard_id) + "/" +
                    std::to_string(r.shard_count) + " app " + std::to_string(r.application) + " s " +
                    std::to_string(r.s));
  }
  void on_resumed(std::uint64_t s) override { lines.push_back("resumed " + std::to_string(s)); }
  void on_hello(std::uint32_t interval) override { lines.push_back("hello " + std::to_string(interval)); }
  void on_reconnect() override { lines.push_back("reconnect"); }
  void on_invalid_session(bool resumable) override {
    lines.push_back(resumable ? "invalid true" : "invalid false");
  }
  void on_heartbeat_request() override { lines.push_back("beat"); }
  void on_acknowledged() override { lines.push_back("ack"); }
  void on_ping(std::string_view payload) override { lines.push_back("ping " + std::string{payload}); }
  void on_close_frame(std::uint16_t code, std::string_view text) override {
    lines.push_back("close " + std::to_string(code) + " " + std::string{text});
  }
};

class payload_reader_of : public testing::TestWithParam<compression> {
protected:
  std::string pack(const std::string& payload) { return binary_frame(deflater_->pack(payload)); }

  /// In order, which operands of + would not guarantee.
  std::string pack(std::initializer_list<std::string> payloads) {
    std::string result;
    for (auto& payload : payloads)
      result += pack(payload);
    return result;
  }
  std::optional<read_fault> read(std::string_view bytes) { return reader_.read(bytes, 123, space_, out_); }

  std::unique_ptr<deflater> deflater_ = make_deflater(GetParam());
  payload_reader reader_{GetParam(), 1 << 20};
  read_space space_;
  record out_;
};
INSTANTIATE_TEST_SUITE_P(payload_reader, payload_reader_of,
                         testing::Values(compression::none, compression::zlib_stream,
                                         compression::zstd_stream));

using lines = std::vector<std::string>;

TEST_P(payload_reader_of, all_dispatches_of_one_read_come_as_one_block) {
  auto bytes = pack(
      {ready_event(), message_event(2), message_event(3, "PRESENCE_UPDATE"), message_event(4, "NEW_THING")});
  EXPECT_FALSE(read(bytes));
  EXPECT_EQ(out_.lines, (lines{"ready abc wss://r.gg guilds 2 shard 3/8 app 9 s 1", "events 2 3 4"}));
  auto& block = out_.blocks.at(0);
  EXPECT_EQ(block.received_ns, 123);
  EXPECT_EQ(block.newest_ms, created_ms(first_id + (2ULL << 22))) << "presences carry no anchor";
  EXPECT_EQ(block.name(block.entries[1]), "PRESENCE_UPDATE");
  EXPECT_EQ(block.name(block.entries[2]), "NEW_THING");
  EXPECT_EQ(block.entries[0].guild, 77U);
  EXPECT_EQ(block.entries[1].lane, lane::state);
  auto text = message_event(4, "NEW_THING");
  auto d = text.substr(text.find("\"d\":") + 4);
  d.pop_back();
  EXPECT_EQ(block.data(block.entries[2]), d);
  EXPECT_GE(block.bytes->capacity(), block.bytes->size() + byte_buffer::padding);
}

TEST_P(payload_reader_of, order_is_kept_around_ready_resumed_and_control_payloads) {
  auto bytes = pack({R"({"op":10,"d":{"heartbeat_interval":41250}})", message_event(1), R"({"op":11})",
                     message_event(2), R"({"t":"RESUMED","s":3,"op":0,"d":{"_trace":[]}})", message_event(4),
                     message_event(5), R"({"op":7,"d":null})", R"({"op":9,"d":true})", R"({"op":1,"d":null})",
                     R"({"op":50,"d":{}})", R"({"op":9,"d":false})", ready_event(), message_event(2)});
  EXPECT_FALSE(read(bytes));
  EXPECT_EQ(out_.lines, (lines{"hello 41250", "events 1", "ack", "events 2", "resumed 3", "events 4 5",
                               "reconnect", "invalid true", "beat", "invalid false",
                               "ready abc wss://r.gg guilds 2 shard 3/8 app 9 s 1", "events 2"}));
  EXPECT_EQ(reader_.last_s(), 2U);
}

TEST_P(payload_reader_of, the_same_comes_out_however_the_bytes_are_cut) {
  std::string bytes = pack(ready_event());
  for (std::uint64_t s = 2; s < 60; ++s)
    bytes += pack(message_event(s, s % 3 == 0 ? "TYPING_START" : "MESSAGE_CREATE", s == 30 ? 300'000 : 40)) +
             (s % 7 == 0 ? frame(9, "p") : "");
  auto expected_end = reader_.last_s();
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937 random{seed};
    payload_reader reader{GetParam(), 1 << 20};
    record out;
    for (std::size_t at = 0; at < bytes.size();) {
      auto size = std::min(bytes.size() - at, std::size_t{1} + random() % (seed % 2 == 0 ? 2000 : 60'000));
      auto fault = reader.read(std::string_view{bytes}.substr(at, size), 1, space_, out);
      ASSERT_FALSE(fault) << fault->text << " seed " << seed;
      at += size;
    }
    std::uint64_t expected = 2;
    for (auto& block : out.blocks)
      for (auto& e : block.entries) {
        ASSERT_EQ(e.s, expected) << "seed " << seed;
        auto text = message_event(e.s, std::string{block.name(e)}, e.s == 30 ? 300'000 : 40);
        ASSERT_EQ(block.data(e), text.substr(text.find("\"d\":") + 4, text.size() - text.find("\"d\":") - 5));
        ++expected;
      }
    ASSERT_EQ(expected, 60U) << "seed " << seed;
  }
  EXPECT_EQ(expected_end, 0U);
}

TEST_P(payload_reader_of, a_missing_sequence_is_a_gap_and_what_came_before_is_handed_out) {
  auto fault = read(pack({ready_event(), message_event(2), message_event(4), message_event(5)}));
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, read_fault_kind::sequence_gap);
  EXPECT_EQ(fault->text, "sequence 4 after 2");
  EXPECT_EQ(out_.lines.back(), "events 2");
  EXPECT_EQ(reader_.last_s(), 2U) << "RESUME from the last contiguous sequence";
}

TEST_P(payload_reader_of, what_a_resume_repeats_is_dropped_and_counted) {
  reader_.expect_after(10, 0);
  EXPECT_FALSE(read(pack(
      {message_event(9), message_event(10), message_event(11), R"({"t":"RESUMED","s":12,"op":0,"d":{}})"})));
  EXPECT_EQ(out_.lines, (lines{"events 11", "resumed 12"}));
  EXPECT_EQ(reader_.repeated(), 2U);
}

TEST_P(payload_reader_of, other_servers_may_number_ready_0_and_resumed_not_at_all) {
  EXPECT_FALSE(read(pack(
      {ready_event(0), message_event(1), R"({"t":"RESUMED","s":null,"op":0,"d":null})", message_event(2)})));
  EXPECT_EQ(out_.lines.back(), "events 2");
}

TEST_P(payload_reader_of, the_newest_snowflake_lives_as_long_as_the_session) {
  reader_.expect_after(1, 99);
  EXPECT_FALSE(read(pack(message_event(2, "PRESENCE_UPDATE"))));
  EXPECT_EQ(out_.blocks.at(0).newest_ms, 99);
  EXPECT_FALSE(read(pack({ready_event(), message_event(2, "PRESENCE_UPDATE")})));
  EXPECT_EQ(out_.blocks.at(1).newest_ms, 0);
}

TEST_P(payload_reader_of, malformed_payloads_are_faults_with_a_reason) {
  for (auto text :
       {"{", "[]", R"({"t":"X","s":null,"op":0,"d":{}})", R"({"t":null,"s":1,"op":0,"d":{}})",
        R"({"op":10,"d":{}})", R"({"op":10,"d":{"heartbeat_interval":0}})", R"({"op":10})",
        R"({"op":10,"d":{"heartbeat_interval":1e99}})", R"({"t":"READY","s":1,"op":0,"d":{}})",
        R"({"t":"READY","s":1,"op":0,"d":null})", R"({"t":"READY","s":1,"op":0,"d":{"session_id":5}})"}) {
    auto packer = make_deflater(GetParam());
    payload_reader reader{GetParam(), 1 << 20};
    auto fault = reader.read(binary_frame(packer->pack(text)), 1, space_, out_);
    ASSERT_TRUE(fault) << text;
    EXPECT_EQ(fault->kind, read_fault_kind::malformed) << text;
    EXPECT_FALSE(fault->text.empty());
  }
}

TEST_P(payload_reader_of, a_message_above_the_bound_is_refused) {
  auto fault = read(pack(message_event(1, "X", 2 << 20)));
  ASSERT_TRUE(fault);
  if (GetParam() != compression::none) {
    EXPECT_EQ(fault->kind, read_fault_kind::too_large);
  }
}

TEST_P(payload_reader_of, nothing_behind_a_close_frame_is_read) {
  auto before = pack(message_event(1)), behind = pack(message_event(2));
  EXPECT_FALSE(read(before + close_frame(4000, "bye") + behind));
  EXPECT_FALSE(read(pack(message_event(3))));
  EXPECT_EQ(out_.lines, (lines{"events 1", "close 4000 bye"}));
}

TEST_P(payload_reader_of, a_read_that_unpacks_to_much_leaves_in_several_blocks) {
  std::string bytes;
  for (std::uint64_t s = 1; s <= 8; ++s)
    bytes += pack(message_event(s, "X", 400'000));
  EXPECT_FALSE(read(bytes));
  EXPECT_EQ(out_.lines, (lines{"events 1 2 3", "events 4 5 6", "events 7 8"}));
}

TEST(payload_reader, a_zlib_message_may_be_split_over_several_websocket_messages) {
  zlib_deflater packer;
  auto packed = packer.pack(message_event(1, "X", 500));
  payload_reader reader{compression::zlib_stream, 1 << 20};
  read_space space;
  record out;
  auto first = binary_frame(packed.substr(0, 20)), second = binary_frame(packed.substr(20, 30)),
       third = binary_frame(packed.substr(50));
  EXPECT_FALSE(reader.read(first + second, 1, space, out));
  EXPECT_TRUE(out.lines.empty());
  EXPECT_FALSE(reader.read(third + binary_frame(packer.pack(message_event(2))), 1, space, out));
  EXPECT_EQ(out.lines, (lines{"events 1 2"}));
}

TEST(payload_reader, random_bytes_cost_the_connection_and_no_more) {
  for (auto mode : {compression::none, compression::zlib_stream, compression::zstd_stream}) {
    for (unsigned seed = 1; seed <= 1000; ++seed) {
      std::mt19937 random{seed};
      auto packer = make_deflater(mode);
      std::string bytes;
      for (auto& text : {ready_event(), message_event(2), message_event(3)})
        bytes += binary_frame(packer->pack(text));
      for (int i = 0; i < 4; ++i)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      payload_reader reader{mode, 1 << 16};
      read_space space;
      record out;
      auto cut = random() % bytes.size();
      if (!reader.read(std::string_view{bytes}.substr(0, cut), 1, space, out))
        reader.read(std::string_view{bytes}.substr(cut), 1, space, out);
      for (auto& block : out.blocks)
        for (auto& e : block.entries)
          ASSERT_LE(e.d_offset + e.d_size, block.bytes->size()) << "seed " << seed;
    }
  }
}

} // namespace
} // namespace shardyard::net
