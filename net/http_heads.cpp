#include "net/http_heads.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace shardyard::net {
namespace {

using names = std::initializer_list<std::string_view>;

bool is_among(std::string_view name, names all) {
  return std::ranges::any_of(all, [name](auto known) { return same_name(name, known); });
}

/// Fields about one connection only, and those that are always written anew.
bool stays_here(std::string_view name) {
  return is_among(name, {"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
                         "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
                         "HTTP2-Settings", "Content-Length"});
}

/// Whether a comma-separated list holds the word, in any case.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    auto end = std::min(list.find(','), list.size());
    auto item = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    while (item.starts_with(' ') || item.starts_with('\t'))
      item.remove_prefix(1);
    while (item.ends_with(' ') || item.ends_with('\t'))
      item.remove_suffix(1);
    if (same_name(item, word))
      return true;
  }
  return false;
}

bool any_lists(const http_head& head, std::string_view name, std::string_view word) {
  return std::ranges::any_of(
      head.fields, [&](auto& field) { return same_name(field.name, name) && lists(field.value, word); });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// All fields that go on, but for `written`, which the caller writes himself.
void append_fields(std::string& out, const http_head& from, names written) {
  for (auto& field : from.fields)
    if (!stays_here(field.name) && !is_among(field.name, written) &&
        !any_lists(from, "Connection", field.name))
      append_field(out, field.name, field.value);
}

std::string_view reason_of(unsigned status) {
  switch (status) {
  case 200:
    return "OK";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 413:
    return "Payload Too Large";
  case 417:
    return "Expectation Failed";
  case 426:
    return "Upgrade Required";
  case 431:
    return "Request Header Fields Too Large";
  case 502:
    return "Bad Gateway";
  case 504:
    return "Gateway Timeout";
  default:
    return "Error";
  }
}

} // namespace

bool goes_in_chunks(const http_head& head) {
  return head.body == http_body::chunked;
}

std::string request_head(const http_head& from, const passed_request& to) {
  auto out = from.method + " " + to.target + " HTTP/1.1\r\n";
  append_field(out, "Host", to.authority);
  if (to.authorization)
    append_field(out, "Authorization", *to.authorization);
  if (!from.find("User-Agent"))
    append_field(out, "User-Agent", to.user_agent);
  append_fields(out, from, {"Host", "Authorization", "Expect"});
  auto wants_length = is_among(from.method, {"POST", "PUT", "PATCH"}) || from.find("Content-Length");
  if (goes_in_chunks(from))
    append_field(out, "Transfer-Encoding", "chunked");
  else if (from.body == http_body::sized || wants_length)
    append_field(out, "Content-Length", std::to_string(from.body == http_body::sized ? from.length : 0));
  return out += "\r\n";
}

bool answers_in_chunks(const http_head& from, const http_head& client) {
  return (from.body == http_body::chunked || from.body == http_body::until_end) && client.version == 11;
}

std::string answer_head(const http_head& from, const http_head& client, bool keep) {
  auto out = "HTTP/1.1 " + std::to_string(from.status) + " " + from.reason + "\r\n";
  // Alt-Svc names other ports of Discord's host, which would be taken for ours.
  append_fields(out, from, {"Alt-Svc"});
  auto given = from.find("Content-Length");
  if (answers_in_chunks(from, client))
    append_field(out, "Transfer-Encoding", "chunked");
  else if (from.body == http_body::sized)
    append_field(out, "Content-Length", std::to_string(from.length));
  else if (from.body == http_body::none && given && from.status >= 200 && from.status != 204)
    append_field(out, "Content-Length", std::to_string(from.length)); // of HEAD: what GET would bring
  if (!keep)
    append_field(out, "Connection", "close");
  else if (client.version == 10)
    append_field(out, "Connection", "keep-alive");
  return out += "\r\n";
}

void append_chunk(std::string& out, std::string_view bytes) {
  if (bytes.empty())
    return;
  std::array<char, 20> size;
  auto length = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  out.append(size.data(), static_cast<std::size_t>(length)).append(bytes).append("\r\n");
}

std::string own_answer(unsigned status, std::string_view body, bool keep, std::string_view extra) {
  auto out = "HTTP/1.1 " + std::to_string(status) + " " + std::string{reason_of(status)} + "\r\n";
  append_field(out, "Content-Type", "application/json");
  append_field(out, "Content-Length", std::to_string(body.size()));
  append_field(out, "Connection", keep ? "keep-alive" : "close");
  return out.append(extra).append("\r\n").append(body);
}

std::string error_body(unsigned status, std::string_view why) {
  auto out = R"({"message":")" + std::to_string(status) + ": ";
  for (auto c : why.empty() ? reason_of(status) : why)
    out += c == '"' || c == '\\' ? '\'' : static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return out += R"(","code":0})";
}

std::optional<objection> objection_to(const http_head& request) {
  if (!is_among(request.method, {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}))
    return objection{405, "this method is not served here"};
  // RFC 9112, section 3.2: exactly one; two might be read differently by two servers.
  if (request.count("Host") > 1 || (request.version == 11 && request.count("Host") == 0))
    return objection{400, "a request needs one Host"};
  if (request.count("Authorization") > 1)
    return objection{400, "more than one Authorization"};
  if (request.count("Content-Length") > 1)
    return objection{400, "more than one Content-Length"};
  if (auto expected = request.find("Expect"); expected && !same_name(*expected, "100-continue"))
    return objection{417, "only 100-continue can be expected"};
  return std::nullopt;
}

bool asks_for_web_socket(const http_head& request) {
  return any_lists(request, "Upgrade", "websocket") && any_lists(request, "Connection", "upgrade");
}

std::optional<objection> upgrade_objection(const http_head& request) {
  if (request.method != "GET" || request.version != 11 || request.body != http_body::none)
    return objection{400, "an upgrade is a GET of HTTP/1.1 without body"};
  if (request.find("Sec-WebSocket-Version") != "13")
    return objection{426, "only version 13 of the WebSocket protocol is spoken here"};
  constexpr std::size_t key_size = 24; // 16 bytes in base64
  if (request.count("Sec-WebSocket-Key") != 1 || request.find("Sec-WebSocket-Key")->size() != key_size)
    return objection{400, "a Sec-WebSocket-Key of 16 bytes is needed"};
  return std::nullopt;
}

} // namespace shardyard::net
