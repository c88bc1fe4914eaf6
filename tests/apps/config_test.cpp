// Claims about the configuration: what is read, who wins, and that every mistake is named with its place and
// what is allowed.
#include "apps/config.hpp"
#include "apps/config_rules.hpp"
#include "tests/source_dir.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sstream>

using namespace shardyard;

namespace {

const std::string null_sink = "[[sink]]\nkind = \"null\"\n";

config_result parse(const std::string& toml, std::vector<std::string> overrides = {},
                    std::vector<std::string> environment = {}) {
  return parse_config(toml, {"/etc/node.toml", std::move(environment), std::move(overrides)});
}

// The only error of a text, or what is wrong with that.
std::string error_of(const std::string& toml, std::vector<std::string> overrides = {},
                     std::vector<std::string> environment = {}) {
  auto result = parse(toml + '\n' + null_sink, std::move(overrides), std::move(environment));
  return result.errors.size() == 1 ? result.errors[0] : std::to_string(result.errors.size()) + " errors";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

std::string text_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream{path}.rdbuf();
  return out.str();
}

std::string example(const std::string& name) {
  return source_dir() / "cluster-config" / name;
}

} // namespace

TEST(config, one_host_is_the_defaults_with_one_file) {
  auto result = load_config({example("one-host.toml"), {}, {}});
  ASSERT_TRUE(result.ok()) << result.errors[0];
  node_config expected;
  expected.node.name = "one";
  expected.node.state_dir = "shardyard-state/one";
  expected.sinks = {{sink_kind::jsonl, "events-one.jsonl", 64u << 20}};
  EXPECT_EQ(result.config, expected);
}

TEST(config, two_nodes_serves_both_nodes_by_name) {
  auto result = load_config({example("two-nodes.toml"), {}, {"node.name=b"}});
  ASSERT_TRUE(result.ok()) << result.errors[0];
  EXPECT_EQ(result.config.node.state_dir, "shardyard-state/b");
  EXPECT_EQ(result.config.sinks.at(0).path, "events-b.jsonl");
  EXPECT_FALSE(result.config.coordinator_enabled);
  auto coordinator = load_config({example("coordinator.toml"), {}, {}});
  ASSERT_TRUE(coordinator.ok()) << coordinator.errors[0];
  EXPECT_EQ(result.config.node.seeds, std::vector{coordinator.config.node.listen});
  EXPECT_EQ(result.config.cluster, coordinator.config.cluster);
  EXPECT_EQ(result.config.discord, coordinator.config.discord);
}

TEST(config, three_hosts_compete_over_etcd_and_encrypt_everything) {
  for (auto host : {"a", "b", "c"}) {
    auto result = load_config({example("three-hosts.toml"), {}, {std::string{"node.name="} + host}});
    ASSERT_TRUE(result.ok()) << result.errors[0];
    auto& config = result.config;
    EXPECT_TRUE(config.coordinator_enabled);
    EXPECT_EQ(config.store.kind, store_kind::etcd);
    EXPECT_EQ(config.store.endpoints.size(), 3u);
    EXPECT_EQ(config.tls.key, "/etc/shardyard/certs/" + std::string{host} + ".key");
    EXPECT_FALSE(config.store.allow_plaintext);
    EXPECT_EQ(config.node.seeds.size(), 3u);
  }
}

TEST(config, both_examples_explain_every_key_with_its_default) {
  for (auto name : {"one-host.toml", "two-nodes.toml"}) {
    auto text = text_of(example(name));
    for (auto& rule : config_rules()) {
      auto dot = rule.key.find('.');
      auto section = std::string{rule.key.substr(0, dot)};
      auto begin = text.find("\n" + (section == "sink" ? "[[sink]]" : '[' + section + ']') + "\n");
      ASSERT_NE(begin, text.npos) << section;
      auto body = text.substr(begin, text.find("\n[", begin + 1) - begin);
      auto key = std::string{rule.key.substr(dot + 1)};
      auto at = std::min(body.find("\n" + key + " = "), body.find("\n#" + key + " = "));
      ASSERT_NE(at, body.npos) << name << ' ' << rule.key;
      auto comment = body.substr(0, at);
      auto paragraph = comment.rfind("\n\n");
      comment.erase(0, paragraph == comment.npos ? 0 : paragraph);
      EXPECT_TRUE(has(comment, "Default ")) << name << ' ' << rule.key;
      EXPECT_TRUE(has(comment, "Default " + std::string{rule.fallback}) ||
                  has(comment, "Default \"" + std::string{rule.fallback}) ||
                  (rule.fallback.empty() && has(comment, "Default [")))
          << name << ' ' << rule.key;
    }
  }
}

TEST(config, the_default_of_each_key_is_what_the_table_says) {
  for (auto& rule : config_rules()) {
    node_config config;
    sink_config sink;
    EXPECT_TRUE(rule.set(config, sink, raw_text{std::string{rule.fallback}})) << rule.key;
    EXPECT_EQ(config, node_config{}) << rule.key;
    EXPECT_EQ(sink, sink_config{}) << rule.key;
  }
}

TEST(config, set_wins_over_the_environment_and_the_environment_over_the_file) {
  auto toml = "[node]\nname = \"file\"\nweight = 2\n[handover]\nquiet_s = 1.5\n" + null_sink;
  auto result = parse(toml, {"node.name=set"},
                      {"SHARDYARD_NODE_NAME=environment", "SHARDYARD_NODE_STATE_DIR=/s", "PATH=/bin",
                       "SHARDYARD_SEED=7", "SHARDYARD_SINK_0_KIND=jsonl"});
  ASSERT_TRUE(result.ok()) << result.errors[0];
  EXPECT_EQ(result.config.node.name, "set");
  EXPECT_EQ(result.config.node.state_dir, "/s");
  EXPECT_EQ(result.config.node.weight, 2u);
  EXPECT_EQ(result.config.handover.quiet, std::chrono::milliseconds{1500});
  EXPECT_EQ(result.config.sinks.at(0).kind, sink_kind::jsonl);
}

TEST(config, guilds_with_a_call_wait_or_move) {
  EXPECT_EQ(parse("", {"handover.voice=move"}).config.handover.voice, voice_choice::move);
  EXPECT_EQ(parse("", {"handover.voice_wait_s=1.5"}).config.handover.voice_wait,
            std::chrono::milliseconds{1500});
  EXPECT_TRUE(has(error_of("", {"handover.voice=leave"}), R"(handover.voice must be one of "wait", "move")"));
}

TEST(config, values_from_outside_take_every_type) {
  auto result = parse("", {"node.seeds=127.0.0.1:1, [::1]:2", "discord.intents=GUILDS,GUILD_MESSAGES",
                           "discord.shards=12", "limits.spool_bytes=1 GiB", "sink.0.path=-",
                           "sink.1.kind=null", "coordinator.enabled=false"});
  ASSERT_TRUE(result.ok()) << result.errors[0];
  EXPECT_EQ(to_string(result.config.node.seeds.at(1)), "[::1]:2");
  EXPECT_EQ(result.config.discord.intents, 513u);
  EXPECT_EQ(result.config.discord.shards, 12u);
  EXPECT_EQ(result.config.limits.spool_bytes, 1u << 30);
  EXPECT_EQ(result.config.sinks.size(), 2u);
}

TEST(config, an_unknown_key_is_named_with_its_line_and_the_likely_one) {
  auto error = error_of("[discord]\n\ncompres = \"none\"");
  EXPECT_TRUE(has(error, "node.toml:3: 'discord.compres'")) << error;
  EXPECT_TRUE(has(error, "did you mean 'discord.compress'?")) << error;
  EXPECT_TRUE(has(error_of("", {"sink.0.pth=x"}), "did you mean 'sink.path'?"));
  EXPECT_TRUE(has(error_of("", {}, {"SHARDYARD_NODE_NAMES=x"}), "environment SHARDYARD_NODE_NAMES"));
  EXPECT_TRUE(has(error_of("name = \"x\""), "'name' is not a key"));
}

TEST(config, a_wrong_type_or_range_tells_what_is_allowed) {
  EXPECT_EQ(error_of("[node]\nweight = \"heavy\""),
            "node.toml:2: node.weight must be a whole number from 0 to 10000, not \"heavy\"");
  EXPECT_EQ(error_of("[cluster]\npartitions = 0"),
            "node.toml:2: cluster.partitions must be a whole number from 1 to 4096, not 0");
  EXPECT_EQ(
      error_of("[log]\nlevel = \"loud\""),
      R"(node.toml:2: log.level must be one of "trace", "debug", "info", "warn", "error", "off", not "loud")");
  EXPECT_TRUE(has(error_of("[node]\nname = 1979-05-27"), "not a date or time"));
  EXPECT_TRUE(has(error_of("[node.name]\nx = 1"), "not a table"));
  EXPECT_TRUE(has(error_of("", {"node.weight=1x"}), "--set: node.weight must be"));
  EXPECT_TRUE(has(error_of("", {"handover.quiet_s=nan"}), "handover.quiet_s must be"));
  EXPECT_TRUE(has(error_of("", {"discord.intents=GUILDS,TYPO"}), "intent names"));
  EXPECT_TRUE(has(error_of("", {"limits.spool_bytes=99999999999 GiB"}), "limits.spool_bytes"));
  EXPECT_TRUE(has(error_of("", {"nonsense"}), "SECTION.KEY=VALUE"));
  EXPECT_TRUE(has(error_of("", {"sink.7.path=x"}), "next new sink is number 1"));
  EXPECT_TRUE(has(error_of("", {"sink.0.kind=actor", "sink.0.path=events.jsonl"}), "127.0.0.1:7500"));
  EXPECT_TRUE(has(error_of("", {"sink.0.kind=actor", "sink.0.path=192.0.2.1:7500"}), "127.0.0.1:7500"));
  EXPECT_TRUE(parse(null_sink, {"sink.0.kind=actor", "sink.0.path=127.0.0.1:7500"}).ok());
  EXPECT_TRUE(has(error_of("", {"node.name=../etc"}), "node.name must be"));
}

TEST(config, broken_toml_is_told_with_its_line) {
  auto result = parse("[node]\nname = \n" + null_sink);
  ASSERT_FALSE(result.ok());
  EXPECT_TRUE(has(result.errors[0], "node.toml:2: ")) << result.errors[0];
  EXPECT_TRUE(has(parse("[sink]\nkind = \"null\"").errors.at(0), "[[sink]]"));
}

TEST(config, all_mistakes_are_told_at_once) {
  EXPECT_EQ(parse("[node]\nweight = -1\nnmae = \"x\"\n" + null_sink).errors.size(), 2u);
}

TEST(config, listening_off_loopback_is_refused_with_the_reason) {
  EXPECT_TRUE(has(error_of("", {"node.listen=0.0.0.0:7400"}), "neither encrypted nor authenticated"));
  EXPECT_TRUE(
      has(error_of("", {"node.seeds=10.0.0.1:7400"}), "node.seeds: 10.0.0.1 is not a loopback address"));
  EXPECT_TRUE(has(error_of("", {"node.listen=127.0.0.1:70000"}), "HOST:PORT"));
  for (auto good : {"127.0.0.1:0", "127.1.2.3:1", "[::1]:65535", "localhost:7400"})
    EXPECT_TRUE(parse(null_sink, {std::string{"node.listen="} + good}).ok()) << good;
}

TEST(config, with_certificates_a_node_may_listen_anywhere) {
  auto files = std::vector<std::string>{"tls.ca_file=ca.pem",        "tls.certificate_file={node}.pem",
                                        "tls.key_file={node}.key",   "node.name=a",
                                        "node.listen=10.0.0.1:7400", "node.seeds=10.0.0.2:7400"};
  auto result = parse(null_sink, files);
  ASSERT_TRUE(result.ok()) << result.errors[0];
  EXPECT_EQ(result.config.tls, (net::tls_files{"ca.pem", "a.pem", "a.key"}));
  files.push_back("node.listen=0.0.0.0:7400");
  EXPECT_TRUE(has(error_of("", files), "name one of this host's own"));
}

TEST(config, certificates_are_named_all_three_or_not_at_all) {
  for (auto alone : {"tls.ca_file=x", "tls.certificate_file=x", "tls.key_file=x"})
    EXPECT_TRUE(has(error_of("", {alone}), "name all three")) << alone;
}

TEST(config, clear_text_to_a_remote_discord_needs_an_explicit_setting) {
  EXPECT_TRUE(has(error_of("", {"discord.api_base=http://example.org/api"}), "allow_plaintext"));
  EXPECT_TRUE(has(error_of("", {"discord.api_base=ftp://x"}), "must be a URL"));
  auto remote =
      parse(null_sink, {"discord.api_base=http://example.org/api/", "discord.allow_plaintext=true"});
  EXPECT_EQ(remote.config.discord.api_base, "http://example.org/api");
  EXPECT_TRUE(remote.ok());
  EXPECT_TRUE(parse(null_sink, {"discord.api_base=http://127.0.0.1:1/api"}).ok());
  EXPECT_TRUE(parse(null_sink, {"discord.api_base=http://[::1]:1/api"}).ok());
}

TEST(config, settings_that_cannot_work_together_are_refused) {
  EXPECT_TRUE(has(error_of("", {"coordinator.enabled=false"}), "nobody to join"));
  EXPECT_TRUE(has(parse("").errors.at(0), "events would go nowhere"));
  EXPECT_TRUE(parse("", {"node.weight=0"}).ok());
  EXPECT_TRUE(has(parse("", {"sink.0.path=a-{node}", "sink.1.path=a-node"}).errors.at(0),
                  "writes to \"a-node\" already"));
  EXPECT_TRUE(has(error_of("", {"node.state_dir=/x/{host}"}), "{node}"));
  EXPECT_TRUE(has(error_of("", {R"(discord.presence={"status":"idle"})"}), "afk"));
  EXPECT_TRUE(has(load_config({"/nonexistent.toml", {}, {}}).errors.at(0), "No such file"));
}

TEST(config, etcd_is_named_in_full_and_not_in_clear_text) {
  EXPECT_TRUE(has(error_of("", {"store.kind=etcd"}), "store.endpoints is empty"));
  EXPECT_TRUE(
      has(error_of("", {"store.kind=etcd", "store.endpoints=http://10.0.0.1:2379"}), "is not encrypted"));
  EXPECT_TRUE(has(error_of("", {"store.kind=etcd", "store.endpoints=10.0.0.1:2379"}), "must be URLs"));
  EXPECT_TRUE(has(error_of("", {"store.kind=etcd", "store.endpoints=https://e:2379", "store.user=u"}),
                  "store.password_file belong together"));
  EXPECT_TRUE(has(error_of("", {"store.kind=etcd", "store.endpoints=https://e:2379", "store.key_file=k"}),
                  "store.key_file belong together"));
  EXPECT_TRUE(has(error_of("", {"store.lease_s=1"}), "from 2 to 60"));
  auto result =
      parse(null_sink, {"store.kind=etcd", "store.endpoints=http://127.0.0.1:1,https://e.test:2379"});
  ASSERT_TRUE(result.ok()) << result.errors[0];
  EXPECT_EQ(result.config.store.endpoints.size(), 2u);
  EXPECT_TRUE(
      parse(null_sink, {"store.kind=etcd", "coordinator.enabled=false", "node.seeds=127.0.0.1:1"}).ok())
      << "a node that never leads needs no etcd";
}

RC_GTEST_PROP(config, a_refused_value_is_blamed_on_its_key, (std::string text)) {
  auto& rules = config_rules();
  auto& rule = rules[*rc::gen::inRange<std::size_t>(0, rules.size())];
  auto key = std::string{rule.key};
  if (key.starts_with("sink."))
    key.insert(4, ".0");
  for (auto& error : parse(null_sink, {key + '=' + text}).errors)
    RC_ASSERT(has(error, rule.key.starts_with("sink.") ? "sink" : key));
  parse(text);
}
