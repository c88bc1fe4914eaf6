// Server-side compressors for tests, as section "Transport Compression" of the gateway reference describes
// them.
#pragma once

#include "net/inflate.hpp"

#include <memory>
#include <string>
#include <string_view>

#include <zlib.h>
#include <zstd.h>

namespace shardyard::net {

/// One context per connection; flushed after each message.
class deflater {
public:
  virtual ~deflater() = default;
  virtual std::string pack(std::string_view text) = 0;
};

class zlib_deflater final : public deflater {
public:
  zlib_deflater() { deflateInit(&stream_, 6); }
  ~zlib_deflater() override { deflateEnd(&stream_); }
  std::string pack(std::string_view text) override {
    std::string result;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    do {
      char piece[4096];
      stream_.next_out = reinterpret_cast<Bytef*>(piece);
      stream_.avail_out = sizeof piece;
      deflate(&stream_, Z_SYNC_FLUSH);
      result.append(piece, sizeof piece - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return result;
  }

private:
  z_stream stream_{};
};

class zstd_deflater final : public deflater {
public:
  explicit zstd_deflater(int window_log = 18) : context_(ZSTD_createCCtx()) {
    ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, 3);
  }
  ~zstd_deflater() override { ZSTD_freeCCtx(context_); }
  std::string pack(std::string_view text) override {
    std::string result;
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    std::size_t left = 1;
    while (left != 0) {
      char piece[4096];
      ZSTD_outBuffer out{piece, sizeof piece, 0};
      left = ZSTD_compressStream2(context_, &out, &in, ZSTD_e_flush);
      result.append(piece, out.pos);
    }
    return result;
  }

private:
  ZSTD_CCtx* context_;
};

class no_deflater final : public deflater {
public:
  std::string pack(std::string_view text) override { return std::string{text}; }
};

inline std::unique_ptr<deflater> make_deflater(compression mode) {
  if (mode == compression::zlib_stream)
    return std::make_unique<zlib_deflater>();
  if (mode == compression::zstd_stream)
    return std::make_unique<zstd_deflater>();
  return std::make_unique<no_deflater>();
}

} // namespace shardyard::net
