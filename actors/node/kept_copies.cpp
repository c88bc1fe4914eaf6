#include "actors/node/kept_copies.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace shardyard {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw std::system_error(errno, std::generic_category(), path.string());
}

class open_file {
public:
  open_file(const std::filesystem::path& path, int flags) : path_(path) {
    file_ = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (file_ < 0)
      fail(path);
  }
  ~open_file() { ::close(file_); }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;

  void write_at(std::uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
      auto n = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno != EINTR)
        fail(path_);
      if (n <= 0)
        continue;
      bytes.remove_prefix(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
  }
  void cut(std::uint64_t size) {
    if (::ftruncate(file_, static_cast<off_t>(size)) != 0)
      fail(path_);
  }
  std::string read_at(std::uint64_t offset, std::size_t most) {
    std::string result(most, '\0');
    std::size_t have = 0;
    while (have < most) {
      auto n = ::pread(file_, result.data() + have, most - have, static_cast<off_t>(offset + have));
      if (n < 0 && errno != EINTR)
        fail(path_);
      if (n == 0)
        break;
      have += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    }
    result.resize(have);
    return result;
  }
  void sync() {
    if (::fdatasync(file_) != 0)
      fail(path_);
  }

private:
  std::filesystem::path path_;
  int file_ = -1;
};

/// The file holds either what it held or all of `bytes`, whenever the process ends.
void replace(const std::filesystem::path& path, std::string_view bytes, bool synced) {
  auto beside = path;
  beside += ".part";
  {
    open_file file{beside, O_WRONLY | O_CREAT | O_TRUNC};
    file.write_at(0, bytes);
    if (synced)
      file.sync();
  }
  std::filesystem::rename(beside, path);
}

} // namespace

kept_copies::kept_copies(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
  for (auto& entry : std::filesystem::directory_iterator(folder_)) {
    unsigned id = 0;
    unsigned long long epoch = 0;
    char kind[8] = {};
    if (std::sscanf(entry.path().filename().c_str(), "group-%u-%llu.%7s", &id, &epoch, kind) != 3)
      continue;
    auto final = std::string_view{kind} == "final";
    if (!final && std::string_view{kind} != "copy")
      continue;
    auto& x = copies_[{id, epoch}];
    if (!x.final)
      x = {id, epoch, entry.file_size(), final};
  }
}

std::filesystem::path kept_copies::path_of(const key& x, bool final) const {
  return folder_ /
         ("group-" + std::to_string(x.first) + "-" + std::to_string(x.second) + (final ? ".final" : ".copy"));
}

void kept_copies::put_final(std::uint32_t id, std::uint64_t epoch, std::string_view bytes) {
  replace(path_of({id, epoch}, true), bytes, true);
  copies_[{id, epoch}] = {id, epoch, bytes.size(), true};
}

/// The old copy serves until the new one is whole.
copy_kept kept_copies::append_fresh(const copy_append& x) {
  auto start = x.anew ? 0 : x.offset;
  auto& have = fresh_[{x.id, x.epoch}];
  if (!x.anew && start > have)
    return {x.id, x.epoch, have};
  auto path = path_of({x.id, x.epoch}, false);
  auto beside = path;
  beside += ".new";
  {
    open_file file{beside, O_WRONLY | O_CREAT};
    file.write_at(start, x.bytes);
    have = start + x.bytes.size();
    file.cut(have);
  }
  auto size = have;
  if (size >= x.until) {
    std::filesystem::rename(beside, path);
    copies_[{x.id, x.epoch}] = {x.id, x.epoch, size, false};
    fresh_.erase({x.id, x.epoch});
  }
  return {x.id, x.epoch, size};
}

copy_kept kept_copies::append(const copy_append& x) {
  if (auto known = copies_.find({x.id, x.epoch}); known != copies_.end() && known->second.final)
    return {x.id, x.epoch, known->second.bytes};
  if (x.until != 0)
    return append_fresh(x);
  auto found = copies_.find({x.id, x.epoch});
  auto known = found == copies_.end() ? group_copy{x.id, x.epoch, 0, false} : found->second;
  auto start = x.anew ? 0 : x.offset;
  if (known.final || start > known.bytes)
    return {x.id, x.epoch, known.bytes};
  auto path = path_of({x.id, x.epoch}, false);
  known.bytes = start + x.bytes.size();
  if (x.anew) {
    replace(path, x.bytes, false);
  } else {
    open_file file{path, O_WRONLY | O_CREAT};
    file.write_at(start, x.bytes);
    file.cut(known.bytes);
  }
  copies_[{x.id, x.epoch}] = known;
  return {x.id, x.epoch, known.bytes};
}

std::optional<copy_piece> kept_copies::piece(const fetch_copy& x) const {
  auto found = copies_.find({x.id, x.epoch});
  if (found == copies_.end())
    return std::nullopt;
  copy_piece result{x.offset, found->second.bytes, {}};
  if (x.offset < result.total)
    result.bytes = open_file{path_of(found->first, found->second.final), O_RDONLY}.read_at(
        x.offset, std::min<std::uint64_t>(piece_bytes, result.total - x.offset));
  return result;
}

std::optional<std::string> kept_copies::read(std::uint32_t id, std::uint64_t epoch) const {
  auto found = copies_.find({id, epoch});
  if (found == copies_.end())
    return std::nullopt;
  open_file file{path_of(found->first, found->second.final), O_RDONLY};
  return file.read_at(0, found->second.bytes);
}

void kept_copies::forget(std::uint32_t id, std::uint64_t through_epoch) {
  std::error_code ignored;
  std::erase_if(copies_, [&](auto& entry) {
    auto old = entry.first.first == id && entry.first.second <= through_epoch;
    if (old)
      for (auto final : {false, true})
        std::filesystem::remove(path_of(entry.first, final), ignored);
    return old;
  });
}

std::vector<group_copy> kept_copies::list() const {
  std::vector<group_copy> result;
  for (auto& [_, x] : copies_)
    result.push_back(x);
  return result;
}

} // namespace shardyard
