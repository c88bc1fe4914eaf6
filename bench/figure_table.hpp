// The figures of a run, each beside the floor of the same run and its target: a table for people, JSON for
// programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace shardyard::bench {

struct figure {
  std::string name;
  std::string unit;
  std::optional<double> value;  ///< none: could not be measured; `note` says why
  std::optional<double> floor;  ///< what it is compared with
  std::optional<double> target; ///< largest ratio to the floor; none: shown for information
  std::string note;

  std::optional<double> ratio() const;
  std::string verdict() const; ///< "met", "not met", "-" or "not run"
};

class figure_table {
public:
  void add(figure x);
  std::optional<double> value_of(const std::string& name) const;
  std::string to_table() const;
  std::string to_json() const;
  bool all_met() const; ///< every figure with a target was measured and met

private:
  std::vector<figure> figures_;
};

} // namespace shardyard::bench
