#include "actors/coordinator/etcd_store.hpp"

#include "actors/coordinator/lease_term.hpp"

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <thread>

namespace shardyard {

namespace json = boost::json;
using std::chrono::milliseconds;

namespace {

constexpr int key_schema_version = 1;
constexpr auto request_patience = milliseconds(1000);
constexpr auto campaign_time = milliseconds(2000); ///< of all attempts at the lease's row
constexpr auto page_patience = milliseconds(5000);
constexpr std::size_t page_rows = 500;
constexpr auto retry_pause = milliseconds(50);

std::string root(const etcd_settings& x) {
  return x.prefix + "/" + x.cluster + "/";
}

/// Whatever is slower than this between two hosts' clocks or on the way is not covered.
milliseconds margin(const etcd_settings& x) {
  return std::max(milliseconds(300), milliseconds(x.time_to_live) / 6);
}

std::string to_row(const leader_record& x, std::uint64_t nonce) {
  return json::serialize(
      json::object{{"node", x.node}, {"host", x.host}, {"port", x.port}, {"nonce", nonce}});
}

/// Somebody's row: fields that are not there stay empty, then nobody can be told where the leader is.
leader_record from_row(const etcd_row& row) {
  leader_record result;
  result.epoch = row.created;
  boost::system::error_code error;
  auto parsed = json::parse(row.value, error);
  if (error || !parsed.is_object())
    return result;
  auto& x = parsed.get_object();
  auto text = [&x](const char* name) {
    auto* found = x.if_contains(name);
    return found && found->is_string() ? std::string{found->get_string()} : std::string{};
  };
  result.node = text("node");
  result.host = text("host");
  if (auto* port = x.if_contains("port");
      port && port->is_int64() && port->get_int64() > 0 && port->get_int64() < 65536)
    result.port = static_cast<std::uint16_t>(port->get_int64());
  return result;
}

class etcd_store : public store {
public:
  etcd_store(const etcd_connect& connect, const etcd_settings& settings, std::uint64_t epoch,
             std::int64_t lease, lease_term::time_point granted)
      : settings_{settings},
        root_{root(settings)},
        epoch_{epoch},
        lease_{lease},
        term_{margin(settings)},
        link_{connect(), settings.user, settings.password},
        renewals_{connect(), settings.user, settings.password} {
    term_.renewed(granted, settings.time_to_live);
    if (auto row = link_.get(root_ + "commit", request_patience))
      chain_ = row->changed;
    renewer_ = std::thread{[this] { renew(); }};
  }

  ~etcd_store() override {
    {
      std::lock_guard lock{mutex_};
      ending_ = true;
    }
    wake_.notify_all();
    renewer_.join();
    if (term_.lost())
      return;
    try {
      link_.revoke(lease_, request_patience / 2); // the next candidate need not wait for its end
    } catch (const std::exception&) {
      // It ends by itself.
    }
  }

  const std::string& cluster_id() const override { return settings_.cluster; }
  std::uint64_t epoch() const override { return epoch_; }
  bool leading(boot_clock::time_point now) const override { return term_.leading(now); }

  std::optional<stored_row> get(std::string_view key) override {
    demand_term();
    auto row = link_.get(root_ + "rows/" + std::string{key}, request_patience);
    if (!row)
      return std::nullopt;
    return stored_row{std::string{key}, std::move(row->value), row->changed};
  }

  std::vector<stored_row> list(std::string_view prefix) override {
    demand_term();
    auto base = root_ + "rows/";
    auto begin = base + std::string{prefix};
    auto end = end_of_prefix(begin);
    std::vector<stored_row> result;
    for (std::uint64_t revision = 0;;) {
      auto rows = link_.range(begin, end, page_rows, revision, page_patience);
      for (auto& x : rows)
        result.push_back({x.key.substr(base.size()), std::move(x.value), x.changed});
      if (rows.size() < page_rows)
        return result;
      begin = base + result.back().key + '\0';
    }
  }

  commit_result commit(const std::vector<row_write>& writes) override {
    std::vector<etcd_condition> conditions{{root_ + "leader", etcd_condition::of::created, epoch_},
                                           {root_ + "commit", etcd_condition::of::changed, chain_}};
    std::vector<std::string> guarded;
    std::map<std::string, std::optional<std::string>> last;
    for (auto& x : writes) {
      last[root_ + "rows/" + x.key] = x.value;
      if (!x.expected)
        continue;
      conditions.push_back({root_ + "rows/" + x.key, etcd_condition::of::changed, *x.expected});
      guarded.push_back(x.key);
    }
    auto id = std::to_string(epoch_) + "/" + std::to_string(++commits_);
    std::vector<etcd_write> changes{{root_ + "commit", id}};
    for (auto& [key, value] : last)
      changes.push_back({key, value});
    auto answer = carry_out(conditions, changes);
    if (!answer.succeeded)
      return judge(answer, conditions, guarded, id);
    chain_ = answer.revision;
    return {true, answer.revision, {}};
  }

private:
  void demand_term() const {
    if (term_.lost())
      throw store_error{"this coordinator's lease is over (epoch " + std::to_string(epoch_) +
                        "); it must stop"};
  }

  /// Sends the same transaction again while its outcome is in doubt and the lease is believed in.
  etcd_txn_answer carry_out(const std::vector<etcd_condition>& conditions,
                            const std::vector<etcd_write>& changes) {
    auto end = boot_clock::now() + request_patience;
    for (std::string trouble;;) {
      demand_term();
      auto now = boot_clock::now();
      auto left = std::min(term_.left(now), std::chrono::duration_cast<milliseconds>(end - now));
      if (left <= milliseconds(0))
        throw store_error{trouble.empty() ? "etcd is temporarily away: the lease could not be renewed"
                                          : trouble};
      try {
        return link_.txn(conditions, changes, left);
      } catch (const etcd_away& error) {
        trouble = error.what();
        std::this_thread::sleep_for(retry_pause);
      }
    }
  }

  commit_result judge(const etcd_txn_answer& answer, const std::vector<etcd_condition>& conditions,
                      const std::vector<std::string>& guarded, const std::string& id) {
    if (answer.seen[0].created != epoch_) {
      term_.lose();
      demand_term();
    }
    if (answer.seen[1].changed != chain_) {
      chain_ = answer.seen[1].changed;
      if (answer.seen[1].value == id)
        return {true, chain_, {}};
      term_.lose();
      throw store_error{"a write whose answer was lost was made after all (commit " + answer.seen[1].value +
                        "); this coordinator must stop, the next one reads everything anew"};
    }
    for (std::size_t i = 0; i < guarded.size(); ++i)
      if (answer.seen[i + 2].changed != conditions[i + 2].revision)
        return {false, 0, guarded[i]};
    throw store_error{"etcd refused a transaction whose conditions all hold"};
  }

  void renew() {
    auto every = milliseconds(settings_.time_to_live) / 3;
    for (auto pause = every;;) {
      std::unique_lock lock{mutex_};
      if (wake_.wait_for(lock, pause, [this] { return ending_; }))
        return;
      lock.unlock();
      pause = renew_once(every);
      if (term_.lost())
        return;
    }
  }

  /// How long to wait before the next attempt.
  milliseconds renew_once(milliseconds every) {
    auto sent = boot_clock::now();
    try {
      auto time_to_live = renewals_.keep_alive(lease_, every);
      if (time_to_live > std::chrono::seconds(0)) {
        term_.renewed(sent, time_to_live);
        trouble_ = false;
        return every;
      }
      spdlog::critical("the lease of epoch {} has run out at etcd", epoch_);
      term_.lose();
    } catch (const store_error& error) {
      if (!std::exchange(trouble_, true))
        spdlog::warn("the lease of epoch {} could not be renewed: {}", epoch_, error.what());
    }
    return retry_pause;
  }

  etcd_settings settings_;
  std::string root_;
  std::uint64_t epoch_;
  std::int64_t lease_;
  lease_term term_;
  etcd_link link_;
  etcd_link renewals_; // of the renewing thread alone
  std::uint64_t chain_ = 0;
  std::uint64_t commits_ = 0;
  bool trouble_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread renewer_;
};

} // namespace

etcd_election::etcd_election(etcd_connect connect, etcd_settings settings)
    : connect_{std::move(connect)},
      settings_{std::move(settings)},
      link_{connect_(), settings_.user, settings_.password} {}

/// Made by the first coordinator; later ones must be of the same cluster and know its rows.
void etcd_election::check_cluster(std::uint64_t epoch) {
  auto key = root(settings_) + "cluster";
  auto ours = json::object{{"id", settings_.cluster}, {"schema", key_schema_version}};
  auto row = link_.get(key, request_patience);
  if (!row) {
    auto made = link_.txn({{root(settings_) + "leader", etcd_condition::of::created, epoch},
                           {key, etcd_condition::of::created, 0}},
                          {{key, json::serialize(ours)}}, request_patience);
    if (!made.succeeded)
      throw store_error{"the lease was lost before the cluster was made"};
    return;
  }
  boost::system::error_code error;
  auto found = json::parse(row->value, error);
  if (error || found != json::value(ours))
    throw store_error{"the rows under '" + root(settings_) + "' are those of " + row->value +
                      ", this program writes " + json::serialize(ours) +
                      "; correct store.prefix, or use the program version that wrote them"};
}

void etcd_election::resign() noexcept {
  auto lease = lease_.exchange(0);
  if (lease == 0)
    return;
  try {
    etcd_link{connect_(), settings_.user, settings_.password}.revoke(lease, request_patience / 2);
  } catch (const std::exception&) {
    // It ends by itself.
  }
}

campaign_result etcd_election::campaign() {
  auto key = root(settings_) + "leader";
  if (auto held = link_.get(key, request_patience))
    return from_row(*held);
  auto granted = boot_clock::now();
  auto lease = link_.grant(settings_.time_to_live, request_patience);
  auto give_back = [&] {
    try {
      link_.revoke(lease, request_patience);
    } catch (const store_error&) {
      // It ends by itself.
    }
  };
  try {
    auto value = to_row(settings_.self, std::random_device{}());
    std::optional<etcd_txn_answer> answer;
    while (!answer) {
      try {
        answer = link_.txn({{key, etcd_condition::of::created, 0}}, {{key, value, lease}}, request_patience);
      } catch (const etcd_away&) {
        if (boot_clock::now() > granted + campaign_time)
          throw;
      }
    }
    if (!answer->succeeded && answer->seen[0].value != value) {
      give_back();
      return from_row(answer->seen[0]);
    }
    auto epoch = answer->succeeded ? answer->revision : answer->seen[0].created;
    check_cluster(epoch);
    lease_ = lease;
    return std::make_unique<etcd_store>(connect_, settings_, epoch, lease, granted);
  } catch (...) {
    give_back();
    throw;
  }
}

} // namespace shardyard
