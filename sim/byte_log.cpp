#include "sim/byte_log.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace shardyard::sim {

byte_log::~byte_log() {
  if (file_ >= 0)
    ::close(file_);
}

void byte_log::push(std::uint8_t value) {
  if (!given_up_.empty())
    return;
  if (size_ % chunk_size == 0)
    make_room();
  if (!given_up_.empty())
    return;
  chunks_.back().push_back(value);
  ++size_;
}

void byte_log::make_room() {
  if (size_ + chunk_size > bounds_.all)
    return give_up("it has outgrown its limit of " + std::to_string(bounds_.all) + " bytes");
  if (!chunks_.empty() && (chunks_.size() + 1) * chunk_size > bounds_.memory && !write_oldest())
    return;
  chunks_.emplace_back().reserve(chunk_size);
}

bool byte_log::write_oldest() {
  if (file_ < 0) {
    std::error_code none;
    auto folder = bounds_.folder.empty() ? std::filesystem::temp_directory_path(none)
                                         : std::filesystem::path{bounds_.folder};
    auto name = (folder / "shardyard-truth-XXXXXX").string();
    file_ = ::mkstemp(name.data());
    if (file_ < 0) {
      give_up("no file can be made in " + folder.string() + ": " + std::strerror(errno));
      return false;
    }
    ::unlink(name.c_str()); // it goes when the process does
  }
  auto& oldest = chunks_.front();
  for (std::size_t done = 0; done < oldest.size();) {
    auto place = static_cast<off_t>(filed_ * chunk_size + done);
    auto written = ::pwrite(file_, oldest.data() + done, oldest.size() - done, place);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0) {
      give_up(std::string{"its file cannot be written: "} + std::strerror(errno));
      return false;
    }
    done += static_cast<std::size_t>(written);
  }
  chunks_.pop_front();
  ++filed_;
  return true;
}

void byte_log::give_up(std::string reason) {
  given_up_ = std::move(reason);
  chunks_.clear();
  filed_ = 0;
  if (file_ >= 0)
    ::close(file_);
  file_ = -1;
}

std::uint8_t byte_log::reader::at(std::uint64_t at) {
  auto chunk = at / chunk_size;
  if (!log_->given_up_.empty() || failed_) {
    failed_ = true;
    return 0;
  }
  if (chunk >= log_->filed_)
    return log_->chunks_[chunk - log_->filed_][at % chunk_size];
  if (chunk != chunk_) {
    from_file_.resize(chunk_size);
    chunk_ = chunk;
    for (std::size_t done = 0; done < chunk_size;) {
      auto place = static_cast<off_t>(chunk * chunk_size + done);
      auto got = ::pread(log_->file_, from_file_.data() + done, chunk_size - done, place);
      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0) {
        failed_ = true;
        return 0;
      }
      done += static_cast<std::size_t>(got);
    }
  }
  return from_file_[at % chunk_size];
}

} // namespace shardyard::sim
