// Claims about who is let in at the bots' door.
#include "apps/bot_secrets.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace shardyard;

namespace {

struct bot_secrets_file : ::testing::Test {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("shardyard-secrets-" + std::to_string(::getpid()) + "-" +
                                ::testing::UnitTest::GetInstance()->current_test_info()->name());
  int writes = 0;

  ~bot_secrets_file() override { std::filesystem::remove(path); }

  void write(const std::string& text, mode_t mode = 0600) {
    std::ofstream{path} << text;
    ::chmod(path.c_str(), mode);
    // Two writes may fall into one tick of the file system's clock.
    std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() +
                                               std::chrono::seconds(++writes));
  }
};

const std::string blue = "blue-secret-0123456789", green = "green-secret-0123456789";

TEST_F(bot_secrets_file, the_token_and_each_secret_name_their_bot_with_and_without_prefix) {
  write("# bots\nblue " + blue + "\n\ngreen " + green + "\n");
  bot_secrets bots{secret{"the-real-token"}, true, path};
  ASSERT_TRUE(bots.load().empty());
  EXPECT_EQ(bots.find("the-real-token"), "token");
  EXPECT_EQ(bots.find("Bot " + blue), "blue");
  EXPECT_EQ(bots.find(green), "green");
  EXPECT_EQ(bots.find(green + "x"), "");
  EXPECT_EQ(bots.find(""), "");
  EXPECT_EQ(bots.authorization("Bot " + green), "Bot the-real-token");
  EXPECT_EQ(bots.authorization("Bot nobody"), "");
}

TEST_F(bot_secrets_file, the_token_can_be_kept_out) {
  write("blue " + blue + "\n");
  bot_secrets bots{secret{"the-real-token"}, false, path};
  ASSERT_TRUE(bots.load().empty());
  EXPECT_EQ(bots.find("the-real-token"), "");
  EXPECT_EQ(bots.find(blue), "blue");
}

TEST_F(bot_secrets_file, whose_line_is_gone_or_changed_is_named_and_refused) {
  write("blue " + blue + "\ngreen " + green + "\nred red-secret-0123456789\n");
  bot_secrets bots{secret{"t"}, true, path};
  ASSERT_TRUE(bots.load().empty());
  write("blue another-secret-0123456789\ngreen " + green + "\n");
  std::string complaint;
  EXPECT_EQ(bots.reload(complaint), (std::vector<std::string>{"blue", "red"}));
  EXPECT_EQ(complaint, "");
  EXPECT_EQ(bots.find(blue), "");
  EXPECT_EQ(bots.find(green), "green");
  EXPECT_TRUE(bots.reload(complaint).empty());
}

TEST_F(bot_secrets_file, a_file_that_went_bad_disconnects_nobody_and_is_told_once) {
  write("blue " + blue + "\n");
  bot_secrets bots{secret{"t"}, true, path};
  ASSERT_TRUE(bots.load().empty());
  write("blue short\n");
  std::string complaint;
  EXPECT_TRUE(bots.reload(complaint).empty());
  EXPECT_NE(complaint.find(":1: "), std::string::npos);
  EXPECT_EQ(bots.find(blue), "blue");
  EXPECT_TRUE(bots.reload(complaint).empty());
  EXPECT_EQ(complaint, "");
}

TEST_F(bot_secrets_file, each_wrong_line_is_named_and_so_is_a_file_that_others_can_read) {
  write("b!ue " + blue + "\ntoken " + green + "\nred short\nx " + blue + "\nx " + green + "\n", 0644);
  bot_secrets bots{secret{"t"}, true, path};
  EXPECT_EQ(bots.load().size(), 5u);
}

TEST_F(bot_secrets_file, a_missing_file_is_an_error_at_the_start) {
  bot_secrets bots{secret{"t"}, true, path};
  EXPECT_EQ(bots.load().size(), 1u);
}

} // namespace
