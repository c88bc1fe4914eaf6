#include "apps/bot_secrets.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>

namespace shardyard {
namespace {

bool is_bot_name(std::string_view x) {
  return !x.empty() && x.size() <= 64 && std::ranges::all_of(x, [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
}

/// Readable by nobody but its owner.
bool is_private(const std::filesystem::path& file) {
  struct stat about {};
  return ::stat(file.c_str(), &about) == 0 && (about.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

std::string_view without_prefix(std::string_view x) {
  return x.starts_with("Bot ") ? x.substr(4) : x;
}

} // namespace

bot_secrets::bot_secrets(secret token, bool accept_token, std::filesystem::path file)
    : token_(std::move(token)), accept_token_(accept_token), file_(std::move(file)) {
  if (accept_token_)
    entries_.push_back({std::string{token_name}, digest_of(token_.reveal())});
}

bot_secrets::digest bot_secrets::digest_of(std::string_view text) {
  digest result{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), result.data(), &size, EVP_sha256(), nullptr);
  return result;
}

bot_secrets::content bot_secrets::read() const {
  content result;
  if (accept_token_)
    result.entries.push_back({std::string{token_name}, digest_of(token_.reveal())});
  std::ifstream in{file_};
  if (!in) {
    result.errors.push_back("bots.secrets_file: cannot read " + file_.string());
    return result;
  }
  if (!is_private(file_))
    result.errors.push_back("bots.secrets_file: " + file_.string() +
                            " can be read by others than its owner; run chmod 600 on it");
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::istringstream words{line};
    std::string name, text, more;
    words >> name >> text >> more;
    if (name.empty() || name.starts_with('#'))
      continue;
    auto wrong = [&](const std::string& why) {
      result.errors.push_back(file_.filename().string() + ":" + std::to_string(number) + ": " + why);
    };
    if (!is_bot_name(name) || name == token_name)
      wrong("a name is 1 to 64 letters, digits, '-', '_' or '.', and not \"token\"");
    else if (text.size() < shortest_secret || !more.empty())
      wrong("behind the name stands one secret of at least " + std::to_string(shortest_secret) +
            " characters without blanks");
    else if (std::ranges::find(result.entries, name, &entry::name) != result.entries.end())
      wrong("the name " + name + " was given before");
    else
      result.entries.push_back({name, digest_of(text)});
  }
  return result;
}

std::vector<std::string> bot_secrets::load() {
  if (file_.empty())
    return {};
  std::error_code none;
  read_at_ = std::filesystem::last_write_time(file_, none);
  auto fresh = read();
  std::lock_guard lock{mutex_};
  entries_ = std::move(fresh.entries);
  return std::move(fresh.errors);
}

std::vector<std::string> bot_secrets::reload(std::string& complaint) {
  complaint.clear();
  if (file_.empty())
    return {};
  std::error_code none;
  auto changed = std::filesystem::last_write_time(file_, none);
  if (!none && changed == read_at_)
    return {};
  auto fresh = read();
  if (!fresh.errors.empty()) {
    if (std::exchange(last_complaint_, fresh.errors.front()) != fresh.errors.front())
      complaint = fresh.errors.front() + "; the credentials stay as they were";
    return {};
  }
  read_at_ = changed;
  last_complaint_.clear();
  std::lock_guard lock{mutex_};
  std::vector<std::string> gone;
  for (auto& old : entries_) {
    auto now = std::ranges::find(fresh.entries, old.name, &entry::name);
    if (now == fresh.entries.end() || now->of_secret != old.of_secret)
      gone.push_back(old.name);
  }
  entries_ = std::move(fresh.entries);
  return gone;
}

/// Every entry is looked at, and each whole: the time tells nothing about where or how a guess was wrong.
std::string bot_secrets::find(std::string_view given) const {
  auto mine = digest_of(without_prefix(given));
  std::string result;
  std::lock_guard lock{mutex_};
  for (auto& x : entries_)
    if (CRYPTO_memcmp(x.of_secret.data(), mine.data(), mine.size()) == 0)
      result = x.name;
  return result;
}

std::string bot_secrets::authorization(std::string_view given) const {
  return find(given).empty() ? std::string{} : "Bot " + std::string{token_.reveal()};
}

} // namespace shardyard
