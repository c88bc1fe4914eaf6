#include "net/frame_parser.hpp"

#include "tests/net/frames.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

struct seen {
  std::vector<std::string> messages;
  std::vector<std::string> pings;
  std::string error;
  int close_code = 0;
  std::string close_text;
  bool operator==(const seen&) const = default;
};

/// Feeds `bytes` in pieces of the given sizes (the last size repeats).
seen parse(std::string_view bytes, std::vector<std::size_t> sizes, std::uint64_t limit = 1 << 20) {
  frame_parser parser{limit};
  seen result;
  std::string message;
  std::size_t turn = 0;
  while (!bytes.empty()) {
    auto size = std::min(bytes.size(), sizes[std::min(turn++, sizes.size() - 1)]);
    auto input = bytes.substr(0, size);
    bytes.remove_prefix(size);
    for (;;) {
      auto piece = parser.next(input);
      if (piece.kind == frame_kind::need_more)
        break;
      if (piece.kind == frame_kind::broken) {
        result.error = piece.bytes;
        return result;
      }
      if (piece.kind == frame_kind::ping)
        result.pings.emplace_back(piece.bytes);
      if (piece.kind == frame_kind::close) {
        result.close_code = piece.close_code;
        result.close_text = piece.bytes;
      }
      if (piece.kind != frame_kind::data)
        continue;
      message += piece.bytes;
      if (piece.message_end)
        result.messages.push_back(std::exchange(message, {}));
    }
  }
  return result;
}

seen parse_whole(std::string_view bytes, std::uint64_t limit = 1 << 20) {
  return parse(bytes, {bytes.size()}, limit);
}

TEST(frame_parser, one_read_may_bring_many_frames_and_a_part) {
  auto bytes = text_frame("one") + text_frame("") + text_frame("two") + text_frame("three").substr(0, 4);
  EXPECT_EQ(parse_whole(bytes).messages, (std::vector<std::string>{"one", "", "two"}));
}

TEST(frame_parser, all_three_length_forms_are_read) {
  for (std::size_t size : {0, 1, 125, 126, 127, 65535, 65536, 70000}) {
    std::string payload(size, 'x');
    EXPECT_EQ(parse_whole(binary_frame(payload)).messages, std::vector<std::string>{payload}) << size;
  }
}

TEST(frame_parser, a_fragmented_message_is_one_message_and_control_frames_may_stand_between) {
  auto bytes = frame(1, "frag", false) + frame(9, "are you there") + frame(0, "men", false) + frame(0, "ted");
  auto result = parse_whole(bytes);
  EXPECT_EQ(result.messages, std::vector<std::string>{"fragmented"});
  EXPECT_EQ(result.pings, std::vector<std::string>{"are you there"});
}

TEST(frame_parser, a_close_frame_carries_code_and_text_or_neither) {
  auto with_code = parse_whole(close_frame(4004, "Authentication failed."));
  EXPECT_EQ(with_code.close_code, 4004);
  EXPECT_EQ(with_code.close_text, "Authentication failed.");
  EXPECT_EQ(parse_whole(frame(8, "")).close_code, 1005);
}

TEST(frame_parser, what_the_protocol_forbids_is_refused) {
  std::string masked = text_frame("abc");
  masked[1] = static_cast<char>(masked[1] | 0x80);
  EXPECT_EQ(parse_whole(masked + "mask").error, "masked frame from the server");
  EXPECT_EQ(parse_whole(frame(1, "x", true, 0x40)).error, "reserved bit set without an extension");
  EXPECT_EQ(parse_whole(frame(3, "x")).error, "reserved opcode");
  EXPECT_EQ(parse_whole(frame(11, "x")).error, "reserved opcode");
  EXPECT_EQ(parse_whole(frame(9, "x", false)).error, "fragmented control frame");
  EXPECT_EQ(parse_whole(frame(9, std::string(126, 'x'))).error, "control frame longer than 125 bytes");
  EXPECT_EQ(parse_whole(frame(0, "x")).error, "continuation without a message");
  EXPECT_EQ(parse_whole(frame(1, "x", false) + frame(1, "y")).error, "new message inside a fragmented one");
  EXPECT_EQ(parse_whole(frame(8, "x")).error, "close frame with half a code");
}

TEST(frame_parser, a_message_above_the_bound_is_refused_before_its_payload_is_read) {
  EXPECT_EQ(parse_whole(binary_frame(std::string(200, 'x')).substr(0, 4), 199).error,
            "message larger than allowed");
  EXPECT_EQ(parse_whole(binary_frame(std::string(200, 'x')), 200).error, "");
  auto endless = frame(2, std::string(150, 'x'), false) + frame(0, std::string(150, 'x'), false);
  EXPECT_EQ(parse_whole(endless, 299).error, "message larger than allowed");
  std::string huge{"\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10};
  EXPECT_EQ(parse_whole(huge).error, "message larger than allowed");
}

TEST(frame_parser, how_the_bytes_are_cut_does_not_matter) {
  auto bytes = text_frame("hello") + frame(1, "a", false) + frame(9, "ping") +
               frame(0, std::string(300, 'b')) + binary_frame(std::string(70000, 'c')) +
               close_frame(4000, "bye");
  auto whole = parse_whole(bytes);
  EXPECT_EQ(parse(bytes, {1}), whole);
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random{seed};
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 60; ++i)
      sizes.push_back(1 + random() % (i % 2 == 0 ? 9 : 5000));
    ASSERT_EQ(parse(bytes, sizes), whole) << "seed " << seed;
  }
}

TEST(frame_parser, random_bytes_end_in_an_error_or_in_waiting_never_elsewhere) {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    std::mt19937 random{seed};
    std::string bytes(random() % 400, '\0');
    for (auto& c : bytes)
      c = static_cast<char>(random() % 4 == 0 ? random() : 0x80 + random() % 3);
    parse(bytes, {1 + random() % 50});
  }
}

} // namespace
} // namespace shardyard::net
