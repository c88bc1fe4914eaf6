// The events that Discord would have sent between two states of a guild, as far as both states can know. What
// no event tells alone (the last message of a channel, counts of a thread's messages) is no difference.
#include "actors/partition/content_hash.hpp"
#include "actors/partition/guild_content.hpp"
#include "actors/partition/json_scan.hpp"
#include "actors/partition/packed_json.hpp"

#include <algorithm>
#include <set>

namespace shardyard {
namespace {

// Of GUILD_CREATE alone (Gateway Events, "Guild Create", extra fields; the undocumented ones as seen).
constexpr std::string_view create_only[] = {"joined_at", "lazy", "embedded_activities",
                                            "application_command_counts", "guild_hashes"};
constexpr std::string_view untold[] = {"last_message_id", "message_count", "total_message_sent", "guild_id"};

std::string quoted(snowflake id) {
  return '"' + std::to_string(id) + '"';
}

std::string without(std::string_view object, std::span<const std::string_view> keys) {
  auto fields = json_fields::read(object);
  if (!fields)
    return std::string{object};
  for (auto key : keys)
    fields->erase(key);
  return fields->text();
}

/// The object with a field put in or replaced.
std::string with(std::string_view object, std::string_view key, std::string_view raw) {
  auto fields = json_fields::read(object);
  if (!fields)
    return std::string{object};
  fields->set(key, raw);
  return fields->text();
}

} // namespace

class guild_comparison {
public:
  guild_comparison(const guild_cache::content& older, const guild_cache::content& newer, snowflake guild)
      : old_(older),
        new_(newer),
        guild_(quoted(guild)),
        old_complete_(older.knows_everybody()),
        new_complete_(newer.knows_everybody()) {}

  std::vector<difference_event> events() && {
    roles_gone();
    roles();
    list("GUILD_EMOJIS_UPDATE", emoji_row);
    list("GUILD_STICKERS_UPDATE", sticker_row);
    channels();
    threads();
    voice(true);
    members();
    voice(false);
    presences();
    objects(stage_row, "STAGE_INSTANCE_CREATE", "STAGE_INSTANCE_UPDATE", "STAGE_INSTANCE_DELETE");
    objects(scheduled_event_row, "GUILD_SCHEDULED_EVENT_CREATE", "GUILD_SCHEDULED_EVENT_UPDATE",
            "GUILD_SCHEDULED_EVENT_DELETE");
    objects(sound_row, "GUILD_SOUNDBOARD_SOUND_CREATE", "GUILD_SOUNDBOARD_SOUND_UPDATE",
            "GUILD_SOUNDBOARD_SOUND_DELETE");
    guild();
    return std::move(events_);
  }

private:
  struct pair {
    snowflake id = 0;
    std::string_view older, newer; ///< packed; empty: not there
  };

  /// Both states' entities of a kind side by side, where they are not the same bytes.
  std::vector<pair> changed(row_kind kind) const {
    std::vector<pair> result;
    auto left = old_.rows.of(kind), right = new_.rows.of(kind);
    while (!left.done() || !right.done()) {
      if (right.done() || (!left.done() && left->key.id < right->key.id)) {
        result.push_back({left->key.id, left->packed, {}});
        left.next();
      } else if (left.done() || right->key.id < left->key.id) {
        result.push_back({right->key.id, {}, right->packed});
        right.next();
      } else {
        if (left->packed != right->packed)
          result.push_back({left->key.id, left->packed, right->packed});
        left.next();
        right.next();
      }
    }
    return result;
  }

  static bool same(const pair& x, std::span<const std::string_view> ignored) {
    return !x.older.empty() && !x.newer.empty() &&
           content_hash(without(packed::text_of(x.older), ignored)) ==
               content_hash(without(packed::text_of(x.newer), ignored));
  }

  void tell(std::string_view name, std::string d) {
    events_.push_back({find_event_type(name), std::move(d)});
  }

  std::string of_guild(std::string_view packed) const {
    return with(packed::text_of(packed), "guild_id", guild_);
  }

  void objects(row_kind kind, std::string_view create, std::string_view update, std::string_view remove) {
    for (auto& each : changed(kind))
      if (!same(each, {}))
        tell(each.newer.empty()   ? remove
             : each.older.empty() ? create
                                  : update,
             of_guild(each.newer.empty() ? each.older : each.newer));
  }

  void roles() {
    for (auto& each : changed(role_row))
      if (!each.newer.empty() && !same(each, {}))
        tell(each.older.empty() ? "GUILD_ROLE_CREATE" : "GUILD_ROLE_UPDATE",
             "{\"role\":" + packed::text_of(each.newer) + ",\"guild_id\":" + guild_ + "}");
  }

  // First: what wears a role loses it with the role, and is told afterwards as it is.
  void roles_gone() {
    for (auto& each : changed(role_row))
      if (each.newer.empty())
        tell("GUILD_ROLE_DELETE", "{\"role_id\":" + quoted(each.id) + ",\"guild_id\":" + guild_ + "}");
  }

  std::string array(row_kind kind) const {
    std::string result = "[";
    for (auto row = new_.rows.of(kind); !row.done(); row.next()) {
      if (result.size() > 1)
        result += ',';
      packed::decode(result, row->packed);
    }
    return result += ']';
  }

  void list(std::string_view name, row_kind kind) {
    auto differing = changed(kind);
    if (std::ranges::any_of(differing, [](auto& each) { return !same(each, {}); }))
      tell(name, "{\"guild_id\":" + guild_ + ",\"" + std::string{array_of(kind)} + "\":" + array(kind) + "}");
  }

  void channels() {
    auto differing = changed(channel_row);
    std::erase_if(differing, [](auto& each) { return same(each, untold); });
    for (auto& each : differing)
      if (each.newer.empty()) {
        deleted_.insert(packed::id_bytes(each.id));
        tell("CHANNEL_DELETE", of_guild(each.older));
      }
    // A category exists before what lies in it.
    constexpr std::uint64_t category = 4;
    auto is_category = [](const pair& each) {
      return packed::number_of(packed::field(each.newer, "type")) == category;
    };
    std::stable_partition(differing.begin(), differing.end(), is_category);
    for (auto& each : differing)
      if (!each.newer.empty())
        tell(each.older.empty() ? "CHANNEL_CREATE" : "CHANNEL_UPDATE", of_guild(each.newer));
  }

  // Whether a thread that is listed no more was deleted or archived is not known. THREAD_LIST_SYNC says just
  // that: these are the active threads of these channels.
  void threads() {
    std::set<std::string> lost;
    for (auto& each : changed(thread_row)) {
      if (same(each, untold))
        continue;
      if (!each.newer.empty()) {
        own_membership_lost(each);
        tell(each.older.empty() ? "THREAD_CREATE" : "THREAD_UPDATE", of_guild(each.newer));
      }
      if (std::string parent{packed::field(each.older, "parent_id")};
          each.newer.empty() && !deleted_.contains(parent))
        lost.insert(std::move(parent));
    }
    if (lost.empty())
      return;
    std::string channels, active, own;
    auto add = [](std::string& to, std::string_view text) {
      if (!to.empty())
        to += ',';
      to.append(text);
    };
    for (auto& parent : lost)
      add(channels, packed::text_of(parent));
    for (auto row = new_.rows.of(thread_row); !row.done(); row.next()) {
      if (!lost.contains(std::string{packed::field(row->packed, "parent_id")}))
        continue;
      add(active, packed::text_of(row->packed));
      if (auto member = packed::field(row->packed, "member"); !member.empty())
        add(own, packed::text_of(member));
    }
    tell("THREAD_LIST_SYNC", "{\"guild_id\":" + guild_ + ",\"channel_ids\":[" + channels + "],\"threads\":[" +
                                 active + "],\"members\":[" + own + "]}");
  }

  // THREAD_UPDATE without the bot's own member does not say that it left.
  void own_membership_lost(const pair& thread) {
    auto before = packed::field(thread.older, "member");
    if (before.empty() || !packed::field(thread.newer, "member").empty())
      return;
    auto d = "{\"id\":" + quoted(thread.id) + ",\"guild_id\":" + guild_ + ",\"removed_member_ids\":[" +
             packed::text_of(packed::field(before, "user_id")) + "]}";
    if (auto count = packed::field(thread.newer, "member_count"); !count.empty())
      d = with(d, "member_count", packed::text_of(count));
    tell("THREAD_MEMBERS_UPDATE", std::move(d));
  }

  // A list that is not everybody proves neither a join nor a leave.
  void members() {
    joins_ = leaves_ = 0;
    for (auto& each : changed(member_row)) {
      if (same(each, {}))
        continue;
      if (!each.newer.empty()) {
        auto joined = each.older.empty() && old_complete_;
        joins_ += joined;
        tell(joined ? "GUILD_MEMBER_ADD" : "GUILD_MEMBER_UPDATE", of_guild(each.newer));
      } else if (new_complete_) {
        ++leaves_;
        tell("GUILD_MEMBER_REMOVE", "{\"user\":" + packed::text_of(packed::field(each.older, "user")) +
                                        ",\"guild_id\":" + guild_ + "}");
      }
    }
  }

  // Whoever leaves the guild leaves the call before.
  void voice(bool leaving) {
    for (auto& each : changed(voice_row)) {
      if (each.newer.empty() != leaving || same(each, {}))
        continue;
      auto member = new_.rows.find({member_row, each.id});
      if (!member)
        member = old_.rows.find({member_row, each.id});
      auto d = of_guild(each.newer.empty() ? each.older : each.newer);
      if (each.newer.empty())
        d = with(d, "channel_id", "null");
      if (member) {
        auto text = packed::text_of(*member);
        d = with(d, "member", text);
      }
      tell("VOICE_STATE_UPDATE", std::move(d));
    }
  }

  void presences() {
    for (auto& each : changed(presence_row)) {
      if (same(each, {}))
        continue;
      if (!each.newer.empty())
        tell("PRESENCE_UPDATE", of_guild(each.newer));
      else if (new_.member_count <= presence_gate && still_member(each.id))
        tell("PRESENCE_UPDATE", "{\"user\":{\"id\":" + quoted(each.id) + "},\"status\":\"offline\"," +
                                    "\"guild_id\":" + guild_ + ",\"client_status\":{},\"activities\":[]}");
    }
  }

  bool still_member(snowflake user) const {
    return !new_complete_ || new_.rows.find({member_row, user}).has_value();
  }

  // Last: its roles and emojis are the ones told before.
  void guild() {
    auto before = old_.rows.find({guild_row, 0}), after = new_.rows.find({guild_row, 0});
    auto counted = old_.member_count + joins_ - leaves_ == new_.member_count;
    if (!after || (counted && before && (*before == *after || same({0, *before, *after}, create_only))))
      return;
    auto d = without(packed::text_of(*after), create_only);
    for (auto kind : {role_row, emoji_row, sticker_row}) {
      auto all = array(kind);
      d = with(d, array_of(kind), all);
    }
    if (!counted)
      d = with(d, "member_count", std::to_string(new_.member_count));
    tell("GUILD_UPDATE", std::move(d));
  }

  const guild_cache::content& old_;
  const guild_cache::content& new_;
  std::string guild_;
  bool old_complete_, new_complete_;
  std::set<std::string> deleted_; ///< channels, packed ids
  std::uint64_t joins_ = 0, leaves_ = 0;
  std::vector<difference_event> events_;
};

std::vector<difference_event> guild_cache::difference(const guild_cache& newer, snowflake guild) const {
  if (!content_ || !newer.content_)
    return {};
  return guild_comparison{*content_, *newer.content_, guild}.events();
}

} // namespace shardyard
