#include "sim/connect_query.hpp"

#include <charconv>

namespace shardyard::sim {

connect_query parse_connect_query(std::string_view target) {
  connect_query result;
  auto encoding = std::string_view{"json"};
  auto complain = [&result](int code, std::string text) {
    if (result.close_code == 0)
      result.close_code = code, result.complaint = std::move(text);
  };
  auto mark = target.find('?');
  auto rest = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  while (!rest.empty()) {
    auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    auto equals = pair.find('=');
    auto key = pair.substr(0, equals);
    auto value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    if (key == "v")
      std::from_chars(value.data(), value.data() + value.size(), result.version);
    else if (key == "encoding")
      encoding = value;
    else if (key == "compress" && value == "zlib-stream")
      result.compress = compression::zlib_stream;
    else if (key == "compress" && value == "zstd-stream")
      result.compress = compression::zstd_stream;
    else if (key == "compress" && !value.empty())
      complain(4002, "compress=" + std::string{value});
  }
  if (result.version != 10 && result.version != 9)
    complain(4012, result.version == 0 ? "no API version v" : "v=" + std::to_string(result.version));
  if (encoding != "json")
    complain(4002, "encoding=" + std::string{encoding});
  return result;
}

} // namespace shardyard::sim
