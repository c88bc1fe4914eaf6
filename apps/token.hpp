// The bot's token: where it comes from and how it is kept. A secret lives on a memory page of its own that is
// left out of core files and is wiped at the end; it prints as "***" everywhere, so it cannot reach a log
// line by accident.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace shardyard {

/// Copies share one page, wiped with the last of them. Thread-safe once made.
class secret {
public:
  secret() = default;
  explicit secret(std::string_view text);

  bool empty() const { return reveal().empty(); }
  /// The secret itself. Whoever asks for it must neither log nor keep it.
  std::string_view reveal() const;

  friend std::ostream& operator<<(std::ostream& out, const secret&) { return out << "***"; }

private:
  class page;
  std::shared_ptr<const page> page_;
};

/// Where to look, in this order; empty fields are skipped.
struct token_places {
  std::string file;                  ///< discord.token_file
  std::string variable;              ///< discord.token_env
  std::string credentials_directory; ///< systemd's $CREDENTIALS_DIRECTORY; the file in it is "discord-token"
};

struct token_result {
  secret token;
  std::string origin; ///< "environment variable DISCORD_TOKEN"; for log lines
  std::vector<std::string> warnings;
  std::string error; ///< what was looked for and what to do; empty on success
};

/// The first place that is there decides, even when what it holds is unusable. White space around the token
/// and a leading "Bot " are dropped. The environment variable's memory is wiped, so call this once, before
/// other threads run.
token_result read_token(const token_places& places);

} // namespace shardyard

template <>
struct fmt::formatter<shardyard::secret> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const shardyard::secret&, Context& context) const {
    return fmt::format_to(context.out(), "***");
  }
};
