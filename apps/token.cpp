#include "apps/token.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace shardyard {

class secret::page {
public:
  explicit page(std::string_view text) : used_(text.size()) {
    auto unit = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    size_ = (text.size() / unit + 1) * unit;
    auto memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      throw std::bad_alloc{};
    memory_ = static_cast<char*>(memory);
    ::madvise(memory_, size_, MADV_DONTDUMP);
    ::mlock(memory_, size_); // best effort: a low RLIMIT_MEMLOCK is no reason not to run
    std::copy(text.begin(), text.end(), memory_);
  }
  page(const page&) = delete;
  page& operator=(const page&) = delete;
  ~page() {
    ::explicit_bzero(memory_, size_);
    ::munmap(memory_, size_);
  }

  std::string_view text() const { return {memory_, used_}; }

private:
  char* memory_ = nullptr;
  std::size_t size_ = 0;
  std::size_t used_;
};

secret::secret(std::string_view text) : page_(std::make_shared<const page>(text)) {}

std::string_view secret::reveal() const {
  return page_ ? page_->text() : std::string_view{};
}

namespace {

constexpr std::string_view whitespace = " \t\r\n";

// Longest file that is read; Discord's tokens have about 70 characters.
using file_buffer = std::array<char, 4096>;

std::string_view cleaned(std::string_view text) {
  auto trim = [&text] {
    auto begin = std::min(text.find_first_not_of(whitespace), text.size());
    text.remove_prefix(begin);
    text = text.substr(0, text.find_last_not_of(whitespace) + 1);
  };
  trim();
  if (text.starts_with("Bot ")) {
    text.remove_prefix(4);
    trim();
  }
  return text;
}

void accept(token_result& result, std::string_view text) {
  auto token = cleaned(text);
  auto printable = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 127; });
  if (token.empty())
    result.error = "the " + result.origin + " is empty; it must hold the bot's token";
  else if (!printable)
    result.error = "the " + result.origin +
                   " holds white space or bytes that no token has; it must hold the bot's token alone";
  else
    result.token = secret{token};
}

void read_file(token_result& result, const std::string& path, bool check_mode) {
  auto fail = [&] {
    result.error = "cannot read the " + result.origin + ": " + std::generic_category().message(errno);
  };
  auto fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail();
  struct stat status {};
  if (check_mode && ::fstat(fd, &status) == 0 && (status.st_mode & S_IROTH) != 0)
    result.warnings.push_back("the " + result.origin +
                              " is readable by every user of this machine; run: chmod 600 " + path);
  file_buffer buffer;
  auto got = ::read(fd, buffer.data(), buffer.size());
  if (got < 0)
    fail();
  else if (static_cast<std::size_t>(got) == buffer.size())
    result.error = "the " + result.origin + " is too long for a token";
  else
    accept(result, {buffer.data(), static_cast<std::size_t>(got)});
  ::explicit_bzero(buffer.data(), buffer.size());
  ::close(fd);
}

} // namespace

token_result read_token(const token_places& places) {
  token_result result;
  if (!places.file.empty()) {
    result.origin = "token file '" + places.file + "'";
    read_file(result, places.file, true);
    return result;
  }
  if (auto value = places.variable.empty() ? nullptr : ::getenv(places.variable.c_str()); value != nullptr) {
    result.origin = "environment variable " + places.variable;
    accept(result, value);
    ::explicit_bzero(value, std::strlen(value));
    return result;
  }
  auto credential = places.credentials_directory + "/discord-token";
  if (!places.credentials_directory.empty() && ::access(credential.c_str(), F_OK) == 0) {
    result.origin = "systemd credential discord-token";
    read_file(result, credential, false);
    return result;
  }
  result.error = "there is no token: set the environment variable " + places.variable +
                 ", name a file in discord.token_file, or pass the systemd credential 'discord-token'";
  return result;
}

} // namespace shardyard
