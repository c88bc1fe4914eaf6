// Splits a stream of bytes into lines, whatever the chunks it comes in, in memory that does not grow with the
// stream.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace shardyard {

class line_splitter {
public:
  /// Called with each line, without its line break. The view lives only during the call.
  using visitor = std::function<void(std::string_view)>;

  void feed(std::string_view chunk, const visitor& visit);

  /// What came behind the last line break.
  const std::string& rest() const { return rest_; }

private:
  std::string rest_;
};

/// Feeds a whole file ("-": standard input). The returned text is empty or says why it could not be read.
/// `rest` gets what stands behind the last line break.
std::string read_lines(const std::string& path, const line_splitter::visitor& visit, std::string& rest);

} // namespace shardyard
