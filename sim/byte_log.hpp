// Bytes that are only ever appended: the newest in memory, older ones in a file without a name, up to a
// limit. Beyond the limit, or when the file cannot be written, everything is given up at once, with a reason:
// a log without its beginning would be of no use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace shardyard::sim {

class byte_log {
public:
  struct bounds {
    std::uint64_t memory = 256u << 20; ///< bytes
    std::uint64_t all = 16ull << 30;   ///< bytes, memory and file together
    std::string folder;                ///< of the file; empty: the system's for temporary files
  };

  explicit byte_log(bounds chosen) : bounds_(std::move(chosen)) {}
  ~byte_log();
  byte_log(const byte_log&) = delete;
  byte_log& operator=(const byte_log&) = delete;

  void push(std::uint8_t value);
  std::uint64_t size() const { return size_; }

  /// Why the log was given up; empty while it is whole.
  const std::string& given_up() const { return given_up_; }
  std::uint64_t bytes_in_memory() const { return chunks_.size() * chunk_size; }
  std::uint64_t bytes_in_file() const { return filed_ * chunk_size; }

  /// Reads from a place onwards while the log grows.
  class reader {
  public:
    explicit reader(const byte_log& log) : log_(&log) {}

    /// The byte at `at`, which must lie before size() of a log that is not given up. 0 when the file fails.
    std::uint8_t at(std::uint64_t at);
    bool failed() const { return failed_; }

  private:
    const byte_log* log_;
    std::vector<std::uint8_t> from_file_; ///< the chunk read last
    std::uint64_t chunk_ = UINT64_MAX;
    bool failed_ = false;
  };

  static constexpr std::size_t chunk_size = 1u << 20;

private:
  void make_room();
  bool write_oldest();
  void give_up(std::string reason);

  bounds bounds_;
  std::uint64_t size_ = 0;
  std::uint64_t filed_ = 0; ///< chunks in the file, which are the oldest
  std::deque<std::vector<std::uint8_t>> chunks_;
  int file_ = -1;
  std::string given_up_;
};

} // namespace shardyard::sim
