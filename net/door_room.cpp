#include "net/door_room.hpp"

#include <stdexcept>

namespace shardyard::net {
namespace {

constexpr std::size_t most_spare_buffers = 64;
constexpr std::size_t largest_spare_buffer = 512 << 10;

url api_base_of(const std::string& text) {
  auto parsed = parse_url(text);
  if (!parsed || !parsed->scheme.starts_with("http"))
    throw std::runtime_error{"'" + text + "' is no http or https address of Discord's API"};
  return *parsed;
}

} // namespace

door_room::door_room(std::shared_ptr<io_worker> x, bot_door_settings chosen,
                     std::shared_ptr<bot_door_events> decides)
    : worker(std::move(x)),
      settings(std::move(chosen)),
      api_base(api_base_of(settings.api_base)),
      events(std::move(decides)),
      upstreams(worker->context(), api_base, {settings.ca_file, settings.allow_plaintext}),
      whole(make_whole_compressor(settings.zlib_level)) {
  // A level that the library refuses is a fault of the settings, not of the first bot that asks for it.
  compression_levels levels{settings.zlib_level, settings.zstd_level, settings.zstd_window_log};
  make_compressor(compression::zlib_stream, levels);
  make_compressor(compression::zstd_stream, levels);
  if (!settings.certificate_file.empty() || !settings.key_file.empty())
    tls = std::make_unique<server_tls>(settings.certificate_file, settings.key_file);
}

void door_room::post(std::function<void()> work) {
  worker->post([me = shared_from_this(), work = std::move(work)] {
    if (!me->ended)
      work();
  });
}

void door_room::post_after(std::chrono::milliseconds delay, std::function<void()> work) {
  post([me = shared_from_this(), delay, work = std::move(work)]() mutable {
    me->wait_and_run(delay, std::move(work));
  });
}

void door_room::wait_and_run(std::chrono::milliseconds delay, std::function<void()> work) {
  auto timer = timers_.emplace(timers_.end(), context(), delay);
  timer->async_wait([me = shared_from_this(), timer, work = std::move(work)](boost::system::error_code) {
    if (me->ended)
      return;
    me->timers_.erase(timer);
    work();
  });
}

void door_room::touch(std::shared_ptr<door_writer> writer) {
  dirty_.push_back(std::move(writer));
  if (dirty_.size() == 1)
    boost::asio::post(context(), [me = shared_from_this()] { me->flush(); });
}

void door_room::flush() {
  std::swap(dirty_, flushing_);
  for (auto& writer : flushing_)
    writer->flush();
  flushing_.clear();
}

byte_buffer door_room::take_buffer() {
  if (buffers_.empty())
    return {};
  auto result = std::move(buffers_.back());
  buffers_.pop_back();
  return result;
}

void door_room::give_back(byte_buffer buffer) {
  buffer.clear(largest_spare_buffer);
  if (buffers_.size() < most_spare_buffers)
    buffers_.push_back(std::move(buffer));
}

void door_room::end() {
  if (ended.exchange(true))
    return;
  auto everyone = std::exchange(guests, {});
  for (auto& guest : everyone)
    guest->drop();
  dirty_.clear();
  timers_.clear();
  upstreams.end();
  events.reset();
}

} // namespace shardyard::net
