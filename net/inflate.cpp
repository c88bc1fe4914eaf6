#include "net/inflate.hpp"

#include <algorithm>
#include <limits>
#include <new>

#include <zlib.h>
#include <zstd.h>

namespace shardyard::net {
namespace {

// Output room offered at least per call: small messages fit at once, large ones double the buffer.
constexpr std::size_t room_offered = 4096;

// Room to write into, one byte beyond the bound at most: filling that byte proves that the bound is exceeded.
std::size_t offer(byte_buffer& out, std::size_t max_size) {
  auto allowed = max_size + 1 - std::min(out.size(), max_size);
  out.reserve(std::min(room_offered, allowed));
  return std::min(out.room(), allowed);
}

class plain_text final : public inflater {
public:
  outcome feed(std::string_view input, byte_buffer& out, std::size_t max_size) override {
    if (input.size() > max_size - std::min(out.size(), max_size))
      return outcome::too_large;
    out.append(input);
    return outcome::ok;
  }
  bool at_message_end() const override { return true; }
};

class zlib_stream final : public inflater {
public:
  zlib_stream() {
    if (inflateInit2(&stream_, 15) != Z_OK)
      throw std::bad_alloc{};
  }
  ~zlib_stream() override { inflateEnd(&stream_); }
  zlib_stream(const zlib_stream&) = delete;
  zlib_stream& operator=(const zlib_stream&) = delete;

  outcome feed(std::string_view input, byte_buffer& out, std::size_t max_size) override {
    constexpr std::size_t most = std::numeric_limits<uInt>::max();
    remember_suffix(input);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    for (;;) {
      auto room = std::min(offer(out, max_size), most);
      stream_.next_out = reinterpret_cast<Bytef*>(out.begin() + out.size());
      stream_.avail_out = static_cast<uInt>(room);
      auto result = ::inflate(&stream_, Z_SYNC_FLUSH);
      out.commit(room - stream_.avail_out);
      if (out.size() > max_size)
        return outcome::too_large;
      if (result == Z_BUF_ERROR && stream_.avail_in == 0)
        return outcome::ok; // the last call had emptied everything exactly
      if (result != Z_OK)
        return outcome::corrupt; // Z_STREAM_END too: the stream lives as long as the connection
      if (stream_.avail_in == 0 && stream_.avail_out > 0)
        return outcome::ok;
    }
  }

  bool at_message_end() const override { return last_bytes_ == 0x0000FFFF; }

private:
  void remember_suffix(std::string_view input) {
    for (auto c : input.substr(input.size() - std::min<std::size_t>(input.size(), 4)))
      last_bytes_ = last_bytes_ << 8 | static_cast<unsigned char>(c);
  }

  z_stream stream_{};
  std::uint32_t last_bytes_ = ~0U;
};

class zstd_stream final : public inflater {
public:
  // Discord sends windowLog 18; 23 bounds what a hostile server can make a decoder hold to 8 MiB.
  static constexpr int window_log_max = 23;

  zstd_stream() : context_(ZSTD_createDCtx()) {
    if (!context_)
      throw std::bad_alloc{};
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, window_log_max);
  }

  outcome feed(std::string_view input, byte_buffer& out, std::size_t max_size) override {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    for (;;) {
      auto room = offer(out, max_size);
      ZSTD_outBuffer piece{out.begin() + out.size(), room, 0};
      auto result = ZSTD_decompressStream(context_.get(), &piece, &in);
      out.commit(piece.pos);
      if (ZSTD_isError(result) != 0)
        return outcome::corrupt;
      if (out.size() > max_size)
        return outcome::too_large;
      if (in.pos == in.size && piece.pos < room)
        return outcome::ok;
    }
  }

  bool at_message_end() const override { return true; }

private:
  struct freed {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, freed> context_;
};

} // namespace

std::string_view to_string(compression mode) {
  switch (mode) {
  case compression::none:
    return "";
  case compression::zlib_stream:
    return "zlib-stream";
  case compression::zstd_stream:
    return "zstd-stream";
  }
  return "";
}

std::unique_ptr<inflater> make_inflater(compression mode) {
  switch (mode) {
  case compression::none:
    break;
  case compression::zlib_stream:
    return std::make_unique<zlib_stream>();
  case compression::zstd_stream:
    return std::make_unique<zstd_stream>();
  }
  return std::make_unique<plain_text>();
}

} // namespace shardyard::net
