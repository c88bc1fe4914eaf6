// Which bots may connect: the bot's own token, and names with secrets of their own from a file. Secrets are
// kept as digests, compared in a time that says nothing about them, and read again while the program runs.
#pragma once

#include "apps/token.hpp"

#include <array>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace shardyard {

class bot_secrets {
public:
  static constexpr std::size_t shortest_secret = 16; ///< characters
  /// Name of the bot that uses the token itself.
  static constexpr std::string_view token_name = "token";

  /// `file` empty: none. `accept_token`: whether the bot's own token is a credential.
  bot_secrets(secret token, bool accept_token, std::filesystem::path file);

  /// Reads the file; called before the first find(). What is wrong with it, each with its line, or nothing.
  std::vector<std::string> load();

  /// Reads the file again when it has changed. Names whose secret is gone or another one; a file that cannot
  /// be read or understood changes nothing and is told once through `complaint`.
  std::vector<std::string> reload(std::string& complaint);

  /// The bot that `given` belongs to, with or without "Bot " in front; empty: nobody's. Thread-safe.
  std::string find(std::string_view given) const;

  /// The Authorization that Discord shall see; empty: `given` is nobody's. Thread-safe.
  std::string authorization(std::string_view given) const;

private:
  using digest = std::array<unsigned char, 32>;
  struct entry {
    std::string name;
    digest of_secret;
  };
  struct content {
    std::vector<entry> entries;
    std::vector<std::string> errors;
  };

  static digest digest_of(std::string_view text);
  content read() const;

  secret token_;
  bool accept_token_;
  std::filesystem::path file_;
  std::filesystem::file_time_type read_at_{};
  std::string last_complaint_;
  mutable std::mutex mutex_;
  std::vector<entry> entries_;
};

} // namespace shardyard
