#include "bench/wire_encoder.hpp"

#include <stdexcept>

#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

namespace shardyard::bench {
namespace {

constexpr std::uint8_t text_opcode = 1;
constexpr std::uint8_t binary_opcode = 2;

void check(std::size_t zstd_result) {
  if (ZSTD_isError(zstd_result))
    throw std::runtime_error{std::string{"zstd: "} + ZSTD_getErrorName(zstd_result)};
}

} // namespace

transport transport_from(std::string_view text) {
  if (text == "zstd-stream" || text == "zstd")
    return transport::zstd_stream;
  if (text == "zlib-stream" || text == "zlib")
    return transport::zlib_stream;
  if (text.empty() || text == "none")
    return transport::none;
  throw std::invalid_argument{"unknown compression '" + std::string{text} + "': use none, zlib or zstd"};
}

std::string_view to_string(transport x) {
  switch (x) {
  case transport::none:
    return "none";
  case transport::zlib_stream:
    return "zlib";
  case transport::zstd_stream:
    return "zstd";
  }
  return "";
}

struct wire_encoder::state {
  transport mode;
  bool detached = false;
  std::uint64_t history = 0;
  z_stream zlib{};
  ZSTD_CCtx* zstd = nullptr;
  std::string compressed;

  explicit state(transport m) : mode(m) {
    if (mode == transport::zlib_stream && deflateInit(&zlib, 6) != Z_OK)
      throw std::runtime_error{"deflateInit failed"};
    if (mode == transport::zstd_stream) {
      zstd = ZSTD_createCCtx();
      check(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 6));
      check(ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, 18));
      check(ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 0));
    }
  }

  ~state() { free_compressor(); }

  void free_compressor() {
    if (mode == transport::zlib_stream && !detached)
      deflateEnd(&zlib);
    ZSTD_freeCCtx(zstd);
    zstd = nullptr;
  }

  void deflate_message(std::string_view payload) {
    compressed.resize(deflateBound(&zlib, payload.size()) + 64);
    zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(payload.data()));
    zlib.avail_in = static_cast<uInt>(payload.size());
    zlib.next_out = reinterpret_cast<Bytef*>(compressed.data());
    zlib.avail_out = static_cast<uInt>(compressed.size());
    deflate(&zlib, Z_SYNC_FLUSH);
    compressed.resize(compressed.size() - zlib.avail_out);
  }

  void compress_message(std::string_view payload) {
    compressed.resize(ZSTD_compressBound(payload.size()) + 64);
    ZSTD_inBuffer in{payload.data(), payload.size(), 0};
    ZSTD_outBuffer out{compressed.data(), compressed.size(), 0};
    for (std::size_t left = 1; left != 0;) {
      left = ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_flush);
      check(left);
    }
    compressed.resize(out.pos);
  }

  // Blocks that refer to nothing before them, so that they may follow bytes of another compressor.
  void store_message(std::string_view payload) {
    compressed.clear();
    auto size = payload.size(); // callers send only short control payloads this way
    if (size > 0xffff)
      throw std::runtime_error{"a detached connection cannot carry a long payload"};
    if (mode == transport::zlib_stream) {
      // RFC 1951, 3.2.4, then the empty block of a sync flush.
      compressed += '\0';
      for (auto word : {size, ~size})
        for (int shift : {0, 8})
          compressed += static_cast<char>((word >> shift) & 0xff);
      compressed.append(payload).append("\0\0\0\xff\xff", 5);
    } else {
      // RFC 8878, 3.1.1.2: Raw_Block, not the last.
      for (int shift : {0, 8, 16})
        compressed += static_cast<char>(((size << 3) >> shift) & 0xff);
      compressed.append(payload);
    }
  }
};

wire_encoder::wire_encoder(transport mode) : state_(std::make_unique<state>(mode)) {}
wire_encoder::~wire_encoder() = default;
wire_encoder::wire_encoder(wire_encoder&&) noexcept = default;
wire_encoder& wire_encoder::operator=(wire_encoder&&) noexcept = default;

transport wire_encoder::mode() const {
  return state_->mode;
}
std::uint64_t wire_encoder::history() const {
  return state_->history;
}
bool wire_encoder::detached() const {
  return state_->detached;
}

void wire_encoder::adopt(std::uint64_t history) {
  auto& x = *state_;
  x.history = history;
  if (x.detached || x.mode == transport::none)
    return;
  x.free_compressor();
  x.detached = true;
}

void wire_encoder::message(std::string& out, std::string_view payload) {
  auto& x = *state_;
  x.history = XXH3_64bits_withSeed(payload.data(), payload.size(), x.history);
  if (x.mode == transport::none) {
    append_frame(out, text_opcode, payload);
    return;
  }
  if (x.detached)
    x.store_message(payload);
  else if (x.mode == transport::zlib_stream)
    x.deflate_message(payload);
  else
    x.compress_message(payload);
  append_frame(out, binary_opcode, x.compressed);
}

void append_frame(std::string& out, std::uint8_t opcode, std::string_view content) {
  out += static_cast<char>(0x80 | opcode);
  auto size = content.size();
  int length_bytes = 0;
  if (size < 126) {
    out += static_cast<char>(size);
  } else if (size <= 0xffff) {
    out += static_cast<char>(126);
    length_bytes = 2;
  } else {
    out += static_cast<char>(127);
    length_bytes = 8;
  }
  for (int i = length_bytes - 1; i >= 0; --i)
    out += static_cast<char>((size >> (8 * i)) & 0xff);
  out.append(content);
}

} // namespace shardyard::bench
