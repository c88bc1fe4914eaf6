#include "net/frame_parser.hpp"
#include "net/header_scan.hpp"
#include "net/inflate.hpp"
#include "net/payload_reader.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/net/compressors.hpp"
#include "tests/net/frames.hpp"

namespace shardyard::fuzz {
namespace {

using namespace shardyard::net;

constexpr std::size_t most_bytes = 1u << 20;

bool within(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

compression mode_of(unsigned char byte) {
  constexpr compression modes[] = {compression::none, compression::zlib_stream, compression::zstd_stream};
  return modes[byte % 3];
}

/// The input in pieces of `step` bytes, as reads of a socket would bring it; 0: in one piece.
template <class Take>
void in_pieces(std::string_view input, std::size_t step, Take take) {
  while (!input.empty()) {
    auto size = step == 0 ? input.size() : std::min(step, input.size());
    if (!take(input.substr(0, size)))
      return;
    input.remove_prefix(size);
  }
}

struct checking_sink : payload_sink {
  void on_events(event_block block) override {
    for (auto& e : block.entries) {
      demand(std::uint64_t{e.d_offset} + e.d_size <= block.bytes->size(), "d lies within the block");
      demand(std::uint64_t{e.t_offset} + e.t_size <= block.bytes->size(), "t lies within the block");
      demand(e.s > last_s, "s rises within a session");
      last_s = e.s;
    }
  }
  void on_ready(ready_view x) override { last_s = x.s; }
  void on_resumed(std::uint64_t) override {}
  void on_hello(std::uint32_t) override {}
  void on_reconnect() override {}
  void on_invalid_session(bool) override {}
  void on_heartbeat_request() override {}
  void on_acknowledged() override {}
  void on_ping(std::string_view payload) override {
    demand(payload.size() <= 125, "a ping is a control frame");
  }
  void on_close_frame(std::uint16_t, std::string_view) override {}

  std::uint64_t last_s = 0;
};

std::string packed(compression mode, const std::vector<std::string>& texts, bool framed) {
  zlib_deflater zlib;
  zstd_deflater zstd;
  std::string result;
  for (auto& text : texts) {
    auto bytes = mode == compression::zlib_stream   ? zlib.pack(text)
                 : mode == compression::zstd_stream ? zstd.pack(text)
                                                    : text;
    result += framed ? (mode == compression::none ? text_frame(bytes) : binary_frame(bytes)) : bytes;
  }
  return result;
}

std::string with_head(std::initializer_list<char> head, const std::string& bytes) {
  return std::string{head} + bytes;
}

const std::vector<std::string>& session_texts() {
  static const std::vector<std::string> texts{
      R"({"op":10,"d":{"heartbeat_interval":41250},"s":null,"t":null})",
      R"({"t":"READY","s":1,"op":0,"d":{"v":10,"session_id":"abc","resume_gateway_url":"wss://gw.example","guilds":[{"id":"41771983423143937","unavailable":true}],"user":{"id":"80351110224678912"},"application":{"id":"80351110224678912"},"shard":[0,1]}})",
      R"({"t":"MESSAGE_CREATE","s":2,"op":0,"d":{"id":"334385199974967042","channel_id":"290926798999357250","guild_id":"41771983423143937","content":"hi"}})",
      R"({"op":11})",
      R"({"op":7,"d":null})",
      R"({"op":9,"d":false})"};
  return texts;
}

} // namespace

void scan_header(std::string_view input) {
  static header_scan scan;
  byte_buffer buffer;
  buffer.append(input);
  if (input.empty())
    buffer.reserve(1);
  auto payload = buffer.view();
  payload_header header;
  if (!scan.scan(payload, header).empty())
    return;
  demand(within(header.t, payload) && within(header.d, payload), "views point into the payload");
  demand(header.type < event_types().size(), "the type is one of the event table");
}

void inflate(std::string_view input) {
  auto mode = mode_of(take_byte(input));
  auto step = take_byte(input);
  auto inflater = make_inflater(mode);
  if (!inflater)
    return;
  byte_buffer out;
  in_pieces(input, step, [&](std::string_view piece) {
    auto outcome = inflater->feed(piece, out, most_bytes);
    demand(out.size() <= most_bytes, "the output stays within its bound");
    return outcome == inflater::outcome::ok;
  });
}

void parse_frames(std::string_view input) {
  auto step = take_byte(input);
  frame_parser parser{most_bytes};
  std::size_t given = 0, got = 0;
  in_pieces(input, step, [&](std::string_view piece) {
    given += piece.size();
    for (;;) {
      auto before = piece.size();
      auto part = parser.next(piece);
      if (part.kind == frame_kind::broken)
        return false;
      if (part.kind == frame_kind::need_more) {
        demand(piece.empty(), "more is asked for only when all is used");
        return true;
      }
      got += part.kind == frame_kind::data ? part.bytes.size() : 0;
      demand(got <= given, "no more payload comes out than bytes went in");
      demand(piece.size() < before || part.message_end || part.kind != frame_kind::data,
             "each step takes something");
      if (part.kind == frame_kind::close)
        return false;
    }
  });
}

void read_payloads(std::string_view input) {
  static read_space space;
  auto mode = mode_of(take_byte(input));
  auto step = take_byte(input);
  payload_reader reader{mode, most_bytes};
  checking_sink sink;
  in_pieces(input, step, [&](std::string_view piece) {
    auto fault = reader.read(piece, 1, space, sink);
    if (!fault)
      return true;
    demand(!fault->text.empty(), "a fault says what is wrong");
    demand(within(fault->rest, piece), "what is left points into the input");
    reader.discard(fault->rest);
    return false;
  });
}

std::vector<std::string> inflate_seeds() {
  auto texts = recorded_payloads();
  texts.resize(std::min<std::size_t>(texts.size(), 8));
  return {with_head({1, 0}, packed(compression::zlib_stream, texts, false)),
          with_head({2, 0}, packed(compression::zstd_stream, texts, false)),
          with_head({1, 7}, packed(compression::zlib_stream, {texts[1]}, false)),
          with_head({2, 7}, packed(compression::zstd_stream, {texts[1]}, false))};
}

std::vector<std::string> frame_seeds() {
  return {with_head({0}, text_frame("{}") + frame(9, "ping") + frame(10, "") + close_frame(4000, "bye")),
          with_head({1}, frame(1, "half", false) + frame(9, "x") + frame(0, "rest")),
          with_head({3}, text_frame(std::string(300, 'x')) + text_frame(std::string(70000, 'y')))};
}

std::vector<std::string> reader_seeds() {
  std::vector<std::string> result;
  for (char mode : {0, 1, 2})
    for (char step : {0, 5})
      result.push_back(
          with_head({mode, step}, packed(mode_of(static_cast<unsigned char>(mode)), session_texts(), true) +
                                      close_frame(1000)));
  return result;
}

} // namespace shardyard::fuzz
