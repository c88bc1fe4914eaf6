#include "sim/session.hpp"

#include "sim/text.hpp"

#include <algorithm>

namespace shardyard::sim {
namespace {

// Without MESSAGE_CONTENT the texts of guild messages are empty (Gateway reference, "Message Content
// Intent").
void put_masked(std::string& out, const payload& content) {
  std::string_view d{content.d};
  auto embeds_end = content.embeds_at + content.embeds_size;
  put(out, d.substr(0, content.embeds_at));
  put(out, d.substr(embeds_end, content.content_at - embeds_end));
  put(out, d.substr(content.content_at + content.content_size));
}

} // namespace

std::uint64_t session::dispatch(shared_payload content, bool in_guild) {
  auto masked = in_guild && content->content_at != 0 && (declared_.intents & message_content_intent) == 0;
  if (masked) {
    payload blank{.name = content->name, .d = {}};
    put_masked(blank.d, *content);
    content = std::make_shared<const payload>(std::move(blank));
  }
  auto s = replay_.newest() + 1;
  if (connection)
    connection->send(envelope(s, *content));
  replay_.push(std::move(content));
  return s;
}

void session::replay_after(std::uint64_t seq) {
  replay_.replay(seq, [this](std::uint64_t s, const shared_payload& content) {
    if (connection)
      connection->send(envelope(s, *content));
  });
}

void session::queue(snowflake order_key, std::int64_t due_ms, copy item) {
  auto& last = last_due_[order_key];
  last = std::max(last, due_ms + lag_ms);
  line.push(last, std::move(item));
}

std::string_view session::envelope(std::uint64_t s, const payload& content) {
  auto& out = scratch_;
  out.clear();
  if (shuffle_envelope && s % 3 == 1) {
    put(out, R"({"op":0,"d":)");
    put(out, content.d);
    put(out, R"(,"x_origin":{"guild_id":"1","s":3},"s":)");
    put_number(out, s);
    put(out, R"(,"t":")");
    put(out, content.name);
    put(out, "\"}");
    return out;
  }
  put(out, R"({"t":")");
  put(out, content.name);
  put(out, R"(","s":)");
  put_number(out, s);
  put(out, R"(,"op":0,"d":)");
  put(out, content.d);
  put(out, "}");
  return out;
}

} // namespace shardyard::sim
