#include "actors/bot_session/content_mask.hpp"

#include "actors/bot_session/event_intents.hpp"
#include "actors/bot_session/json_fields.hpp"
#include "messages/discord_event.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace shardyard {
namespace {

/// Copies a text while parts of it are replaced. Edits come in the order of the text.
class edited_text {
public:
  explicit edited_text(std::string_view text) : text_(text) {}

  void replace(std::string_view part, std::string_view with) {
    if (part == with)
      return;
    copy_to(part.data());
    out_ += with;
    from_ = part.data() + part.size() - text_.data();
    changed_ = true;
  }

  /// Takes a field out, with the comma before it, or the one behind it when it is the first.
  void remove(const walked_field& field) {
    auto begin = static_cast<std::size_t>(field.key.data() - text_.data()) - 1;
    auto end = static_cast<std::size_t>(field.value.data() + field.value.size() - text_.data());
    auto before = text_.find_last_not_of(" \t\r\n", begin - 1);
    if (text_[before] == ',' && static_cast<std::ptrdiff_t>(before) >= from_) {
      begin = before;
    } else {
      auto behind = text_.find_first_not_of(" \t\r\n", end);
      if (text_[behind] == ',')
        end = behind + 1;
    }
    copy_to(text_.data() + begin);
    from_ = static_cast<std::ptrdiff_t>(end);
    changed_ = true;
  }

  std::optional<std::string> take() {
    if (!changed_)
      return std::nullopt;
    copy_to(text_.data() + text_.size());
    return std::move(out_);
  }

private:
  void copy_to(const char* end) {
    auto begin = text_.data() + from_;
    if (end > begin)
      out_.append(begin, end);
    from_ = end - text_.data();
  }

  std::string_view text_;
  std::string out_;
  std::ptrdiff_t from_ = 0; // what of text_ has not been copied yet
  bool changed_ = false;
};

snowflake user_of(std::string_view object, std::string_view key) {
  auto user = field_of(object, key);
  return user.empty() ? 0 : id_in(field_of(user, "id"));
}

bool mentions(std::string_view array, snowflake self) {
  json_elements elements{array};
  std::string_view user;
  while (elements.next(user))
    if (id_in(field_of(user, "id")) == self)
      return true;
  return false;
}

/// Own messages and those that mention the bot are read without the intent.
bool reveals(const walked_field& field, snowflake self) {
  if (field.key == "author")
    return id_in(field_of(field.value, "id")) == self;
  return field.key == "mentions" && mentions(field.value, self);
}

std::optional<std::string> masked_message(std::string_view d, snowflake self);

/// `message_snapshots`: forwarded messages, each `{"message": {...}}`.
std::optional<std::string> masked_snapshots(std::string_view array, snowflake self) {
  edited_text out{array};
  json_elements elements{array};
  std::string_view snapshot;
  while (elements.next(snapshot)) {
    auto message = field_of(snapshot, "message");
    if (auto edited = message.empty() ? std::nullopt : masked_message(message, self))
      out.replace(message, *edited);
  }
  return elements.ok() ? out.take() : std::nullopt;
}

bool is_masked(std::string_view key) {
  static constexpr std::array<std::string_view, 7> keys{
      "content", "embeds", "attachments", "components", "poll", "referenced_message", "message_snapshots"};
  return std::ranges::find(keys, key) != keys.end();
}

void mask_field(edited_text& out, const walked_field& field, snowflake self) {
  if (field.key == "content") {
    out.replace(field.value, R"("")");
  } else if (field.key == "embeds" || field.key == "attachments" || field.key == "components") {
    out.replace(field.value, "[]");
  } else if (field.key == "poll") {
    out.remove(field);
  } else if (field.key == "referenced_message" && field.value.starts_with('{')) {
    if (auto edited = masked_message(field.value, self))
      out.replace(field.value, *edited);
  } else if (field.key == "message_snapshots") {
    if (auto edited = masked_snapshots(field.value, self))
      out.replace(field.value, *edited);
  }
}

/// The messages within a message are judged each for itself, even where the outer one may be read.
std::optional<std::string> masked_message(std::string_view d, snowflake self) {
  std::vector<walked_field> to_mask;
  to_mask.reserve(8);
  auto readable = false;
  field_walk fields{d};
  walked_field field;
  while (fields.next(field)) {
    readable = readable || (self != 0 && reveals(field, self));
    if (is_masked(field.key))
      to_mask.push_back(field);
  }
  if (!fields.ok())
    return std::nullopt;
  edited_text out{d};
  for (auto& x : to_mask)
    if (!readable || x.key == "referenced_message" || x.key == "message_snapshots")
      mask_field(out, x, self);
  return out.take();
}

std::optional<std::string> masked_execution(std::string_view d) {
  edited_text out{d};
  field_walk fields{d};
  walked_field field;
  while (fields.next(field))
    if (field.key == "content" || field.key == "matched_content")
      out.replace(field.value, R"("")");
  return fields.ok() ? out.take() : std::nullopt;
}

std::vector<snowflake> users_in_voice(std::string_view d) {
  std::vector<snowflake> result;
  json_elements elements{field_of(d, "voice_states")};
  std::string_view state;
  while (elements.next(state))
    result.push_back(id_in(field_of(state, "user_id")));
  std::ranges::sort(result);
  return result;
}

std::string members_left(std::string_view array, const std::vector<snowflake>& in_voice, snowflake self) {
  std::string result = "[";
  json_elements elements{array};
  std::string_view member;
  while (elements.next(member)) {
    auto user = user_of(member, "user");
    if (user != self && !std::ranges::binary_search(in_voice, user))
      continue;
    if (result.size() > 1)
      result += ',';
    result += member;
  }
  return result += ']';
}

std::optional<std::string> masked_guild(std::string_view d, std::uint8_t mask, snowflake self) {
  auto in_voice = users_in_voice(d);
  edited_text out{d};
  field_walk fields{d};
  walked_field field;
  while (fields.next(field)) {
    if (field.key == "voice_states" && (mask & hide_voice) != 0)
      out.replace(field.value, "[]");
    if ((mask & hide_presences) == 0)
      continue;
    if (field.key == "presences")
      out.replace(field.value, "[]");
    if (field.key == "members")
      out.replace(field.value, members_left(field.value, in_voice, self));
  }
  return fields.ok() ? out.take() : std::nullopt;
}

std::optional<std::string> masked_chunk(std::string_view d) {
  edited_text out{d};
  field_walk fields{d};
  walked_field field;
  while (fields.next(field))
    if (field.key == "presences")
      out.replace(field.value, "[]");
  return fields.ok() ? out.take() : std::nullopt;
}

} // namespace

std::uint8_t mask_of(std::uint64_t intents, std::uint64_t upstream) {
  auto hidden = upstream & ~intents;
  std::uint8_t result = 0;
  if ((hidden & message_content_intent) != 0)
    result |= hide_content;
  if ((hidden & presences_intent) != 0)
    result |= hide_presences;
  if ((hidden & voice_states_intent) != 0)
    result |= hide_voice;
  return result;
}

std::uint8_t mask_for(event_type_id type, std::uint8_t mask) {
  if (type == discord_event::message_create || type == discord_event::message_update ||
      type == discord_event::auto_moderation_action_execution)
    return mask & hide_content;
  if (type == discord_event::guild_create)
    return mask & (hide_presences | hide_voice);
  return type == discord_event::guild_members_chunk ? mask & hide_presences : 0;
}

std::optional<std::string> masked(event_type_id type, snowflake guild, std::string_view d, std::uint8_t mask,
                                  snowflake self) {
  mask = mask_for(type, mask);
  if (mask == 0 || guild == 0)
    return std::nullopt;
  if (type == discord_event::guild_create)
    return masked_guild(d, mask, self);
  if (type == discord_event::guild_members_chunk)
    return masked_chunk(d);
  return type == discord_event::auto_moderation_action_execution ? masked_execution(d)
                                                                 : masked_message(d, self);
}

bool concerns(event_type_id type, std::string_view d, snowflake self) {
  if (self == 0)
    return false;
  if (type == discord_event::guild_member_update)
    return user_of(d, "user") == self;
  if (type != discord_event::thread_members_update)
    return false;
  std::string_view element;
  json_elements added{field_of(d, "added_members")};
  while (added.next(element))
    if (id_in(field_of(element, "user_id")) == self)
      return true;
  json_elements removed{field_of(d, "removed_member_ids")};
  while (removed.next(element))
    if (id_in(element) == self)
      return true;
  return false;
}

} // namespace shardyard
