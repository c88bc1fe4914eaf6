// A gateway link to a scripted server, with everything that it reported: the scene of its tests.
#pragma once

#include "net/gateway_link.hpp"
#include "net/io_thread.hpp"
#include "tests/net/link_record.hpp"
#include "tests/net/scripted_server.hpp"

#include <gtest/gtest.h>

namespace shardyard::net {

using std::chrono::milliseconds;
using lines = std::vector<std::string>;

inline constexpr auto slow_hello = R"({"op":10,"d":{"heartbeat_interval":60000}})";
inline constexpr auto quick_hello = R"({"op":10,"d":{"heartbeat_interval":60}})";
inline constexpr auto ready =
    R"({"t":"READY","s":1,"op":0,"d":{"session_id":"abc","resume_gateway_url":"","guilds":[]}})";

inline std::string event(std::uint64_t s, std::size_t filler = 0) {
  return R"({"t":"X","s":)" + std::to_string(s) + R"(,"op":0,"d":{"guild_id":"5","x":")" +
         std::string(filler, 'x') + "\"}}";
}

/// A link to a scripted server, with everything it reported.
class link_test : public testing::Test {
protected:
  ~link_test() override { EXPECT_EQ(server_ ? server_->failures() : lines{}, lines{}); }

  void serve(scripted_server::script play, compression mode = compression::none,
             const test_certificate* certificate = nullptr) {
    server_.emplace(std::move(play), mode, certificate);
    settings_.url = server_->url();
    settings_.compress = mode;
    if (certificate != nullptr)
      settings_.ca_file = certificate->file();
  }

  gateway_link& connect() { return link_.emplace(io_, settings_, record_); }

  /// Identifies as soon as HELLO has come.
  gateway_link& connect_and_identify() {
    record_->hello = [this] { link_->identify(identify_); };
    return connect();
  }

  std::optional<scripted_server> server_;
  std::shared_ptr<link_record> record_ = std::make_shared<link_record>();
  identify_payload identify_{.token = "secret", .intents = 513, .shard_id = 3, .shard_count = 8};
  link_settings settings_{.close_timeout = milliseconds{10'000}, .jitter_seed = 1};
  io_thread io_;
  std::optional<gateway_link> link_;
};

} // namespace shardyard::net
