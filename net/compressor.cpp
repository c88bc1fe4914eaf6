#include "net/compressor.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

#include <zlib.h>
#include <zstd.h>

namespace shardyard::net {
namespace {

constexpr std::size_t least_room = 1024;

std::size_t total(std::initializer_list<std::string_view> parts) {
  std::size_t result = 0;
  for (auto part : parts)
    result += part.size();
  return result;
}

class zlib_packer final : public compressor {
public:
  /// `last_flush`: Z_SYNC_FLUSH for a stream that goes on, Z_FINISH for one per message.
  zlib_packer(int level, int last_flush) : last_flush_(last_flush) {
    auto result = deflateInit(&stream_, level);
    if (result == Z_MEM_ERROR)
      throw std::bad_alloc{};
    if (result != Z_OK)
      throw std::runtime_error{"zlib refuses level " + std::to_string(level)};
  }
  ~zlib_packer() override { deflateEnd(&stream_); }
  zlib_packer(const zlib_packer&) = delete;
  zlib_packer& operator=(const zlib_packer&) = delete;

  void pack(std::initializer_list<std::string_view> parts, byte_buffer& out) override {
    out.reserve(total(parts) / 4 + least_room);
    for (auto part : parts)
      feed(part, Z_NO_FLUSH, out);
    feed({}, last_flush_, out);
    if (last_flush_ == Z_FINISH)
      deflateReset(&stream_);
  }

private:
  void feed(std::string_view bytes, int flush, byte_buffer& out) {
    constexpr std::size_t most = std::numeric_limits<uInt>::max();
    do {
      auto taken = std::min(bytes.size(), most);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(taken);
      bytes.remove_prefix(taken);
      do
        step(flush, out);
      while (stream_.avail_out == 0);
    } while (!bytes.empty());
  }

  void step(int flush, byte_buffer& out) {
    out.reserve(least_room);
    auto room = std::min<std::size_t>(out.room(), std::numeric_limits<uInt>::max());
    stream_.next_out = reinterpret_cast<Bytef*>(out.begin() + out.size());
    stream_.avail_out = static_cast<uInt>(room);
    auto result = deflate(&stream_, flush);
    out.commit(room - stream_.avail_out);
    // Z_BUF_ERROR: the call before had emptied everything exactly.
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      throw std::runtime_error{"zlib cannot compress"};
  }

  z_stream stream_{};
  int last_flush_;
};

class zstd_packer final : public compressor {
public:
  explicit zstd_packer(const compression_levels& levels) : context_(ZSTD_createCCtx()) {
    if (!context_)
      throw std::bad_alloc{};
    check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, levels.zstd));
    check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, levels.zstd_window_log));
  }

  void pack(std::initializer_list<std::string_view> parts, byte_buffer& out) override {
    out.reserve(total(parts) / 4 + least_room);
    for (auto part : parts)
      feed(part, ZSTD_e_continue, out);
    feed({}, ZSTD_e_flush, out);
  }

private:
  struct freed {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };

  static std::size_t check(std::size_t result) {
    if (ZSTD_isError(result) != 0)
      throw std::runtime_error{std::string{"zstd: "} + ZSTD_getErrorName(result)};
    return result;
  }

  void feed(std::string_view bytes, ZSTD_EndDirective mode, byte_buffer& out) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      out.reserve(least_room);
      ZSTD_outBuffer piece{out.begin() + out.size(), out.room(), 0};
      auto left = check(ZSTD_compressStream2(context_.get(), &piece, &in, mode));
      out.commit(piece.pos);
      if (mode == ZSTD_e_flush ? left == 0 : in.pos == in.size)
        return;
    }
  }

  std::unique_ptr<ZSTD_CCtx, freed> context_;
};

} // namespace

std::unique_ptr<compressor> make_compressor(compression mode, const compression_levels& levels) {
  switch (mode) {
  case compression::none:
    return nullptr;
  case compression::zlib_stream:
    return std::make_unique<zlib_packer>(levels.zlib, Z_SYNC_FLUSH);
  case compression::zstd_stream:
    return std::make_unique<zstd_packer>(levels);
  }
  return nullptr;
}

std::unique_ptr<compressor> make_whole_compressor(int zlib_level) {
  return std::make_unique<zlib_packer>(zlib_level, Z_FINISH);
}

} // namespace shardyard::net
