#include "sim/server.hpp"

#include "sim/certificate.hpp"
#include "sim/peer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <fstream>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace shardyard::sim {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;

tcp::acceptor listen(asio::io_context& io, const std::string& address, std::uint16_t port) {
  tcp::endpoint at{asio::ip::make_address(address), port};
  tcp::acceptor acceptor{io};
  acceptor.open(at.protocol());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.bind(at);
  acceptor.listen(4096);
  return acceptor;
}

} // namespace

/// Unix time that never jumps: read once, then carried on by the monotonic clock.
class server_clock {
public:
  moment now() const {
    return start_ + std::chrono::duration_cast<moment::duration>(std::chrono::steady_clock::now() - steady_);
  }

private:
  moment start_ = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  std::chrono::steady_clock::time_point steady_ = std::chrono::steady_clock::now();
};

struct server::state {
  explicit state(settings given)
      : chosen(std::move(given)),
        first(listen(io, chosen.address, chosen.port)),
        second(listen(io, chosen.address, chosen.resume_port)),
        timer(io) {
    prepare_tls();
    ports = {first.local_endpoint().port(), second.local_endpoint().port()};
    gateway_url = url_of(tls ? "wss" : "ws", ports.first);
    discord = std::make_unique<gateway>(chosen, url_of(tls ? "wss" : "ws", ports.second), clock.now());
    context.reset(new peer_context{*discord, gateway_url, [this] { return clock.now(); }, {}, {}});
    accept(first);
    accept(second);
    next_tick = std::chrono::steady_clock::now();
    tick();
    thread = std::thread{[this] { io.run(); }};
  }

  ~state() { stop(); }

  void prepare_tls() {
    if (!chosen.self_signed && chosen.certificate_file.empty())
      return;
    tls = std::make_unique<ssl::context>(ssl::context::tls_server);
    tls->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
    SSL_CTX_set_mode(tls->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    if (!chosen.self_signed) {
      tls->use_certificate_chain_file(chosen.certificate_file);
      tls->use_private_key_file(chosen.key_file, ssl::context::pem);
      return;
    }
    auto made = make_certificate();
    tls->use_certificate_chain(asio::buffer(made.certificate_pem));
    tls->use_private_key(asio::buffer(made.key_pem), ssl::context::pem);
    ca_pem = made.certificate_pem;
    if (!chosen.ca_file.empty() && !(std::ofstream{chosen.ca_file} << ca_pem).flush())
      throw std::runtime_error{"cannot write the certificate to " + chosen.ca_file};
  }

  std::string url_of(std::string_view scheme, std::uint16_t port) const {
    auto host = chosen.public_host.empty() ? chosen.address : chosen.public_host;
    if (host.find(':') != std::string::npos)
      host = "[" + host + "]";
    return std::string{scheme} + "://" + host + ":" + std::to_string(port);
  }

  void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([this, &acceptor](boost::system::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted)
        return;
      if (!error)
        serve(*context, std::move(socket), tls.get());
      accept(acceptor);
    });
  }

  void tick() {
    next_tick = std::max(next_tick + chosen.tick, std::chrono::steady_clock::now());
    timer.expires_at(next_tick);
    timer.async_wait([this](boost::system::error_code error) {
      if (error)
        return;
      discord->advance(clock.now());
      context->flush();
      tick();
    });
  }

  void stop() {
    std::lock_guard alone{calls};
    if (!thread.joinable())
      return;
    asio::post(io, [this] {
      boost::system::error_code ignored;
      timer.cancel();
      first.close(ignored);
      second.close(ignored);
      auto open = context->all;
      for (auto& each : open)
        each->shut();
      io.stop();
    });
    thread.join();
  }

  settings chosen;
  server_clock clock;
  asio::io_context io{1};
  tcp::acceptor first, second;
  std::pair<std::uint16_t, std::uint16_t> ports; ///< stay valid after stop()
  asio::steady_timer timer;
  std::chrono::steady_clock::time_point next_tick;
  std::unique_ptr<ssl::context> tls;
  std::string ca_pem, gateway_url;
  std::unique_ptr<gateway> discord;
  std::unique_ptr<peer_context> context;
  std::mutex calls; ///< a request must not be posted to a thread that stop() has ended
  std::thread thread;
};

server::server(settings chosen) {
  if (auto complaint = complaint_about(chosen); !complaint.empty())
    throw std::invalid_argument{complaint};
  state_ = std::make_unique<state>(std::move(chosen));
}

server::~server() = default;

std::uint16_t server::port() const {
  return state_->ports.first;
}
std::uint16_t server::resume_port() const {
  return state_->ports.second;
}
const std::string& server::gateway_url() const {
  return state_->gateway_url;
}
const std::string& server::ca_pem() const {
  return state_->ca_pem;
}
void server::stop() {
  state_->stop();
}

std::string server::api_base() const {
  return state_->url_of(state_->tls ? "https" : "http", state_->ports.first) + "/api/v10";
}

std::string server::control_base() const {
  return state_->url_of("http", state_->ports.first);
}

server::reply server::request(std::string_view method, std::string_view target, std::string_view body) {
  http_question question{.method = std::string{method},
                         .target = std::string{target},
                         .authorization = "Bot " + state_->chosen.token,
                         .user_agent = "DiscordBot (in-process, 1)",
                         .body = std::string{body}};
  auto ask = [this, &question] {
    auto result = answer(*state_->discord, question, state_->gateway_url, state_->clock.now());
    if (result.stream)
      result.stream->read(result.body, SIZE_MAX);
    if (result.stream && result.stream->failed())
      return reply{410, R"({"error":"the truth cannot be read from its file"})"};
    state_->context->flush();
    return reply{result.status, std::move(result.body)};
  };
  std::lock_guard alone{state_->calls};
  if (!state_->thread.joinable())
    return ask();
  std::promise<reply> done;
  asio::post(state_->io, [&] { done.set_value(ask()); });
  return done.get_future().get();
}

} // namespace shardyard::sim
