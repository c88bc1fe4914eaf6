#include "actors/coordinator/etcd_over_http.hpp"
#include "actors/coordinator/lease_term.hpp"
#include "tests/actors/etcd_server.hpp"
#include "tests/coordinator/store_contract.hpp"

#include <atomic>

namespace shardyard::testing {
namespace {

using namespace std::chrono_literals;

/// One server for all tests of this process; each test has a cluster of its own in it.
etcd_server& shared_server() {
  static etcd_server server;
  return server;
}

std::string new_cluster() {
  static int count = 0;
  return "test-" + std::to_string(++count);
}

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds within = 20s) {
  for (auto end = boot_clock::now() + within; boot_clock::now() < end; std::this_thread::sleep_for(10ms))
    if (condition())
      return true;
  return false;
}

/// What happens to requests on their way.
struct weather {
  std::mt19937 random{1};
  int lost_answers = 0; ///< of 100 transactions: carried out, answer lost
  int lost_requests = 0;
  std::atomic<bool> renewals_lost{false};
  int carried_out_twice = 0; ///< of 100: sent again by some box on the way
};

etcd_connect through(weather& w, etcd_connect real) {
  return [&w, real = std::move(real)]() -> etcd_post {
    return [&w, post = real()](const std::string& path, const std::string& body,
                               const std::string& authorization,
                               std::chrono::milliseconds limit) -> etcd_answer {
      if (path == "/v3/lease/keepalive" && w.renewals_lost)
        return {0, "", "renewal lost"};
      if (path != "/v3/kv/txn")
        return post(path, body, authorization, limit);
      auto luck = [&w](int percent) { return percent > 0 && static_cast<int>(w.random() % 100) < percent; };
      if (luck(w.lost_requests))
        return {0, "", "request lost"};
      auto answer = post(path, body, authorization, limit);
      if (luck(w.carried_out_twice))
        post(path, body, authorization, limit);
      if (luck(w.lost_answers))
        return {0, "", "answer lost"};
      return answer;
    };
  };
}

etcd_settings settings_for(const std::string& cluster, const std::string& node = "a") {
  etcd_settings x;
  x.cluster = cluster;
  x.time_to_live = 2s;
  x.self = {node, "127.0.0.1", 7400, 0};
  return x;
}

struct etcd_place {
  static std::string missing() { return etcd_server::missing(); }

  etcd_connect connect() { return through(sky, etcd_over_http({.endpoints = {shared_server().url()}})); }
  etcd_election election(const std::string& node = "a") { return {connect(), settings_for(cluster, node)}; }
  std::unique_ptr<store> begin_term() {
    auto result = election().campaign();
    auto* won = std::get_if<std::unique_ptr<store>>(&result);
    if (!won)
      throw std::runtime_error{"somebody else leads"};
    return std::move(*won);
  }
  /// Its renewals are lost until etcd has forgotten its lease and somebody else could begin.
  void overtake(store&) {
    sky.renewals_lost = true;
    auto other = election("b");
    ASSERT_TRUE(eventually([&] { return std::holds_alternative<std::unique_ptr<store>>(other.campaign()); }));
    sky.renewals_lost = false;
  }

  weather sky;
  std::string cluster = new_cluster();
};

INSTANTIATE_TYPED_TEST_SUITE_P(etcd, store_contract, etcd_place);

struct etcd_store_test : ::testing::Test {
  void SetUp() override {
    if (auto why = etcd_server::missing(); !why.empty())
      GTEST_SKIP() << why;
    place = std::make_unique<etcd_place>();
  }
  std::unique_ptr<etcd_place> place;
};

TEST_F(etcd_store_test, one_candidate_wins_and_the_others_learn_who_leads) {
  auto won = place->begin_term();
  auto answer = place->election("b").campaign();
  auto* leader = std::get_if<leader_record>(&answer);
  ASSERT_TRUE(leader);
  EXPECT_EQ(*leader, (leader_record{"a", "127.0.0.1", 7400, won->epoch()}));
  won.reset();
  EXPECT_TRUE(std::holds_alternative<std::unique_ptr<store>>(place->election("b").campaign()))
      << "a term that ends in order is given back at once";
}

TEST_F(etcd_store_test, who_resigns_is_followed_at_once_and_writes_no_more) {
  auto election = place->election();
  auto result = election.campaign();
  auto& first = std::get<std::unique_ptr<store>>(result);
  election.resign();
  EXPECT_TRUE(std::holds_alternative<std::unique_ptr<store>>(place->election("b").campaign()));
  EXPECT_THROW(first->commit({{"a", "1", 0}}), store_error);
}

TEST_F(etcd_store_test, of_many_candidates_at_once_exactly_one_wins) {
  for (int round = 0; round < 5; ++round) {
    std::vector<campaign_result> results(6);
    std::vector<std::thread> threads;
    for (auto& result : results)
      threads.emplace_back([this, &result] { result = place->election().campaign(); });
    for (auto& x : threads)
      x.join();
    EXPECT_EQ(std::ranges::count_if(results, [](auto& x) { return x.index() == 0; }), 1);
  }
}

TEST_F(etcd_store_test, a_term_lasts_while_its_lease_is_renewed_and_the_belief_ends_before_the_lease) {
  auto s = place->begin_term();
  auto begin = boot_clock::now();
  ASSERT_TRUE(eventually([&] { return boot_clock::now() > begin + 4s || !s->leading(boot_clock::now()); }));
  EXPECT_GT(boot_clock::now(), begin + 4s) << "renewed through twice its time to live";
  EXPECT_TRUE(s->commit({{"a", "1", {}}}).written);
  place->sky.renewals_lost = true;
  auto election = place->election("b");
  bool believed = true, held = true;
  while (held) {
    auto sure = s->leading(boot_clock::now()); // before the look at etcd: it may end in between
    held = std::holds_alternative<leader_record>(election.campaign());
    believed = believed && sure;
    EXPECT_FALSE(!held && s->leading(boot_clock::now())) << "two leaders at once";
  }
  EXPECT_FALSE(s->leading(boot_clock::now()));
}

TEST_F(etcd_store_test, lost_requests_and_answers_and_repetitions_leave_each_commit_done_once) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  place->sky.random.seed(seed);
  auto s = place->begin_term();
  place->sky.lost_answers = 30;
  place->sky.lost_requests = 20;
  place->sky.carried_out_twice = 20;
  std::uint64_t revision = 0;
  for (int i = 0; i < 100; ++i) {
    auto done = s->commit({{"counter", std::to_string(i), revision}, {"row/" + std::to_string(i), "x", 0}});
    ASSERT_TRUE(done.written) << i;
    ASSERT_GT(done.revision, revision);
    revision = done.revision;
  }
  EXPECT_EQ(s->list("row/").size(), 100u);
  EXPECT_EQ(s->get("counter")->revision, revision);
}

TEST_F(etcd_store_test, a_commit_that_was_reported_as_failed_but_happened_ends_the_term) {
  auto s = place->begin_term();
  place->sky.lost_answers = 100;
  EXPECT_THROW(s->commit({{"a", "1", 0}}), store_error);
  place->sky.lost_answers = 0;
  EXPECT_THROW(s->commit({{"b", "1", 0}}), store_error);
  EXPECT_FALSE(s->leading(boot_clock::now()));
}

TEST_F(etcd_store_test, a_commit_that_never_arrived_may_be_asked_again) {
  auto s = place->begin_term();
  place->sky.lost_requests = 100;
  EXPECT_THROW(s->commit({{"a", "1", 0}}), store_error);
  place->sky.lost_requests = 0;
  EXPECT_TRUE(s->commit({{"a", "2", 0}}).written);
  EXPECT_TRUE(s->leading(boot_clock::now()));
}

TEST_F(etcd_store_test, rows_of_another_program_version_are_refused) {
  auto s = place->begin_term();
  auto post = place->connect()();
  etcd_link link{post, "", ""};
  link.txn({}, {{"shardyard/" + place->cluster + "/cluster", R"({"id":"x","schema":9})"}}, 1s);
  s.reset();
  try {
    place->begin_term();
    FAIL() << "rows of schema 9 were accepted";
  } catch (const store_error& wrong) {
    EXPECT_NE(std::string{wrong.what()}.find("schema\":9"), std::string::npos) << wrong.what();
  }
}

TEST_F(etcd_store_test, etcd_may_stop_and_come_back) {
  etcd_server server;
  auto connect = etcd_over_http({.endpoints = {server.url()}});
  etcd_election election{connect, settings_for("c")};
  std::uint64_t epoch = 0;
  {
    auto result = election.campaign();
    auto& s = std::get<std::unique_ptr<store>>(result);
    epoch = s->epoch();
    ASSERT_TRUE(s->commit({{"a", "1", 0}}).written);
    server.kill();
    try {
      s->commit({{"a", "2", {}}});
      FAIL() << "written without a store";
    } catch (const store_error& away) {
      EXPECT_NE(std::string{away.what()}.find("temporarily"), std::string::npos) << away.what();
    }
    ASSERT_TRUE(eventually([&] { return !s->leading(boot_clock::now()); }));
    EXPECT_THROW(election.campaign(), etcd_away);
  }
  server.start();
  std::unique_ptr<store> next;
  ASSERT_TRUE(eventually([&] {
    try {
      auto result = election.campaign();
      if (auto* won = std::get_if<std::unique_ptr<store>>(&result))
        next = std::move(*won);
    } catch (const etcd_away&) {
    }
    return next != nullptr;
  }));
  EXPECT_GT(next->epoch(), epoch);
  EXPECT_EQ(next->get("a")->value, "1");
}

TEST_F(etcd_store_test, a_server_that_hangs_is_given_up_before_the_lease_ends) {
  etcd_server server;
  etcd_election election{etcd_over_http({.endpoints = {server.url()}}), settings_for("c")};
  auto result = election.campaign();
  auto& s = std::get<std::unique_ptr<store>>(result);
  ASSERT_TRUE(s->commit({{"a", "1", 0}}).written);
  server.pause();
  while (s->leading(boot_clock::now()))
    EXPECT_THROW(s->commit({{"a", "2", {}}}), store_error);
  EXPECT_THROW(s->commit({{"a", "3", {}}}), store_error);
  server.resume();
  s.reset();
  std::unique_ptr<store> next;
  ASSERT_TRUE(eventually([&] {
    try {
      auto again = election.campaign();
      if (auto* won = std::get_if<std::unique_ptr<store>>(&again))
        next = std::move(*won);
    } catch (const etcd_away&) {
    }
    return next != nullptr;
  }));
  EXPECT_NE(next->get("a")->value, "3") << "what was not believed in was not sent";
}

TEST_F(etcd_store_test, another_server_answers_when_the_first_does_not) {
  auto connect = etcd_over_http({.endpoints = {"http://127.0.0.1:9", shared_server().url()}});
  etcd_election election{connect, settings_for(new_cluster())};
  EXPECT_TRUE(std::holds_alternative<std::unique_ptr<store>>(election.campaign()));
}

TEST_F(etcd_store_test, tls_checks_the_server_and_shows_our_certificate) {
  etcd_server server{true}, other{true};
  net::http_caller_settings ours{.endpoints = {server.url()},
                                 .ca_file = server.certificate(),
                                 .certificate_file = server.certificate(),
                                 .key_file = server.key()};
  etcd_election election{etcd_over_http(ours), settings_for("c")};
  ASSERT_TRUE(eventually([&] { // its port opens before it has a leader
    try {
      auto result = election.campaign();
      return std::holds_alternative<std::unique_ptr<store>>(result);
    } catch (const etcd_away&) {
      return false;
    }
  }));
  auto refused = [&](net::http_caller_settings with) {
    try {
      etcd_election{etcd_over_http(std::move(with)), settings_for("c")}.campaign();
    } catch (const etcd_away&) {
      return true;
    }
    return false;
  };
  auto nameless = ours;
  nameless.certificate_file = nameless.key_file = "";
  EXPECT_TRUE(refused(nameless)) << "etcd lets nobody in without a certificate";
  auto stranger = ours;
  stranger.ca_file = other.certificate();
  EXPECT_TRUE(refused(stranger)) << "a server of another authority is not spoken to";
  EXPECT_THROW(etcd_over_http({.endpoints = ours.endpoints, .ca_file = "/nowhere.pem"}), std::runtime_error);
}

TEST_F(etcd_store_test, a_user_logs_in_and_again_when_its_token_is_forgotten) {
  etcd_server server;
  auto connect = etcd_over_http({.endpoints = {server.url()}});
  auto post = connect();
  auto settings = settings_for("c");
  settings.user = "root";
  settings.password = "right";
  auto until_done = [&](const std::string& path, const std::string& body) {
    return eventually([&] { return post(path, body, {}, 1s).status == 200; });
  };
  ASSERT_TRUE(until_done("/v3/auth/user/add", R"({"name":"root","password":"right"})"));
  ASSERT_TRUE(until_done("/v3/auth/role/add", R"({"name":"root"})"));
  ASSERT_TRUE(until_done("/v3/auth/user/grant", R"({"user":"root","role":"root"})"));
  ASSERT_TRUE(until_done("/v3/auth/enable", "{}"));

  EXPECT_THROW((etcd_election{connect, settings_for("c")}.campaign()), store_error) << "no login";
  auto wrong = settings;
  wrong.password = "wrong";
  try {
    etcd_election{connect, wrong}.campaign();
    FAIL() << "a wrong password was let in";
  } catch (const store_error& refused) {
    EXPECT_NE(std::string{refused.what()}.find("store.password_file"), std::string::npos) << refused.what();
    EXPECT_EQ(std::string{refused.what()}.find("wrong"), std::string::npos) << "the password stays out of it";
  }

  settings.time_to_live = 20s;
  auto result = etcd_election{connect, settings}.campaign();
  auto& s = std::get<std::unique_ptr<store>>(result);
  ASSERT_TRUE(s->commit({{"a", "1", 0}}).written);
  server.kill();
  server.start(); // simple tokens live in memory
  ASSERT_TRUE(eventually([&] {
    try {
      return s->commit({{"a", "2", {}}}).written;
    } catch (const store_error& error) {
      EXPECT_NE(std::string{error.what()}.find("temporarily"), std::string::npos) << error.what();
      return false;
    }
  }));
  EXPECT_EQ(s->get("a")->value, "2");
}

TEST(lease_term, ends_before_the_lease_and_counts_from_when_the_renewal_was_sent) {
  lease_term term{500ms};
  auto at = boot_clock::now();
  EXPECT_FALSE(term.leading(at));
  term.renewed(at, 3s);
  EXPECT_TRUE(term.leading(at + 2499ms));
  EXPECT_FALSE(term.leading(at + 2500ms));
  EXPECT_EQ(term.left(at + 2s), 500ms);
  term.renewed(at - 1s, 3s);
  EXPECT_TRUE(term.leading(at + 2499ms)) << "an older answer that comes late shortens nothing";
  term.renewed(at + 2s, 3s);
  EXPECT_TRUE(term.leading(at + 4s));
  term.lose();
  term.renewed(at + 3s, 3s);
  EXPECT_FALSE(term.leading(at + 3s)) << "what is lost stays lost";
}

} // namespace
} // namespace shardyard::testing
