#include "sim/stream_encoder.hpp"

#include <zlib.h>
#include <zstd.h>

#include <stdexcept>

namespace shardyard::sim {

struct stream_encoder::state {
  z_stream zlib{};
  bool zlib_open = false;
  ZSTD_CCtx* zstd = nullptr;
  std::string out;

  ~state() {
    if (zlib_open)
      deflateEnd(&zlib);
    ZSTD_freeCCtx(zstd);
  }
};

stream_encoder::stream_encoder(compression kind, encoder_levels levels)
    : kind_(kind), state_(std::make_unique<state>()) {
  if (kind == compression::zlib_stream) {
    if (deflateInit(&state_->zlib, levels.zlib) != Z_OK)
      throw std::runtime_error{"zlib cannot start a stream"};
    state_->zlib_open = true;
  } else if (kind == compression::zstd_stream) {
    state_->zstd = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(state_->zstd, ZSTD_c_compressionLevel, levels.zstd);
    ZSTD_CCtx_setParameter(state_->zstd, ZSTD_c_windowLog, levels.zstd_window_log);
  }
}

stream_encoder::~stream_encoder() = default;
stream_encoder::stream_encoder(stream_encoder&&) noexcept = default;
stream_encoder& stream_encoder::operator=(stream_encoder&&) noexcept = default;

std::string_view stream_encoder::encode(std::string_view message) {
  if (kind_ == compression::none)
    return message;
  auto& out = state_->out;
  auto bound = message.size() + message.size() / 64 + 1024;
  if (out.size() < bound)
    out.resize(bound);
  if (kind_ == compression::zstd_stream) {
    ZSTD_inBuffer source{message.data(), message.size(), 0};
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    for (;;) {
      auto left = ZSTD_compressStream2(state_->zstd, &target, &source, ZSTD_e_flush);
      if (ZSTD_isError(left))
        throw std::runtime_error{ZSTD_getErrorName(left)};
      if (left == 0)
        return {out.data(), target.pos};
      out.resize(out.size() * 2);
      target.dst = out.data(), target.size = out.size();
    }
  }
  auto& z = state_->zlib;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
  z.avail_in = static_cast<uInt>(message.size());
  std::size_t made = 0;
  do {
    if (made == out.size())
      out.resize(out.size() * 2);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + made);
    z.avail_out = static_cast<uInt>(out.size() - made);
    deflate(&z, Z_SYNC_FLUSH);
    made = out.size() - z.avail_out;
  } while (z.avail_out == 0);
  return {out.data(), made};
}

std::string zlib_whole(std::string_view message, int level) {
  auto size = compressBound(message.size());
  std::string out(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(message.data()),
                message.size(), level) != Z_OK)
    throw std::runtime_error{"zlib cannot compress"};
  out.resize(size);
  return out;
}

} // namespace shardyard::sim
