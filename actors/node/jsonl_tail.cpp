#include "actors/node/jsonl_tail.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace shardyard {
namespace {

constexpr std::size_t chunk_bytes = 1u << 20;

std::string trouble(const std::string& doing, const std::string& path) {
  return doing + " '" + path + "': " + std::generic_category().message(errno);
}

class descriptor {
public:
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(const descriptor&) = delete;
  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  int get() const { return fd_; }

private:
  int fd_;
};

// Bytes read at `offset`; short only at the end of the file. Nothing on an error, which errno tells.
std::optional<std::size_t> read_at(int fd, char* to, std::size_t size, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    auto got = ::pread(fd, to + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return {};
    if (got == 0)
      break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

// Start of the line that byte `offset` belongs to.
std::optional<std::uint64_t> line_start(int fd, std::uint64_t offset) {
  std::string buffer;
  while (offset > 0) {
    auto size = std::min<std::uint64_t>(offset, 64u << 10);
    buffer.resize(size);
    auto got = read_at(fd, buffer.data(), size, offset - size);
    if (!got)
      return {};
    auto at = std::string_view{buffer}.substr(0, *got).rfind('\n');
    if (at != std::string_view::npos)
      return offset - size + at + 1;
    offset -= size;
  }
  return 0;
}

void visit_line(std::string_view line, std::uint64_t end, const jsonl_visitor& visit, jsonl_tail& result) {
  jsonl_header header;
  if (!parse_header(line, header)) {
    ++result.refused;
    return;
  }
  ++result.lines;
  visit(header, end);
}

// Reports all whole lines from result.start on; false on a read error.
bool visit_lines(int fd, const jsonl_visitor& visit, jsonl_tail& result) {
  std::string buffer;
  auto base = result.start; // file offset of buffer[0]
  for (;;) {
    auto kept = buffer.size();
    buffer.resize(kept + chunk_bytes);
    auto got = read_at(fd, buffer.data() + kept, chunk_bytes, base + kept);
    if (!got)
      return false;
    buffer.resize(kept + *got);
    std::size_t begin = 0;
    for (auto end = buffer.find('\n', kept); end != std::string::npos; end = buffer.find('\n', begin)) {
      visit_line(std::string_view{buffer}.substr(begin, end - begin), base + end + 1, visit, result);
      begin = end + 1;
    }
    buffer.erase(0, begin);
    base += begin;
    if (*got < chunk_bytes)
      break;
  }
  result.size = base;
  result.torn_bytes = buffer.size();
  return true;
}

} // namespace

jsonl_tail read_jsonl_tail(const std::string& path, std::uint64_t offset, const jsonl_visitor& visit) {
  jsonl_tail result;
  descriptor file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
  if (file.get() < 0) {
    if (errno != ENOENT)
      result.error = trouble("cannot open", path);
    return result;
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    result.error = "'" + path + "' is not a regular file: it has no tail to read";
    return result;
  }
  result.rewound = offset > static_cast<std::uint64_t>(status.st_size);
  auto start = line_start(file.get(), result.rewound ? 0 : offset);
  if (start)
    result.start = *start;
  if (!start || !visit_lines(file.get(), visit, result)) {
    result.error = trouble("cannot read", path);
    return result;
  }
  if (result.torn_bytes > 0 && ::ftruncate(file.get(), static_cast<off_t>(result.size)) != 0)
    result.error = trouble("cannot cut the torn last line off", path);
  return result;
}

} // namespace shardyard
