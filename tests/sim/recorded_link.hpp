// A connection that writes down what the gateway does with it.
#pragma once

#include "sim/gateway.hpp"

#include <boost/json.hpp>

#include <string>
#include <vector>

namespace shardyard::sim {

class recorded_link : public link {
public:
  void send(std::string_view json) override { sent.emplace_back(json); }
  void close(int code, std::string_view) override { closed = code; }
  void drop() override { closed = 1006; }
  void reset() override { closed = 1006; }
  void fall_silent() override { silent = true; }
  void stall(std::chrono::milliseconds) override {}
  void compress_payloads() override {}
  std::size_t queued_bytes() const override { return 0; }
  std::size_t unacked_bytes() const override { return 0; }

  boost::json::object message(std::size_t i) const { return boost::json::parse(sent.at(i)).get_object(); }

  /// All dispatches of this name, in order; of every name when empty.
  std::vector<boost::json::object> dispatches(std::string_view name = {}) const {
    std::vector<boost::json::object> result;
    for (auto& text : sent) {
      auto parsed = boost::json::parse(text).get_object();
      if (parsed.at("op") == 0 &&
          (name.empty() || parsed.at("t").as_string() == boost::json::string_view{name}))
        result.push_back(std::move(parsed));
    }
    return result;
  }

  std::vector<std::string> sent;
  int closed = 0; ///< close code; 0: open
  bool silent = false;
};

} // namespace shardyard::sim
