#include "net/client_frames.hpp"

#include "tests/net/client_bytes.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

/// Everything a parser said, one line each.
using said = std::vector<std::string>;

std::string line_of(const client_piece& piece) {
  std::string bytes{piece.bytes};
  switch (piece.kind) {
  case client_piece_kind::need_more:
    return "more";
  case client_piece_kind::text:
    return "text " + bytes;
  case client_piece_kind::undecodable:
    return "undecodable";
  case client_piece_kind::ping:
    return "ping " + bytes;
  case client_piece_kind::pong:
    return "pong " + bytes;
  case client_piece_kind::close:
    return "close " + std::to_string(piece.close_code) + " " + bytes;
  case client_piece_kind::broken:
    return "broken: " + bytes;
  }
  return "?";
}

/// Feeds `bytes` in pieces of the given sizes (the last size repeats). Each piece lies at the end of a block
/// of its own, padding included, where a sanitizer sees a step too far.
said hear(std::string_view bytes, const std::vector<std::size_t>& sizes, std::size_t longest = 4096) {
  client_frames frames{longest};
  said result;
  std::size_t turn = 0;
  while (!bytes.empty()) {
    auto size = std::min(bytes.size(), sizes[std::min(turn++, sizes.size() - 1)]);
    std::vector<char> room(size + byte_buffer::padding);
    std::ranges::copy(bytes.substr(0, size), room.begin());
    bytes.remove_prefix(size);
    std::span<char> input{room.data(), size};
    for (;;) {
      auto piece = frames.next(input);
      if (piece.kind == client_piece_kind::need_more)
        break;
      result.push_back(line_of(piece));
      if (piece.kind == client_piece_kind::broken)
        return result;
    }
  }
  return result;
}

said hear_whole(std::string_view bytes, std::size_t longest = 4096) {
  return hear(bytes, {bytes.size()}, longest);
}

TEST(client_frames, one_read_may_bring_many_messages_and_a_part) {
  auto bytes = masked(1, "one") + masked(1, "") + masked(1, "two") + masked(1, "three").substr(0, 8);
  EXPECT_EQ(hear_whole(bytes), (said{"text one", "text ", "text two"}));
}

TEST(client_frames, all_three_length_forms_are_read) {
  for (std::size_t size : {0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, 70000}) {
    std::string payload(size, 'x');
    EXPECT_EQ(hear_whole(masked(1, payload), 1 << 20), said{"text " + payload}) << size;
  }
}

TEST(client_frames, a_fragmented_message_is_one_and_control_frames_may_stand_between) {
  auto bytes = masked(1, "", false) + masked(0, "frag", false) + masked(9, "are you there") +
               masked(0, "men", false) + masked(10, "p") + masked(0, "ted") + masked(1, "next");
  EXPECT_EQ(hear_whole(bytes), (said{"ping are you there", "pong p", "text fragmented", "text next"}));
}

TEST(client_frames, a_close_frame_carries_a_legal_code_and_text_or_neither) {
  EXPECT_EQ(hear_whole(masked_close(4000, "bye")), said{"close 4000 bye"});
  EXPECT_EQ(hear_whole(masked(8, "")), said{"close 1005 "});
  for (auto code : {0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535})
    EXPECT_EQ(hear_whole(masked_close(code)), said{"broken: close code that must not be sent"}) << code;
}

TEST(client_frames, what_the_protocol_forbids_is_refused) {
  EXPECT_EQ(hear_whole(std::string{"\x81\x03", 2} + "abc"), said{"broken: unmasked frame from the client"});
  EXPECT_EQ(hear_whole(masked(1, "x", true, 0x40)), said{"broken: reserved bit set without an extension"});
  EXPECT_EQ(hear_whole(masked(3, "x")), said{"broken: reserved opcode"});
  EXPECT_EQ(hear_whole(masked(11, "x")), said{"broken: reserved opcode"});
  EXPECT_EQ(hear_whole(masked(9, "x", false)), said{"broken: fragmented control frame"});
  EXPECT_EQ(hear_whole(masked(9, std::string(126, 'x'))),
            said{"broken: control frame longer than 125 bytes"});
  EXPECT_EQ(hear_whole(masked(0, "x")), said{"broken: continuation without a message"});
  EXPECT_EQ(hear_whole(masked(1, "x", false) + masked(1, "y")),
            said{"broken: new message inside a fragmented one"});
  EXPECT_EQ(hear_whole(masked(8, "x")), said{"broken: close frame with half a code"});
  EXPECT_EQ(hear_whole(std::string{"\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFmask", 14}),
            said{"broken: length above 2^63"});
}

TEST(client_frames, what_cannot_be_decoded_is_said_once_and_skipped) {
  auto after = masked(1, "after");
  EXPECT_EQ(hear_whole(masked(2, "binary") + after), (said{"undecodable", "text after"}));
  EXPECT_EQ(hear_whole(masked(1, std::string(11, 'x')) + after, 10), (said{"undecodable", "text after"}));
  auto grows = masked(1, "12345", false) + masked(0, "678901", false) + masked(9, "p") +
               masked(0, std::string(300, 'x'));
  EXPECT_EQ(hear_whole(grows + after, 10), (said{"undecodable", "ping p", "text after"}));
  EXPECT_EQ(hear_whole(masked(1, std::string(10, 'x')), 10), said{"text xxxxxxxxxx"});
}

TEST(client_frames, a_head_is_enough_to_know_that_a_message_is_too_long) {
  EXPECT_EQ(hear_whole(masked(1, std::string(5000, 'x')).substr(0, 8)), said{"undecodable"});
}

TEST(client_frames, ten_thousand_empty_fragments_cost_no_stack) {
  auto bytes = masked(1, "a", false);
  for (int i = 0; i < 200'000; ++i)
    bytes += masked(0, "", false);
  EXPECT_EQ(hear_whole(bytes + masked(0, "b")), said{"text ab"});
}

TEST(client_frames, how_the_bytes_are_cut_does_not_matter) {
  auto bytes = masked(1, "hello") + masked(1, "a", false) + masked(9, "ping") +
               masked(0, std::string(300, 'b')) + masked(2, std::string(7000, 'c')) +
               masked(1, std::string(4096, 'd')) + masked(1, std::string(4097, 'e')) +
               masked_close(4000, "bye");
  auto whole = hear_whole(bytes);
  ASSERT_EQ(whole.size(), 7U);
  EXPECT_EQ(hear(bytes, {1}), whole);
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random{seed};
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 60; ++i)
      sizes.push_back(1 + random() % (i % 2 == 0 ? 9 : 3000));
    ASSERT_EQ(hear(bytes, sizes), whole) << "seed " << seed;
  }
}

TEST(client_frames, hostile_bytes_end_in_an_error_or_in_waiting_and_never_exceed_the_bound) {
  for (unsigned seed = 1; seed <= 5000; ++seed) {
    std::mt19937 random{seed};
    std::string bytes;
    while (bytes.size() < 600) {
      constexpr int opcodes[] = {0, 1, 2, 8, 9, 10, 3, 0, 1, 0};
      auto part = masked(opcodes[random() % 10], std::string(random() % 200, 'x'), random() % 2 == 0);
      if (random() % 8 == 0)
        part[random() % part.size()] = static_cast<char>(random());
      bytes += part;
    }
    for (auto& line : hear(bytes, {1 + random() % 70}, 150))
      ASSERT_LE(line.size(), 155U) << "seed " << seed;
  }
}

} // namespace
} // namespace shardyard::net
