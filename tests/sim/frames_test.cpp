#include "sim/stream_encoder.hpp"
#include "sim/ws_frames.hpp"

#include <gtest/gtest.h>

namespace shardyard::sim {
namespace {

std::string masked(int first, std::string_view text) {
  std::string out{static_cast<char>(first), static_cast<char>(0x80 | text.size())};
  constexpr std::string_view mask{"\x01\x02\x03\x04", 4};
  out += mask;
  for (std::size_t i = 0; i < text.size(); ++i)
    out += static_cast<char>(text[i] ^ mask[i % 4]);
  return out;
}

TEST(ws_reader, finds_messages_in_any_pieces) {
  auto bytes = masked(0x81, "one") + masked(0x01, "tw") + masked(0x89, "ping") + masked(0x80, "o") +
               masked(0x88, "\x0F\xA0");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    ws_reader reader{100};
    std::string seen;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.feed(bytes.substr(at, piece));
      while (auto message = reader.next())
        seen += message->opcode == ws_opcode::close ? std::to_string(message->close_code())
                                                    : message->bytes + " ";
    }
    EXPECT_EQ(seen, "one ping two 4000");
    EXPECT_EQ(reader.error(), 0);
  }
}

TEST(ws_reader, refuses_broken_frames) {
  for (auto& [bytes, code] : std::vector<std::pair<std::string, int>>{
           {std::string{"\x81\x02hi"}, 1002},           // not masked
           {masked(0x80, "x"), 1002},                   // continues nothing
           {masked(0x09, "x"), 1002},                   // fragmented ping
           {masked(0xC1, "x"), 1002},                   // reserved bit
           {masked(0x83, "x"), 1002},                   // unknown opcode
           {masked(0x81, std::string(101, 'x')), 1009}, // too long
           {masked(0x01, std::string(60, 'x')) + masked(0x80, std::string(60, 'x')), 1009},
       }) {
    ws_reader reader{100};
    reader.feed(bytes);
    EXPECT_FALSE(reader.next());
    EXPECT_EQ(reader.error(), code);
  }
}

TEST(ws_frames, lengths_are_written_in_their_shortest_form) {
  for (auto [size, header] : {std::pair{125u, 2u}, {126u, 4u}, {65535u, 4u}, {65536u, 10u}}) {
    std::string out;
    put_ws_frame(out, ws_opcode::binary, std::string(size, 'x'));
    EXPECT_EQ(out.size(), size + header);
  }
  EXPECT_EQ(ws_accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); // RFC 6455, section 1.3
}

TEST(stream_encoder, flushes_each_message_as_discord_does) {
  stream_encoder zlib{compression::zlib_stream, {}}, zstd{compression::zstd_stream, {}};
  for (auto i = 0; i < 3; ++i)
    EXPECT_TRUE(zlib.encode("{\"op\":11}").ends_with(std::string_view{"\0\0\xFF\xFF", 4}));
  auto first = zstd.encode("{\"op\":10}");
  // Magic number, no content size or checksum, a window of 256 KiB.
  EXPECT_TRUE(first.starts_with(std::string_view{"\x28\xB5\x2F\xFD\x00\x40", 6}));
}

} // namespace
} // namespace shardyard::sim
