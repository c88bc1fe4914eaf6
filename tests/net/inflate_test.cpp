#include "net/inflate.hpp"

#include "tests/net/compressors.hpp"

#include <random>

#include <gtest/gtest.h>

namespace shardyard::net {
namespace {

using outcome = inflater::outcome;
constexpr std::size_t plenty = 64 << 20;

constexpr unsigned char captured_hello[] = {
    40, 181, 47,  253, 0,   64,  100, 3,   0,   66,  7,   25,  28,  112, 137, 115, 116, 40,  208, 203,
    85, 255, 167, 74,  75,  126, 203, 222, 231, 255, 151, 18,  211, 212, 171, 144, 151, 210, 255, 51,
    4,  49,  34,  71,  98,  2,   36,  253, 122, 141, 99,  203, 225, 11,  162, 47,  133, 241, 6,   201,
    82, 245, 91,  206, 247, 164, 226, 156, 92,  108, 130, 123, 11,  95,  199, 15,  61,  179, 117, 157,
    28, 37,  65,  64,  25,  250, 182, 8,   199, 205, 44,  73,  47,  19,  218, 45,  27,  14,  245, 202,
    81, 82,  122, 167, 121, 71,  173, 61,  140, 190, 15,  3,   1,   0,   36,  74,  18};

std::string random_text(std::mt19937& random, std::size_t size) {
  std::string result(size, '\0');
  for (auto& c : result)
    c = static_cast<char>('a' + random() % 20);
  return result;
}

TEST(inflate, the_hello_captured_from_discord_is_read) {
  byte_buffer out;
  std::string_view input{reinterpret_cast<const char*>(captured_hello), sizeof captured_hello};
  ASSERT_EQ(make_inflater(compression::zstd_stream)->feed(input, out, plenty), outcome::ok);
  EXPECT_EQ(out.view(), R"({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250,)"
                        R"("_trace":["[\"gateway-prd-us-east1-c-7s4x\",{\"micros\":0.0}]"]}})");
}

class every_mode : public testing::TestWithParam<compression> {};
INSTANTIATE_TEST_SUITE_P(inflate, every_mode,
                         testing::Values(compression::none, compression::zlib_stream,
                                         compression::zstd_stream));

TEST_P(every_mode, messages_come_out_as_they_went_in_however_the_input_is_cut) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random{seed};
    auto packer = make_deflater(GetParam());
    auto reader = make_inflater(GetParam());
    for (int i = 0; i < 20; ++i) {
      auto text = random_text(random, i == 7 ? 700'000 : random() % 5000);
      auto packed = packer->pack(text);
      byte_buffer out;
      for (std::size_t at = 0; at < packed.size();) {
        auto size = std::min(packed.size() - at, std::size_t{1} + random() % 3000);
        ASSERT_EQ(reader->feed(std::string_view{packed}.substr(at, size), out, plenty), outcome::ok)
            << "seed " << seed;
        at += size;
      }
      ASSERT_EQ(out.view(), text) << "seed " << seed;
      ASSERT_TRUE(text.empty() || reader->at_message_end()) << "seed " << seed;
    }
  }
}

TEST_P(every_mode, output_stops_at_the_bound_and_a_message_of_exactly_that_size_passes) {
  std::string text(100'000, 'x');
  auto packed = make_deflater(GetParam())->pack(text);
  byte_buffer exact;
  EXPECT_EQ(make_inflater(GetParam())->feed(packed, exact, text.size()), outcome::ok);
  EXPECT_EQ(exact.view(), text);
  byte_buffer less;
  EXPECT_EQ(make_inflater(GetParam())->feed(packed, less, text.size() - 1), outcome::too_large);
  EXPECT_LE(less.size(), text.size());
}

TEST(inflate, a_bomb_is_stopped_without_being_unpacked) {
  std::string zeros(64 << 20, '\0');
  for (auto mode : {compression::zlib_stream, compression::zstd_stream}) {
    auto packed = make_deflater(mode)->pack(zeros);
    ASSERT_LT(packed.size(), zeros.size() / 500);
    byte_buffer out;
    EXPECT_EQ(make_inflater(mode)->feed(packed, out, 1 << 20), outcome::too_large);
    EXPECT_LE(out.size(), (1U << 20) + 1);
  }
}

TEST(inflate, a_zlib_message_split_over_frames_ends_only_at_its_suffix) {
  zlib_deflater packer;
  auto packed = packer.pack(std::string(5000, 'y') + "end");
  auto reader = make_inflater(compression::zlib_stream);
  byte_buffer out;
  for (std::size_t at = 0; at + 1 < packed.size(); ++at) {
    ASSERT_EQ(reader->feed(packed.substr(at, 1), out, plenty), outcome::ok);
    ASSERT_FALSE(reader->at_message_end()) << at;
  }
  reader->feed(packed.substr(packed.size() - 1), out, plenty);
  EXPECT_TRUE(reader->at_message_end());
  EXPECT_EQ(out.size(), 5003U);
}

TEST(inflate, a_zlib_stream_that_ends_is_corrupt_since_it_lives_as_long_as_the_connection) {
  std::string text = "finished";
  uLongf size = compressBound(text.size());
  std::string packed(size, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
           text.size());
  packed.resize(size);
  byte_buffer out;
  EXPECT_EQ(make_inflater(compression::zlib_stream)->feed(packed, out, plenty), outcome::corrupt);
}

TEST(inflate, a_zstd_window_above_the_cap_is_refused) {
  byte_buffer out;
  zstd_deflater huge{27};
  EXPECT_EQ(make_inflater(compression::zstd_stream)->feed(huge.pack(std::string(100, 'x')), out, plenty),
            outcome::corrupt);
  zstd_deflater largest{23};
  EXPECT_EQ(make_inflater(compression::zstd_stream)->feed(largest.pack(std::string(100, 'x')), out, plenty),
            outcome::ok);
}

TEST(inflate, damaged_input_is_an_error_or_other_text_but_never_out_of_bounds) {
  for (auto mode : {compression::zlib_stream, compression::zstd_stream}) {
    for (unsigned seed = 1; seed <= 500; ++seed) {
      std::mt19937 random{seed};
      auto packed = make_deflater(mode)->pack(random_text(random, 500));
      for (int i = 0; i < 5; ++i)
        packed[random() % packed.size()] = static_cast<char>(random());
      byte_buffer out;
      make_inflater(mode)->feed(packed, out, 4096);
      ASSERT_LE(out.size(), 4097U) << "seed " << seed;
    }
  }
}

} // namespace
} // namespace shardyard::net
