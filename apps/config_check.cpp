#include "apps/config_check.hpp"

#include "apps/host_port.hpp"

#include <boost/json/parse.hpp>

#include <string_view>

namespace shardyard {
namespace {

void fill(config_result& result, std::string_view key, std::string& path) {
  static constexpr std::string_view placeholder = "{node}";
  for (auto at = path.find('{'); at != path.npos; at = path.find('{', at)) {
    if (path.compare(at, placeholder.size(), placeholder) != 0) {
      result.errors.push_back(std::string{key} + ": \"" + path +
                              "\" holds a '{' that does not begin {node}, the only placeholder");
      return;
    }
    path.replace(at, placeholder.size(), result.config.node.name);
    at += result.config.node.name.size();
  }
}

struct url_parts {
  std::string_view scheme, host;
};

std::optional<url_parts> split_url(std::string_view url) {
  auto colon = url.find("://");
  if (colon == url.npos || colon == 0)
    return {};
  auto rest = url.substr(colon + 3);
  auto authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.empty() || authority.find('@') != authority.npos)
    return {};
  if (authority.front() == '[')
    return url_parts{url.substr(0, colon), authority.substr(1, authority.find(']') - 1)};
  return url_parts{url.substr(0, colon), authority.substr(0, authority.find(':'))};
}

void check_api_base(config_result& result) {
  auto& base = result.config.discord.api_base;
  while (base.ends_with('/'))
    base.pop_back();
  auto parts = split_url(base);
  if (!parts || parts->host.empty() || (parts->scheme != "https" && parts->scheme != "http")) {
    result.errors.push_back("discord.api_base must be a URL such as \"https://discord.com/api/v10\", not \"" +
                            base + '"');
    return;
  }
  if (parts->scheme == "http" && !is_loopback(parts->host) && !result.config.discord.allow_plaintext)
    result.errors.push_back("discord.api_base: http:// would send the token in clear text to " +
                            std::string{parts->host} +
                            "; use https://, or set discord.allow_plaintext = true in a trusted network");
}

constexpr std::string_view how_to_make_certificates =
    "; make certificates with 'shardyard certs init' and 'shardyard certs node NAME' and name them in [tls] "
    "(ca_file, certificate_file, key_file)";

void check_tls(config_result& result) {
  auto& tls = result.config.tls;
  if (!tls.empty() && (tls.ca.empty() || tls.certificate.empty() || tls.key.empty()))
    result.errors.push_back(
        "tls.ca_file, tls.certificate_file and tls.key_file belong together: name all three, "
        "or none" +
        std::string{how_to_make_certificates});
}

/// Its connection is neither encrypted nor authenticated.
void check_actor_sink(config_result& result, std::size_t number) {
  auto& sink = result.config.sinks[number];
  if (sink.kind != sink_kind::actor)
    return;
  auto at = parse_endpoint(sink.path);
  if (!at || at->port == 0 || !is_loopback(at->host))
    result.errors.push_back("sink." + std::to_string(number) + ".path: \"" + sink.path +
                            "\" is not where an actor sink can be; allowed: 127.0.0.1 and the port that the "
                            "bot's program has published its sink at, as \"127.0.0.1:7500\"");
}

void check_addresses(config_result& result) {
  static constexpr std::string_view reason =
      "is not a loopback address; without [tls], connections between nodes are neither encrypted nor "
      "authenticated";
  auto& node = result.config.node;
  if (!result.config.tls.empty()) {
    if (node.listen.host == "0.0.0.0" || node.listen.host == "::")
      result.errors.push_back("node.listen: the other nodes dial this address, and " + node.listen.host +
                              " is none that they can reach; name one of this host's own");
    return;
  }
  auto refuse = [&](const std::string& key, const endpoint& x) {
    if (!is_loopback(x.host))
      result.errors.push_back(key + ": " + x.host + ' ' + std::string{reason} +
                              std::string{how_to_make_certificates});
  };
  refuse("node.listen", node.listen);
  for (auto& seed : node.seeds)
    refuse("node.seeds", seed);
}

void check_store(config_result& result) {
  auto& store = result.config.store;
  if (store.kind == store_kind::sqlite)
    return;
  auto refuse = [&result](std::string text) { result.errors.push_back(std::move(text)); };
  if (result.config.coordinator_enabled && store.endpoints.empty())
    refuse("store.endpoints is empty: name etcd's servers, for example [\"https://10.0.0.1:2379\"]");
  for (auto& text : store.endpoints) {
    auto parts = split_url(text);
    if (!parts || parts->host.empty() || (parts->scheme != "https" && parts->scheme != "http"))
      refuse("store.endpoints must be URLs such as \"https://10.0.0.1:2379\", not \"" + text + '"');
    else if (parts->scheme == "http" && !is_loopback(parts->host) && !store.allow_plaintext)
      refuse("store.endpoints: " + text +
             " is not encrypted, and whoever reads or changes it steers the cluster; use https://, or set "
             "store.allow_plaintext = true in a trusted network");
  }
  if (store.certificate_file.empty() != store.key_file.empty())
    refuse("store.certificate_file and store.key_file belong together: set both or none");
  if (store.user.empty() != store.password_file.empty())
    refuse("store.user and store.password_file belong together: set both or none");
}

void check_bots(config_result& result) {
  auto& config = result.config;
  auto& bots = config.bots;
  auto refuse = [&result](std::string text) { result.errors.push_back(std::move(text)); };
  if (bots.certificate_file.empty() != bots.key_file.empty())
    refuse("bots.certificate_file and bots.key_file belong together: set both or none");
  auto encrypted = !bots.certificate_file.empty();
  if (bots.listen && !encrypted && !is_loopback(bots.listen->host) && !bots.allow_plaintext)
    refuse(
        "bots.listen: " + bots.listen->host +
        " is not a loopback address, and bots would send their tokens in clear text; name a certificate in "
        "bots.certificate_file and bots.key_file, or set bots.allow_plaintext = true in a trusted network or "
        "behind a proxy that encrypts");
  if (!bots.url.empty()) {
    auto parts = split_url(bots.url);
    if (!parts || parts->host.empty() || (parts->scheme != "ws" && parts->scheme != "wss"))
      refuse("bots.url must be a URL such as \"wss://bots.example:7500\", not \"" + bots.url + '"');
  } else if (bots.listen && (bots.listen->host == "0.0.0.0" || bots.listen->host == "::")) {
    refuse("bots.listen: " + bots.listen->host +
           " is no address that a bot can be told to connect to; say in bots.url how bots reach this node");
  }
  while (bots.url.ends_with('/'))
    bots.url.pop_back();
  if (bots.listen && !bots.accept_token && bots.secrets_file.empty())
    refuse("bots.accept_token is false and bots.secrets_file is empty: no bot could connect; name a file of "
           "credentials, or let the bot's own token in");
  if (bots.listen && config.cache.enabled == false)
    refuse("cache.enabled is false, but bots.listen needs the cache: bots get their guilds from it");
}

// Gateway reference, "Update Presence": all four keys are required.
void check_presence(config_result& result) {
  auto& text = result.config.discord.presence;
  if (text.empty())
    return;
  boost::json::error_code error;
  auto parsed = boost::json::parse(text, error);
  auto whole = !error && parsed.is_object();
  for (auto key : {"since", "activities", "status", "afk"})
    whole = whole && parsed.get_object().contains(key);
  if (!whole)
    result.errors.push_back("discord.presence must be the text of a JSON object with since, activities, "
                            "status and afk, for example "
                            R"({"since":null,"activities":[],"status":"online","afk":false})");
}

} // namespace

void fill_placeholders(config_result& result) {
  auto& config = result.config;
  fill(result, "node.state_dir", config.node.state_dir);
  fill(result, "store.path", config.store.path);
  fill(result, "store.ca_file", config.store.ca_file);
  fill(result, "store.certificate_file", config.store.certificate_file);
  fill(result, "store.key_file", config.store.key_file);
  fill(result, "store.password_file", config.store.password_file);
  fill(result, "discord.token_file", config.discord.token_file);
  fill(result, "discord.ca_file", config.discord.ca_file);
  fill(result, "bots.certificate_file", config.bots.certificate_file);
  fill(result, "bots.key_file", config.bots.key_file);
  fill(result, "bots.secrets_file", config.bots.secrets_file);
  fill(result, "tls.ca_file", config.tls.ca);
  fill(result, "tls.certificate_file", config.tls.certificate);
  fill(result, "tls.key_file", config.tls.key);
  for (std::size_t i = 0; i < config.sinks.size(); ++i)
    fill(result, "sink." + std::to_string(i) + ".path", config.sinks[i].path);
}

void check_together(config_result& result) {
  auto& config = result.config;
  check_tls(result);
  check_addresses(result);
  check_api_base(result);
  check_presence(result);
  check_store(result);
  check_bots(result);
  if (!config.coordinator_enabled && config.node.seeds.empty())
    result.errors.push_back(
        "node.seeds is empty and coordinator.enabled is false: this node would have nobody to join; name the "
        "coordinator's address in node.seeds or enable the coordinator here");
  if (config.sinks.empty() && config.node.weight > 0 && !config.bots.listen)
    result.errors.push_back(
        "there is no [[sink]] and no bots.listen, so events would go nowhere; add one (kind = "
        "\"null\" discards on purpose), or set "
        "node.weight = 0 for a node that hosts nothing");
  for (std::size_t i = 0; i < config.sinks.size(); ++i) {
    check_actor_sink(result, i);
    for (std::size_t j = 0; j < i; ++j) {
      if (config.sinks[i].kind == sink_kind::jsonl && config.sinks[j].kind == sink_kind::jsonl &&
          config.sinks[i].path == config.sinks[j].path)
        result.errors.push_back("sink." + std::to_string(i) + ".path: sink " + std::to_string(j) +
                                " writes to \"" + config.sinks[i].path + "\" already");
    }
  }
}

} // namespace shardyard
