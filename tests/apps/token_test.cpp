// Claims about where the token comes from and that it is never shown.
#include "apps/token.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>

using namespace shardyard;
namespace fs = std::filesystem;

namespace {

class token : public testing::Test {
protected:
  token() {
    auto pattern = (fs::temp_directory_path() / "shardyard-token-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    ::unsetenv("SHARDYARD_TEST_TOKEN");
  }
  ~token() override { fs::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text, mode_t mode = 0600) {
    auto path = folder_ / name;
    std::ofstream{path, std::ios::binary} << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  token_places places() const { return {"", "SHARDYARD_TEST_TOKEN", folder_}; }

  fs::path folder_;
};

TEST_F(token, white_space_and_the_bot_prefix_are_dropped) {
  ::setenv("SHARDYARD_TEST_TOKEN", " Bot  abc.def-1_2 \n", 1);
  auto result = read_token(places());
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.token.reveal(), "abc.def-1_2");
}

TEST_F(token, a_secret_prints_as_stars) {
  secret hidden{"abc"};
  std::ostringstream out;
  out << hidden;
  EXPECT_EQ(out.str(), "***");
  EXPECT_EQ(fmt::format("{}", hidden), "***");
  EXPECT_TRUE(secret{}.empty());
}

TEST_F(token, the_variables_memory_is_wiped_after_reading) {
  ::setenv("SHARDYARD_TEST_TOKEN", "abc", 1);
  EXPECT_EQ(read_token(places()).token.reveal(), "abc");
  EXPECT_STREQ(::getenv("SHARDYARD_TEST_TOKEN"), "");
}

TEST_F(token, the_file_wins_over_the_variable_and_the_variable_over_the_credential) {
  file("discord-token", "credential\n");
  EXPECT_EQ(read_token(places()).token.reveal(), "credential");
  ::setenv("SHARDYARD_TEST_TOKEN", "variable", 1);
  EXPECT_EQ(read_token(places()).token.reveal(), "variable");
  ::setenv("SHARDYARD_TEST_TOKEN", "variable", 1);
  auto with_file = places();
  with_file.file = file("token", "file\r\n");
  EXPECT_EQ(read_token(with_file).token.reveal(), "file");
}

TEST_F(token, a_file_that_everybody_can_read_is_warned_of) {
  auto with_file = places();
  with_file.file = file("token", "abc", 0644);
  auto result = read_token(with_file);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].find("chmod 600"), std::string::npos);
  with_file.file = file("token", "abc", 0600);
  EXPECT_TRUE(read_token(with_file).warnings.empty());
}

TEST_F(token, unusable_tokens_are_refused_without_showing_them) {
  auto with_file = places();
  for (auto& text :
       {std::string{" \n"}, std::string{"hidden two"}, std::string{"hid\x01"}, std::string(5000, 'h')}) {
    with_file.file = file("token", text);
    auto result = read_token(with_file);
    EXPECT_NE(result.error, "");
    EXPECT_TRUE(result.token.empty());
    EXPECT_EQ(result.error.find("hid"), std::string::npos);
  }
}

TEST_F(token, a_missing_token_names_every_place_to_put_it) {
  auto result = read_token(places());
  EXPECT_NE(result.error.find("SHARDYARD_TEST_TOKEN"), std::string::npos);
  EXPECT_NE(result.error.find("discord.token_file"), std::string::npos);
  auto missing = places();
  missing.file = "/nonexistent/token";
  EXPECT_NE(read_token(missing).error.find("No such file"), std::string::npos);
}

} // namespace
