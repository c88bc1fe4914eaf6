// Fills a truth from a stream: the body of GET /truth as it arrives, or a file that holds it.
#pragma once

#include "apps/audit_lines.hpp"
#include "apps/truth.hpp"

namespace shardyard {

/// Feed the body in chunks of any size, then finish(). After an error further chunks are ignored.
class truth_source {
public:
  void feed(std::string_view chunk);

  /// The truth, when error() is empty afterwards. A body that ends inside a row is an error: it was cut.
  truth finish();
  const std::string& error() const { return error_; }

  /// Reads a whole file; false with error() set.
  bool read_file(const std::string& path);

private:
  void row(std::string_view line);

  truth truth_;
  line_splitter lines_;
  std::string error_;
};

} // namespace shardyard
