#include "apps/truth_source.hpp"

#include <utility>

namespace shardyard {

void truth_source::row(std::string_view line) {
  if (error_.empty() && !line.empty())
    truth_.add(line, error_);
}

void truth_source::feed(std::string_view chunk) {
  if (error_.empty())
    lines_.feed(chunk, [this](std::string_view line) { row(line); });
}

truth truth_source::finish() {
  if (error_.empty() && !lines_.rest().empty())
    error_ = "the truth ends inside a row; it was not received whole";
  if (error_.empty() && truth_.newest() == 0)
    error_ = "the truth is empty: nothing happened, so nothing can be judged";
  return std::move(truth_);
}

bool truth_source::read_file(const std::string& path) {
  std::string rest;
  auto trouble = read_lines(
      path, [this](std::string_view line) { row(line); }, rest);
  if (error_.empty())
    error_ = std::move(trouble);
  row(rest);
  return error_.empty();
}

} // namespace shardyard
