#include "sim/rest_routes.hpp"
#include "sim/truth_log.hpp"
#include "tests/sim/scenario.hpp"

namespace shardyard::sim {
namespace {

constexpr auto chunk = byte_log::chunk_size;

/// Some 8 bytes per event, in two sessions.
void fill(truth_log& log, std::uint64_t events) {
  log.session_ready(1, "a", 0, 2);
  log.session_ready(2, "b", 1, 2);
  for (std::uint64_t i = 1; i <= events; ++i) {
    auto id = log.happened(i % 3 == 0 ? "TYPING_START" : "MESSAGE_CREATE", 1000 + i % 500, 0);
    log.carried(1 + i % 2, i, id);
  }
}

std::string all_of(const truth_log& log) {
  std::string lines;
  truth_log::reader{log}.read(lines, SIZE_MAX);
  return lines;
}

TEST(truth_log, reads_the_same_from_memory_and_from_its_file) {
  truth_log in_memory{true}, in_file{true, {.memory = 2 * chunk}};
  fill(in_memory, 700'000);
  fill(in_file, 700'000);
  EXPECT_GT(in_file.rows().bytes_in_file(), chunk);
  EXPECT_LE(in_file.rows().bytes_in_memory(), 2 * chunk);
  EXPECT_EQ(in_memory.rows().bytes_in_file(), 0u);
  EXPECT_TRUE(all_of(in_memory) == all_of(in_file)); // some 40 MB, not to be printed
}

TEST(truth_log, tells_the_digest_of_what_happened_when_asked_for) {
  truth_log log{true, {}, true};
  log.happened("MESSAGE_CREATE", 5, 0, "123456789");
  log.happened("ENTITLEMENT_CREATE", 0, 7);
  log.happened("MESSAGE_CREATE", 5, 0, R"("\u00e9\/")");
  log.happened("MESSAGE_CREATE", 5, 0, R"("é/")");
  EXPECT_EQ(all_of(log),
            "[\"o\",1,\"5\",\"MESSAGE_CREATE\",\"\",3421780262]\n" // 0xCBF43926, CRC-32's check value
            "[\"o\",2,\"0\",\"ENTITLEMENT_CREATE\",\"7\",0]\n"
            "[\"o\",3,\"5\",\"MESSAGE_CREATE\",\"\",135190007]\n"
            "[\"o\",4,\"5\",\"MESSAGE_CREATE\",\"\",135190007]\n");
}

TEST(truth_log, a_reader_goes_on_while_rows_move_to_the_file) {
  truth_log log{true, {.memory = chunk}};
  fill(log, 300'000);
  truth_log::reader early{log};
  std::string lines;
  early.read(lines, 1000);
  auto expected = all_of(log);
  for (auto i = 0; i < 300'000; ++i)
    log.happened("MESSAGE_CREATE", 1, 0);
  early.read(lines, SIZE_MAX);
  EXPECT_FALSE(early.failed());
  EXPECT_TRUE(lines == expected);
}

TEST(truth_log, beyond_its_limit_it_is_gone_and_the_numbers_go_on) {
  truth_log log{true, {.memory = chunk, .all = 3 * chunk}};
  fill(log, 10'000);
  truth_log::reader early{log};
  fill(log, 1'000'000);
  EXPECT_NE(log.rows().given_up().find("limit"), std::string::npos);
  EXPECT_EQ(log.rows().bytes_in_memory() + log.rows().bytes_in_file(), 0u);
  EXPECT_EQ(log.newest(), 1'010'000u);
  std::string lines;
  EXPECT_FALSE(early.read(lines, SIZE_MAX));
  EXPECT_TRUE(early.failed());
  EXPECT_TRUE(lines.empty());
}

TEST(truth_log, a_folder_that_takes_no_file_is_named) {
  truth_log log{true, {.memory = chunk, .folder = "/nonexistent-folder"}};
  fill(log, 400'000);
  EXPECT_NE(log.rows().given_up().find("/nonexistent-folder"), std::string::npos);
}

TEST(truth_log, get_truth_says_that_it_is_gone) {
  auto chosen = small_world();
  chosen.truth_memory = chunk;
  chosen.truth_limit = chunk;
  scenario at{chosen};
  auto ask = [&at] { return answer(at.discord, {.target = "/truth"}, "ws://127.0.0.1:1", at.now); };
  EXPECT_EQ(ask().status, 200);
  at.discord.emit(400'000, at.now);
  auto gone = ask();
  EXPECT_EQ(gone.status, 410);
  EXPECT_FALSE(gone.stream.has_value());
  EXPECT_NE(gone.body.find("limit of 1048576 bytes"), std::string::npos) << gone.body;
}

} // namespace
} // namespace shardyard::sim
