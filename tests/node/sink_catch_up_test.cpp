// Claims about several file sinks after a crash: one had got further than the others.
#include "actors/node/sink_catch_up.hpp"

#include "actors/node/jsonl_line.hpp"
#include "tests/shard/blocks.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

namespace shardyard {
namespace {

struct several_files : ::testing::Test {
  scratch_folder folder;
  std::vector<std::unique_ptr<line_writer>> writers;
  std::vector<sink_file> files;
  std::vector<std::uint64_t> seen; ///< n of the lines beyond the furthest file's offset

  std::string path(const std::string& name) const { return (folder.path() / name).string(); }

  static std::string line(std::uint64_t n) {
    auto block = *make_block({{400, n + 10, "{\"text\":" + std::to_string(n) + "}"}});
    block.entries[0].n = n;
    block.entries[0].epoch = 1;
    std::string out;
    append_lines(out, block);
    return out;
  }
  static std::string lines(std::uint64_t first, std::uint64_t last) {
    std::string out;
    for (auto n = first; n <= last; ++n)
      out += line(n);
    return out;
  }
  std::string text(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream{path(name)}.rdbuf();
    return out.str();
  }
  void file(const std::string& name, const std::string& content, std::uint64_t offset) {
    std::ofstream{path(name)} << content;
    writers.push_back(open_line_writer(path(name)));
    files.push_back({path(name), offset, writers.back().get()});
  }
  catch_up_result run(std::size_t keep_bytes = 0) {
    return catch_up(files, keep_bytes, [this](const jsonl_header& x) { seen.push_back(x.n); });
  }
};

TEST_F(several_files, the_one_behind_is_given_what_it_lacks) {
  file("a", lines(1, 4), lines(1, 2).size());
  file("b", lines(1, 7), lines(1, 2).size());
  file("c", lines(1, 6), lines(1, 2).size());
  auto result = run();
  EXPECT_EQ(result.furthest, path("b"));
  EXPECT_EQ(result.caught_up, (std::vector<std::string>{path("a"), path("c")}));
  for (auto name : {"a", "b", "c"})
    EXPECT_EQ(text(name), lines(1, 7)) << name;
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{3, 4, 5, 6, 7}));
}

TEST_F(several_files, one_that_wrote_nothing_since_the_log_is_given_all_of_the_tail) {
  file("a", lines(1, 5), lines(1, 5).size());
  file("b", lines(1, 9), lines(1, 5).size());
  run();
  EXPECT_EQ(text("a"), lines(1, 9));
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{6, 7, 8, 9}));
}

TEST_F(several_files, a_torn_line_is_cut_off_before_the_rest_is_added) {
  file("a", lines(1, 4) + line(5).substr(0, 20), 0);
  file("b", lines(1, 6), 0);
  run();
  EXPECT_EQ(text("a"), lines(1, 6));
}

TEST_F(several_files, a_new_one_begins_with_what_comes_next) {
  file("new", "", 0);
  file("old", lines(1, 6), lines(1, 4).size());
  auto result = run();
  EXPECT_EQ(result.furthest, path("old"));
  EXPECT_EQ(text("new"), "");
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{5, 6}));
}

TEST_F(several_files, one_with_lines_of_another_life_is_left_as_it_is_and_named) {
  file("a", lines(1, 6), lines(1, 4).size());
  file("b", lines(70, 75), 0);
  auto result = run();
  EXPECT_EQ(result.apart, std::vector<std::string>{path("b")});
  EXPECT_EQ(text("b"), lines(70, 75));
}

TEST_F(several_files, what_the_furthest_has_comes_back_as_blocks_for_sinks_without_memory) {
  file("a", lines(1, 3), lines(1, 1).size());
  auto blocks = run(1u << 20).delivered;
  ASSERT_EQ(blocks.size(), 2u);
  std::string out;
  for (auto& block : blocks)
    append_lines(out, block);
  EXPECT_EQ(out, lines(2, 3));
  EXPECT_EQ(blocks[0].entries[0].guild, 400u);
  EXPECT_EQ(blocks[0].entries[0].n, 2u);
}

TEST_F(several_files, only_so_many_bytes_are_kept_for_sinks_without_memory) {
  file("a", lines(1, 500), 0);
  auto size = std::string_view{"{\"text\":500}"}.size();
  auto blocks = run(3 * size).delivered;
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(blocks.front().entries[0].n, 498u);
}

TEST_F(several_files, at_any_byte_of_any_crash_end_with_the_same_lines) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random{seed};
  auto all = lines(1, 30);
  for (int round = 0; round < 50; ++round) {
    writers.clear();
    files.clear();
    auto known = lines(1, random() % 20).size(); // all had this when the log was last written
    std::size_t most = 0;
    for (auto name : {"a", "b", "c"}) {
      auto size = known + random() % (all.size() - known + 1);
      most = std::max(most, all.rfind('\n', size == 0 ? 0 : size - 1) + 1);
      file(name, all.substr(0, size), known);
    }
    auto wanted = std::max(most, known);
    run();
    for (auto name : {"a", "b", "c"}) {
      if (text(name).empty())
        continue;
      ASSERT_EQ(text(name), all.substr(0, wanted)) << name << " in round " << round;
    }
  }
}

} // namespace
} // namespace shardyard
