// Where the lines of a `jsonl` sink go: a file, stdout or a Unix socket, behind one small interface. A writer
// owns its descriptor and drops nothing: what it does not take stays with the caller, who offers it again. No
// writer ever waits for its reader.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace shardyard {

/// One place for lines. Not thread-safe.
class line_writer {
public:
  virtual ~line_writer() = default;

  /// Hands the start of `lines` to the operating system and returns how many bytes it took; the caller offers
  /// the rest, and only the rest, again. 0 with an empty error() means: full at the moment. Trouble is
  /// retried by the next call.
  virtual std::size_t try_write(std::string_view lines) = 0;

  /// What is wrong at present and what it concerns; empty while all is well.
  virtual std::string_view error() const = 0;

  /// Bytes in the file (including those before this process), or bytes taken where there is no file.
  virtual std::uint64_t offset() const = 0;

  /// Whether a call can take long although nobody has to read: a disk may stall, a socket or pipe is only
  /// asked what it takes at once.
  virtual bool may_stall() const { return true; }

  /// Makes everything taken durable where the place can do that. False sets error().
  virtual bool sync() { return true; }

  /// Opens the place anew, for a file that log rotation has moved away. Call it between lines: the rest of a
  /// line begun would start the new file. False sets error().
  virtual bool reopen() { return true; }
};

/// A writer for a sink's `path`: "-" is stdout, "unix:/run/bot.sock" a listening Unix stream socket, all else
/// a file. Trouble to open shows in error() and is retried by try_write().
std::unique_ptr<line_writer> open_line_writer(const std::string& path);

/// Appends to a regular file, made with its folder if missing, under a lock, so that no second node writes to
/// it.
class jsonl_file final : public line_writer {
public:
  explicit jsonl_file(std::string path);
  jsonl_file(const jsonl_file&) = delete;
  jsonl_file& operator=(const jsonl_file&) = delete;
  ~jsonl_file() override;

  std::size_t try_write(std::string_view lines) override;
  std::string_view error() const override { return error_; }
  std::uint64_t offset() const override;
  bool sync() override;
  bool reopen() override;

private:
  bool open();
  bool fail(std::string_view doing);

  std::string path_;
  std::string error_;
  int fd_ = -1;
};

} // namespace shardyard
