#include "apps/audit_lines.hpp"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace shardyard {

void line_splitter::feed(std::string_view chunk, const visitor& visit) {
  for (auto end = chunk.find('\n'); end != chunk.npos; end = chunk.find('\n')) {
    auto line = chunk.substr(0, end);
    if (rest_.empty()) {
      visit(line);
    } else {
      rest_ += line;
      visit(rest_);
      rest_.clear();
    }
    chunk.remove_prefix(end + 1);
  }
  rest_ += chunk;
}

std::string read_lines(const std::string& path, const line_splitter::visitor& visit, std::string& rest) {
  auto standard_input = path == "-";
  auto fd = standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  auto trouble = [&] { return "cannot read '" + path + "': " + std::generic_category().message(errno); };
  if (fd < 0)
    return trouble();
  std::string error;
  line_splitter lines;
  std::vector<char> buffer(1u << 20);
  for (;;) {
    auto got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      error = trouble();
    if (got <= 0)
      break;
    lines.feed({buffer.data(), static_cast<std::size_t>(got)}, visit);
  }
  if (!standard_input)
    ::close(fd);
  rest = lines.rest();
  return error;
}

} // namespace shardyard
