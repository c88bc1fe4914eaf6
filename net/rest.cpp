#include "net/rest.hpp"

#include "net/byte_stream.hpp"
#include "net/http_reply.hpp"
#include "net/io_thread.hpp"
#include "net/io_worker.hpp"
#include "net/upgrade.hpp"

#include <array>

#include <boost/asio/steady_timer.hpp>

namespace shardyard::net {
namespace {

using boost::system::error_code;

constexpr std::size_t largest_answer = 1 << 20;

class rest_request final : public io_client, public std::enable_shared_from_this<rest_request> {
public:
  rest_request(std::shared_ptr<io_worker> worker, rest_settings settings, std::string path,
               std::function<void(rest_answer)> done)
      : worker_(std::move(worker)),
        settings_(std::move(settings)),
        path_(std::move(path)),
        done_(std::move(done)),
        stream_(worker_->context()),
        deadline_(worker_->context()),
        reply_(largest_answer) {}

  void start() {
    worker_->enrol(shared_from_this());
    auto base = parse_url(settings_.api_base);
    if (!base || !base->scheme.starts_with("http"))
      return fail({"no REST address: \"" + settings_.api_base + "\"", true});
    while (base->path.ends_with('/'))
      base->path.pop_back();
    base->path += path_;
    base->query.clear();
    out_ = rest_request_text(*base, settings_);
    deadline_.expires_after(settings_.timeout);
    deadline_.async_wait([me = shared_from_this()](error_code error) {
      if (!error)
        me->fail({"no answer from " + me->settings_.api_base + " within the time allowed"});
    });
    stream_.open(*base, {settings_.ca_file, settings_.allow_plaintext},
                 [me = shared_from_this()](const auto& why) {
                   if (why)
                     return me->fail({why->text, why->hopeless});
                   me->write();
                 });
  }

  void abandon() override {
    done_ = nullptr;
    stream_.close();
    deadline_.cancel();
  }

private:
  void write() {
    if (!done_)
      return;
    auto result = stream_.write(out_);
    out_.erase(0, result.bytes);
    if (result.state == stream_state::ended)
      return fail({"connection lost"});
    if (out_.empty())
      return wait(stream_state::wants_read, &rest_request::read);
    wait(result.state, &rest_request::write);
  }

  void read() {
    if (!done_)
      return;
    std::array<char, 16 << 10> room;
    for (;;) {
      auto got = stream_.read(room);
      auto progress = reply_.feed({room.data(), got.bytes});
      if (progress == http_reply::progress::more && got.state == stream_state::ended)
        progress = reply_.end();
      if (progress == http_reply::progress::broken)
        return fail({"answer cannot be read: " + reply_.error()});
      if (progress == http_reply::progress::complete)
        return finish(
            {reply_.status(), std::string{reply_.header("Retry-After")}, std::string{reply_.body()}, {}});
      if (got.state != stream_state::open)
        return wait(got.state, &rest_request::read);
    }
  }

  void wait(stream_state state, void (rest_request::*then)()) {
    auto ready = [me = shared_from_this(), then](error_code error) {
      if (!error)
        ((*me).*then)();
    };
    if (state == stream_state::wants_write)
      stream_.wait_writable(std::move(ready));
    else
      stream_.wait_readable(std::move(ready));
  }

  void fail(unreachable why) { finish({.failure = std::move(why)}); }

  void finish(rest_answer answer) {
    if (!done_)
      return;
    auto done = std::move(done_);
    abandon();
    done(std::move(answer));
  }

  std::shared_ptr<io_worker> worker_;
  rest_settings settings_;
  std::string path_;
  std::function<void(rest_answer)> done_;
  byte_stream stream_;
  boost::asio::steady_timer deadline_;
  http_reply reply_;
  std::string out_;
};

} // namespace

std::string rest_request_text(const url& target, const rest_settings& settings) {
  auto token = header_safe(settings.token);
  std::string request = "GET " + target.target() + " HTTP/1.1\r\nHost: " + target.authority();
  request.append("\r\nAuthorization: ").append(token.starts_with("Bot ") ? token : "Bot " + token);
  request.append("\r\nUser-Agent: ").append(header_safe(settings.user_agent));
  request.append("\r\nAccept: application/json\r\nConnection: close\r\n\r\n");
  return request;
}

void get_rest(io_thread& thread, const rest_settings& settings, std::string path,
              std::function<void(rest_answer)> done) {
  auto worker = thread.next_worker();
  auto request = std::make_shared<rest_request>(worker, settings, std::move(path), std::move(done));
  worker->post([request] { request->start(); });
}

void get_gateway_bot(io_thread& thread, const rest_settings& settings,
                     std::function<void(gateway_bot_answer)> done) {
  get_rest(thread, settings, "/gateway/bot", [done = std::move(done)](rest_answer answer) {
    done(answer.status == 0 ? gateway_bot_answer{std::move(answer.failure)}
                            : read_gateway_bot(answer.status, answer.retry_after, answer.body));
  });
}

} // namespace shardyard::net
