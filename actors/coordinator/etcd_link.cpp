#include "actors/coordinator/etcd_link.hpp"

#include <boost/json.hpp>
#include <openssl/evp.h>

#include <charconv>

namespace shardyard {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::string to_base64(std::string_view text) {
  std::string result(4 * ((text.size() + 2) / 3) + 1, '\0');
  auto size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  result.resize(static_cast<std::size_t>(size));
  return result;
}

std::string from_base64(std::string_view text) {
  std::string result(3 * (text.size() / 4) + 1, '\0');
  auto size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0)
    throw store_error{"etcd answered with something that is no base64"};
  while (text.ends_with('=')) {
    text.remove_suffix(1);
    --size; // EVP_DecodeBlock counts the padding
  }
  result.resize(static_cast<std::size_t>(std::max(size, 0)));
  return result;
}

template <class Number>
Number number(const json::object& from, const char* name) {
  Number result = 0;
  auto* found = from.if_contains(name);
  if (!found)
    return result;
  if (auto* text = found->if_string()) {
    auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), result);
    if (error == std::errc{} && end == text->data() + text->size())
      return result;
  } else if (found->is_number()) {
    return found->to_number<Number>();
  }
  throw store_error{"etcd answered with a number that is none: " + std::string{name}};
}

std::string text(const json::object& from, const char* name) {
  auto* found = from.if_contains(name);
  auto* text = found ? found->if_string() : nullptr;
  return text ? std::string{*text} : std::string{};
}

const json::object* part(const json::object& from, const char* name) {
  auto* found = from.if_contains(name);
  return found ? found->if_object() : nullptr;
}

std::uint64_t revision_of(const json::object& answer) {
  auto* header = part(answer, "header");
  return header ? number<std::uint64_t>(*header, "revision") : 0;
}

std::vector<etcd_row> rows_of(const json::object& answer) {
  std::vector<etcd_row> result;
  auto* found = answer.if_contains("kvs");
  if (!found || !found->is_array())
    return result;
  for (auto& entry : found->get_array()) {
    if (!entry.is_object())
      throw store_error{"etcd answered with a row that is none"};
    auto& x = entry.get_object();
    result.push_back({from_base64(text(x, "key")), from_base64(text(x, "value")),
                      number<std::uint64_t>(x, "create_revision"), number<std::uint64_t>(x, "mod_revision"),
                      number<std::int64_t>(x, "lease")});
  }
  return result;
}

json::object to_json(const etcd_condition& x) {
  auto created = x.what == etcd_condition::of::created;
  return {{"key", to_base64(x.key)},
          {"target", created ? "CREATE" : "MOD"},
          {"result", "EQUAL"},
          {created ? "create_revision" : "mod_revision", std::to_string(x.revision)}};
}

json::object to_json(const etcd_write& x) {
  if (!x.value)
    return {{"request_delete_range", json::object{{"key", to_base64(x.key)}}}};
  json::object put{{"key", to_base64(x.key)}, {"value", to_base64(*x.value)}};
  if (x.lease != 0)
    put["lease"] = std::to_string(x.lease);
  return {{"request_put", std::move(put)}};
}

/// etcd's own word for what is wrong, else the beginning of what it sent.
std::string error_text(const etcd_answer& answer) {
  boost::system::error_code error;
  auto parsed = json::parse(answer.body, error);
  if (!error && parsed.is_object())
    if (auto why = text(parsed.get_object(), "error"); !why.empty())
      return why;
  return "status " + std::to_string(answer.status) + " " + answer.body.substr(0, 200);
}

bool is_temporary(unsigned status) {
  return status == 0 || status == 408 || status >= 500;
}

} // namespace

std::string end_of_prefix(std::string_view prefix) {
  std::string end{prefix};
  ++end.back();
  return end;
}

etcd_link::etcd_link(etcd_post post, std::string user, std::string password)
    : post_{std::move(post)}, user_{std::move(user)}, password_{std::move(password)} {}

void etcd_link::log_in(milliseconds patience) {
  auto answer = post_("/v3/auth/authenticate",
                      json::serialize(json::object{{"name", user_}, {"password", password_}}), {}, patience);
  if (is_temporary(answer.status))
    throw etcd_away{"etcd is temporarily away: " +
                    (answer.status == 0 ? answer.trouble : error_text(answer))};
  if (answer.status != 200)
    throw store_error{"etcd does not let user '" + user_ + "' in: " + error_text(answer) +
                      "; check store.user and store.password_file"};
  token_ = text(json::parse(answer.body).as_object(), "token");
}

/// A token that has run out (etcd's simple tokens live five minutes) is drawn anew, once per call.
json::object etcd_link::call(const char* path, const json::object& body, milliseconds patience) {
  auto request = json::serialize(body);
  for (bool again = false;; again = true) {
    if (token_.empty() && !user_.empty())
      log_in(patience);
    auto answer = post_(path, request, token_, patience);
    if (answer.status == 200) {
      boost::system::error_code error;
      auto parsed = json::parse(answer.body, error);
      if (error || !parsed.is_object())
        throw etcd_away{std::string{"etcd's answer to "} + path + " cannot be read"};
      return std::move(parsed.get_object());
    }
    if (is_temporary(answer.status))
      throw etcd_away{"etcd is temporarily away: " +
                      (answer.status == 0 ? answer.trouble : error_text(answer))};
    auto why = error_text(answer);
    auto stale = answer.status == 401 || why.find("auth") != why.npos;
    if (!stale || user_.empty() || again)
      throw store_error{"etcd refused " + std::string{path} + ": " + why +
                        (why.find("too many operations") != why.npos ? "; start etcd with --max-txn-ops=4096"
                         : why.find("too large") != why.npos
                             ? "; start etcd with --max-request-bytes=10485760"
                             : "")};
    token_.clear();
  }
}

std::vector<etcd_row> etcd_link::range(std::string_view begin, std::string_view end, std::size_t limit,
                                       std::uint64_t& revision, milliseconds patience) {
  json::object body{{"key", to_base64(begin)},
                    {"range_end", to_base64(end)},
                    {"limit", std::to_string(limit)},
                    {"revision", std::to_string(revision)}};
  auto answer = call("/v3/kv/range", body, patience);
  if (revision == 0)
    revision = revision_of(answer);
  return rows_of(answer);
}

std::optional<etcd_row> etcd_link::get(std::string_view key, milliseconds patience) {
  auto rows = rows_of(call("/v3/kv/range", {{"key", to_base64(key)}}, patience));
  return rows.empty() ? std::nullopt : std::optional{std::move(rows.front())};
}

etcd_txn_answer etcd_link::txn(const std::vector<etcd_condition>& conditions,
                               const std::vector<etcd_write>& writes, milliseconds patience) {
  json::array compare, success, failure;
  for (auto& x : conditions) {
    compare.push_back(to_json(x));
    failure.push_back(json::object{{"request_range", json::object{{"key", to_base64(x.key)}}}});
  }
  for (auto& x : writes)
    success.push_back(to_json(x));
  auto answer =
      call("/v3/kv/txn", {{"compare", compare}, {"success", success}, {"failure", failure}}, patience);
  etcd_txn_answer result;
  auto* succeeded = answer.if_contains("succeeded");
  result.succeeded = succeeded && succeeded->is_bool() && succeeded->get_bool();
  result.revision = revision_of(answer);
  if (result.succeeded)
    return result;
  auto* responses = answer.if_contains("responses");
  if (!responses || !responses->is_array() || responses->get_array().size() != conditions.size())
    throw etcd_away{"etcd's answer to a transaction is incomplete"};
  for (auto& entry : responses->get_array()) {
    auto* found = entry.is_object() ? part(entry.get_object(), "response_range") : nullptr;
    auto rows = found ? rows_of(*found) : std::vector<etcd_row>{};
    result.seen.push_back(rows.empty() ? etcd_row{} : std::move(rows.front()));
  }
  return result;
}

std::int64_t etcd_link::grant(seconds time_to_live, milliseconds patience) {
  auto answer = call("/v3/lease/grant", {{"TTL", std::to_string(time_to_live.count())}}, patience);
  auto id = number<std::int64_t>(answer, "ID");
  if (id == 0)
    throw store_error{"etcd granted no lease: " + text(answer, "error")};
  return id;
}

seconds etcd_link::keep_alive(std::int64_t lease, milliseconds patience) {
  auto answer = call("/v3/lease/keepalive", {{"ID", std::to_string(lease)}}, patience);
  auto* result = part(answer, "result");
  if (!result)
    throw etcd_away{"etcd's answer to a renewal cannot be read"};
  return seconds{number<std::int64_t>(*result, "TTL")};
}

void etcd_link::revoke(std::int64_t lease, milliseconds patience) {
  call("/v3/lease/revoke", {{"ID", std::to_string(lease)}}, patience);
}

} // namespace shardyard
