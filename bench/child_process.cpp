#include "bench/child_process.hpp"

#include <array>
#include <csignal>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shardyard::bench {

using namespace std::chrono;

std::vector<std::string> on_processors(const std::string& processors, std::vector<std::string> command) {
  if (!processors.empty())
    command.insert(command.begin(), {"taskset", "--cpu-list", processors});
  return command;
}

child_process::child_process(std::vector<std::string> arguments,
                             std::map<std::string, std::string> environment, std::string folder,
                             std::string log)
    : name_(arguments.at(0).substr(arguments[0].rfind('/') + 1)) {
  std::array<int, 2> to{};
  std::array<int, 2> from{};
  if (pipe2(to.data(), O_CLOEXEC) != 0 || pipe2(from.data(), O_CLOEXEC) != 0)
    throw std::runtime_error{"no pipes left"};
  std::vector<char*> words;
  for (auto& argument : arguments)
    words.push_back(argument.data());
  words.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0)
    throw std::runtime_error{"cannot start " + name_};
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    if (!log.empty())
      dup2(open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
    for (auto& [key, value] : environment)
      setenv(key.c_str(), value.c_str(), 1);
    if (folder.empty() || chdir(folder.c_str()) == 0)
      execvp(words[0], words.data());
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  input_ = to[1];
  output_ = from[0];
}

child_process::~child_process() {
  end();
}

std::optional<std::string> child_process::read_line(milliseconds patience) {
  auto until = steady_clock::now() + patience;
  for (;;) {
    if (auto end = buffer_.find('\n'); end != buffer_.npos) {
      auto line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    auto left = duration_cast<milliseconds>(until - steady_clock::now()).count();
    pollfd one{output_, POLLIN, 0};
    if (poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0)
      return std::nullopt;
    std::array<char, 4096> room;
    auto size = ::read(output_, room.data(), room.size());
    if (size <= 0)
      return std::nullopt;
    buffer_.append(room.data(), static_cast<std::size_t>(size));
  }
}

void child_process::write_line(const std::string& line) {
  auto text = line + "\n";
  if (::write(input_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw std::runtime_error{name_ + " does not listen any more"};
}

std::string child_process::await(const std::string& start, milliseconds patience) {
  auto until = steady_clock::now() + patience;
  std::string last;
  for (;;) {
    auto line = read_line(duration_cast<milliseconds>(until - steady_clock::now()));
    if (!line)
      throw std::runtime_error{name_ + " did not say '" + start + "'" +
                               (last.empty() ? "" : ", but '" + last + "'")};
    if (line->starts_with(start))
      return *line;
    last = *line;
  }
}

void child_process::end() {
  if (pid_ < 0)
    return;
  close(input_);
  kill(pid_, SIGTERM);
  auto until = steady_clock::now() + seconds(2);
  while (waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (steady_clock::now() > until) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      break;
    }
    std::this_thread::sleep_for(milliseconds(5));
  }
  close(output_);
  pid_ = -1;
}

} // namespace shardyard::bench
