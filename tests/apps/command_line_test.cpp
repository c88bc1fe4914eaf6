#include "apps/command_line.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace shardyard {
namespace {

class command_line : public ::testing::Test {
protected:
  command_line() { unsetenv("SHARDYARD_AT"); }
  ~command_line() override { unsetenv("SHARDYARD_AT"); }

  template <class... Words>
  static command parse(Words... words) {
    const char* argv[] = {"shardyard", words...};
    return parse_command_line(static_cast<int>(sizeof...(words)) + 1, argv);
  }
  template <class... Words>
  static usage refused(Words... words) {
    auto parsed = parse(words...);
    auto* x = std::get_if<usage>(&parsed);
    return x ? *x : usage{-1, "accepted"};
  }
};

TEST_F(command_line, an_address_on_the_line_wins_over_the_environment) {
  setenv("SHARDYARD_AT", "127.0.0.1:7500", 1);
  EXPECT_EQ(std::get<admin_command>(parse("status", "--at", "127.0.0.1:1")).port, 1);
  EXPECT_EQ(std::get<admin_command>(parse("status")).port, 7500);
}

TEST_F(command_line, a_wrong_address_in_the_environment_is_named) {
  setenv("SHARDYARD_AT", "nowhere", 1);
  auto x = refused("status");
  EXPECT_EQ(x.code, exit_usage);
  EXPECT_NE(x.text.find("SHARDYARD_AT"), std::string::npos) << x.text;
}

TEST_F(command_line, an_unknown_verb_is_answered_with_those_that_exist) {
  auto x = refused("frob");
  EXPECT_EQ(x.code, exit_usage);
  EXPECT_NE(x.text.find("'frob'"), std::string::npos) << x.text;
  EXPECT_NE(x.text.find("reshard"), std::string::npos) << x.text;
}

TEST_F(command_line, a_reshard_carries_its_flags) {
  auto x = std::get<admin_command>(parse("reshard", "6", "--hold", "--watch", "--json"));
  EXPECT_EQ(x.request.verb, "reshard");
  EXPECT_EQ(x.request.target, 6u);
  EXPECT_TRUE(x.request.hold && x.watch && x.json);
  EXPECT_FALSE(x.request.renew || x.request.accept);
}

TEST_F(command_line, counts_and_addresses_that_make_no_sense_are_wrong_usage) {
  EXPECT_EQ(refused("reshard").code, exit_usage);
  EXPECT_EQ(refused("reshard", "0").code, exit_usage);
  EXPECT_EQ(refused("reshard", "x").code, exit_usage);
  EXPECT_EQ(refused("status", "--at", "127.0.0.1").code, exit_usage);
  EXPECT_EQ(refused("status", "--at", "127.0.0.1:99999").code, exit_usage);
  EXPECT_EQ(refused("node").code, exit_usage);
  EXPECT_EQ(refused().code, exit_usage);
}

TEST_F(command_line, help_is_no_error) {
  EXPECT_EQ(refused("--help").code, exit_done);
}

} // namespace
} // namespace shardyard
