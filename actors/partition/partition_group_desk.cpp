// How the commands of bots meet the partitions of a group.
#include "actors/partition/partition_group.hpp"

namespace shardyard {
namespace {

constexpr monotonic voice_look_interval = std::chrono::milliseconds(500);

} // namespace

class partition_group::lead_port final : public desk_port {
public:
  explicit lead_port(partition_group& group) : group_(group) {}

  std::optional<leading_session> lead(snowflake guild) const override {
    auto home = group_.partition_at({scope_kind::guild, guild});
    return home ? home->lead_of(guild) : std::nullopt;
  }
  bool lives(std::uint32_t session) const override {
    auto& all = group_.sources_.all();
    return session != 0 && session <= all.size() && !group_.sources_.numbered(session).gone;
  }
  std::optional<std::string> members(snowflake guild, std::span<const snowflake> users) const override {
    auto home = group_.partition_at({scope_kind::guild, guild});
    return home ? home->members(guild, users) : std::nullopt;
  }

private:
  partition_group& group_;
};

void partition_group::command(const bot_command& x, monotonic now) {
  desk_.take(x, lead_port{*this}, now);
  if (auto home = partition_at({scope_kind::guild, x.guild}); home && x.op == 4)
    home->voice_asked(x.guild);
  consult_desk(now);
  look_ahead(now);
}

void partition_group::only_calls_left(std::uint64_t plan, const shard_key& shard) {
  if (auto slot = sources_.slot(shard); slot && slot->plan == plan)
    slot->only_calls = true;
}

/// That all others are cut is the coordinator's word, who knows all groups. Ours are looked at once more: one
/// may have gone back since.
void partition_group::let_voice_go(monotonic now) {
  if (now < next_voice_look_)
    return;
  next_voice_look_ = now + voice_look_interval;
  std::map<std::pair<shard_key, side>, std::uint64_t> waiting;
  for (auto& x : partitions_)
    x->count_voice_waits(waiting);
  for (auto& [where, count] : waiting) {
    auto& [shard, at] = where;
    auto slot = sources_.slot(shard);
    std::uint64_t led = 0;
    for (auto& x : partitions_)
      led += x->led_by(shard, at);
    for (auto& x : partitions_)
      x->let_voice_go(shard, slot && slot->only_calls && led <= count, now);
  }
}

void partition_group::consult_desk(monotonic now) {
  desk_.look(lead_port{*this}, now);
  for (auto& x : desk_.take_answers())
    if (auto home = partition_at({scope_kind::guild, x.guild}))
      home->tell(x);
}

} // namespace shardyard
