#include "net/compressor.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

namespace shardyard::net {
namespace {

constexpr std::size_t bound = 16 << 20;

std::string pack(compressor& packer, std::initializer_list<std::string_view> parts) {
  byte_buffer out;
  packer.pack(parts, out);
  return std::string{out.view()};
}

std::string unpack(inflater& reader, std::string_view bytes) {
  byte_buffer out;
  EXPECT_EQ(reader.feed(bytes, out, bound), inflater::outcome::ok);
  EXPECT_TRUE(reader.at_message_end());
  return std::string{out.view()};
}

/// Partly repetitive, partly not.
std::string half_random_text(std::mt19937& random, std::size_t size) {
  std::string result;
  while (result.size() < size)
    result += random() % 3 == 0 ? std::string(1 + random() % 9, static_cast<char>(random()))
                                : std::string{R"({"id":"41771983423143937","content":"hi"})"};
  result.resize(size);
  return result;
}

TEST(compressor, every_message_can_be_read_as_soon_as_it_is_packed) {
  for (auto mode : {compression::zlib_stream, compression::zstd_stream})
    for (unsigned seed = 1; seed <= 20; ++seed) {
      std::mt19937 random{seed};
      auto packer = make_compressor(mode, {});
      auto reader = make_inflater(mode);
      for (int i = 0; i < 40; ++i) {
        constexpr std::size_t most[] = {1, 100, 2000, 50'000, 400'000};
        auto text = half_random_text(random, random() % most[random() % 5]);
        auto cut = text.empty() ? 0 : random() % text.size();
        auto packed =
            pack(*packer, {std::string_view{text}.substr(0, cut), {}, std::string_view{text}.substr(cut)});
        ASSERT_EQ(unpack(*reader, packed), text) << to_string(mode) << ", seed " << seed << ", message " << i;
      }
    }
}

TEST(compressor, a_zlib_stream_message_ends_with_the_suffix_that_discord_promises) {
  auto packer = make_compressor(compression::zlib_stream, {});
  for (std::string_view text : {R"({"op":10})", R"({"op":11})"})
    EXPECT_TRUE(pack(*packer, {text}).ends_with(std::string("\0\0\xFF\xFF", 4)));
}

TEST(compressor, a_zstd_stream_begins_as_discords_does_but_for_the_window) {
  auto packer = make_compressor(compression::zstd_stream, {.zstd_window_log = 18});
  EXPECT_TRUE(pack(*packer, {R"({"op":10})"}).starts_with(std::string("\x28\xB5\x2F\xFD\x00\x40", 6)));
}

/// Blocks in what zstd wrote, RFC 8878 section 3.1.1.2; `head`: the frame's header comes first.
int blocks_of(std::string_view packed, bool head) {
  constexpr std::size_t frame_header = 6, block_header = 3;
  packed.remove_prefix(head ? frame_header : 0);
  auto count = 0;
  for (; packed.size() >= block_header; ++count) {
    auto byte = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(packed[i]));
    };
    auto header = byte(0) | byte(1) << 8 | byte(2) << 16;
    auto repeated = (header >> 1 & 3) == 1;
    packed.remove_prefix(block_header + (repeated ? 1 : header >> 3));
  }
  return count;
}

TEST(compressor, a_zstd_message_up_to_128_kib_is_one_block_since_discordeno_takes_each_for_a_message) {
  std::mt19937 random{5};
  auto packer = make_compressor(compression::zstd_stream, {});
  for (int i = 0; i < 200; ++i) {
    auto text = half_random_text(random, 1 + random() % 131'000);
    auto cut = random() % text.size();
    auto packed = pack(*packer, {std::string_view{text}.substr(0, cut), std::string_view{text}.substr(cut)});
    ASSERT_EQ(blocks_of(packed, i == 0), 1) << "message " << i << " of " << text.size() << " bytes";
  }
}

TEST(compressor, a_message_is_smaller_for_those_before_it) {
  for (auto mode : {compression::zlib_stream, compression::zstd_stream}) {
    auto packer = make_compressor(mode, {});
    auto text = R"({"t":"TYPING_START","s":1,"op":0,"d":{"guild_id":"41771983423143937"}})";
    auto first = pack(*packer, {text}).size();
    EXPECT_LT(pack(*packer, {text}).size(), first / 2) << to_string(mode);
  }
}

TEST(compressor, a_whole_message_is_one_complete_zlib_stream) {
  auto packer = make_whole_compressor(1);
  for (std::size_t size : {0, 10, 5000, 300'000}) {
    std::mt19937 random{7};
    auto text = half_random_text(random, size);
    auto packed = pack(*packer, {text});
    std::string out(size + 1, '\0');
    auto got = uLongf{out.size()};
    ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(out.data()), &got,
                         reinterpret_cast<const Bytef*>(packed.data()), packed.size()),
              Z_OK);
    EXPECT_EQ(out.substr(0, got), text);
  }
}

TEST(compressor, output_is_appended_to_what_is_there) {
  auto packer = make_compressor(compression::zstd_stream, {});
  byte_buffer out;
  out.append("before");
  packer->pack({"text"}, out);
  EXPECT_TRUE(out.view().starts_with("before\x28\xB5"));
}

TEST(compressor, without_compression_there_is_none_and_wrong_levels_are_refused) {
  EXPECT_EQ(make_compressor(compression::none, {}), nullptr);
  EXPECT_THROW(make_compressor(compression::zlib_stream, {.zlib = 77}), std::runtime_error);
  EXPECT_THROW(make_compressor(compression::zstd_stream, {.zstd_window_log = 99}), std::runtime_error);
}

} // namespace
} // namespace shardyard::net
