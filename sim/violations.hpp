// The rules that clients broke, for GET /violations. Bounded: a client gone wild must not fill the memory.
#pragma once

#include "sim/clock.hpp"

#include <string>
#include <vector>

namespace shardyard::sim {

struct violation {
  std::string rule;       ///< short fixed name, such as "identify_spacing"
  std::string text;       ///< what was done
  std::string session;    ///< session id, or empty
  std::int64_t at_ms = 0; ///< Unix ms
};

class violations {
public:
  void add(std::string rule, std::string text, std::string session, moment now) {
    if (rows_.size() < most)
      rows_.push_back({std::move(rule), std::move(text), std::move(session), unix_ms(now)});
  }
  const std::vector<violation>& rows() const { return rows_; }

private:
  static constexpr std::size_t most = 10000;
  std::vector<violation> rows_;
};

} // namespace shardyard::sim
