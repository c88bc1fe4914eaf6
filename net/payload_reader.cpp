#include "net/payload_reader.hpp"

#include "net/populate.hpp"

#include <algorithm>

namespace shardyard::net {
namespace {

// A block is handed out at this size even within a read: highly compressed input must not pile up.
constexpr std::size_t largest_batch = 1 << 20;
constexpr std::size_t kept_batch = 4 << 20;
constexpr std::size_t kept_partial = 0;

enum op : int {
  dispatch = 0,
  heartbeat_request = 1,
  reconnect = 7,
  invalid_session = 9,
  hello = 10,
  heartbeat_ack = 11,
};

read_fault malformed(std::string_view text) {
  return {read_fault_kind::malformed, std::string{text}};
}

} // namespace

payload_reader::payload_reader(compression mode, std::size_t max_message_bytes)
    : frames_(max_message_bytes), inflater_(make_inflater(mode)), max_message_bytes_(max_message_bytes) {}

void payload_reader::expect_after(std::uint64_t s, std::int64_t newest_ms) {
  last_s_ = s;
  newest_ms_ = newest_ms;
}

/// One call of read: the batch buffer holds the payloads of the entries collected so far, back to back.
struct payload_reader::pass {
  using fault = std::optional<read_fault>;

  pass(payload_reader& reader, read_space& space, payload_sink& sink, std::int64_t now_ns)
      : reader(reader), space(space), sink(sink), now_ns(now_ns) {
    restart();
  }

  /// A piece of a message. What earlier reads began is completed in its own buffer, so that a large message
  /// that trickles in is not copied at every read.
  fault data(const frame_piece& piece) {
    auto& target = reader.in_message_ ? reader.partial_ : space.batch;
    auto start = reader.in_message_ ? 0 : begin;
    switch (reader.inflater_->feed(piece.bytes, target, start + reader.max_message_bytes_)) {
    case inflater::outcome::ok:
      break;
    case inflater::outcome::corrupt:
      return malformed("compressed stream is corrupt");
    case inflater::outcome::too_large:
      return read_fault{read_fault_kind::too_large, "message larger than allowed after decompression", {}};
    }
    open = !(piece.message_end && reader.inflater_->at_message_end());
    if (open)
      return {};
    if (reader.in_message_) {
      space.batch.append(reader.partial_.view());
      reader.partial_.clear(kept_partial);
      reader.in_message_ = false;
    }
    return payload();
  }

  /// The message in the batch from `begin` on is complete.
  fault payload() {
    ++reader.payloads_;
    payload_header header;
    if (auto why = space.scan.scan(space.batch.view(begin), header); !why.empty())
      return malformed(why);
    if (header.op == op::dispatch)
      return event(header);
    if (header.op == op::heartbeat_request || header.op == op::reconnect ||
        header.op == op::invalid_session || header.op == op::hello || header.op == op::heartbeat_ack) {
      hand_out();
      auto result = control(header);
      restart();
      return result;
    }
    space.batch.truncate(begin); // an op from the future, or one that other servers send
    return {};
  }

  fault control(const payload_header& header) {
    switch (header.op) {
    case op::heartbeat_request:
      sink.on_heartbeat_request();
      break;
    case op::reconnect:
      sink.on_reconnect();
      break;
    case op::invalid_session:
      sink.on_invalid_session(header.d == "true");
      break;
    case op::heartbeat_ack:
      sink.on_acknowledged();
      break;
    default: {
      auto interval = header.d.empty() ? 0 : read_hello(header.d);
      if (interval == 0)
        return malformed("HELLO without a heartbeat interval");
      sink.on_hello(interval);
    }
    }
    return {};
  }

  fault event(const payload_header& header) {
    if (header.t.empty())
      return malformed("dispatch without a name");
    if (header.t == "READY")
      return ready(header);
    auto resumed = header.t == "RESUMED";
    if (!header.has_s && !resumed)
      return malformed("dispatch without a sequence");
    if (header.has_s && header.s > reader.last_s_ + 1)
      return read_fault{read_fault_kind::sequence_gap,
                        "sequence " + std::to_string(header.s) + " after " + std::to_string(reader.last_s_),
                        {}};
    if (header.has_s && header.s <= reader.last_s_ && !resumed) {
      ++reader.repeated_;
      space.batch.truncate(begin);
      return {};
    }
    if (header.has_s)
      reader.last_s_ = std::max(reader.last_s_, header.s);
    if (resumed) {
      hand_out();
      sink.on_resumed(reader.last_s_);
      restart();
      return {};
    }
    add(header);
    begin = space.batch.size();
    if (begin >= largest_batch) {
      hand_out();
      restart();
    }
    return {};
  }

  fault ready(const payload_header& header) {
    ready_view view;
    if (auto why = read_ready(header.d, view); !why.empty())
      return malformed(why);
    hand_out();
    view.s = header.s;
    reader.last_s_ = header.s; // some servers begin with 0
    reader.newest_ms_ = 0;
    sink.on_ready(std::move(view));
    restart();
    return {};
  }

  void add(const payload_header& header) {
    auto offset = [base = space.batch.begin()](std::string_view part) {
      return part.empty() ? 0 : static_cast<std::uint32_t>(part.data() - base);
    };
    auto& type = type_of(header.type);
    event_entry entry;
    entry.guild = header.guild;
    entry.key = header.key;
    entry.channel = header.channel;
    entry.s = header.s;
    entry.d_offset = offset(header.d);
    entry.d_size = static_cast<std::uint32_t>(header.d.size());
    entry.t_offset = offset(header.t);
    entry.t_size = static_cast<std::uint16_t>(header.t.size());
    entry.type = header.type;
    entry.flags = header.flags;
    entry.lane = type.lane;
    space.entries.push_back(entry);
    if (header.key != 0 && (type.lane == lane::anchor || type.lane == lane::keyed))
      reader.newest_ms_ = std::max(reader.newest_ms_, created_ms(header.key));
  }

  /// The entries collected so far leave as one block; the current message, behind `begin`, stays where it is.
  void hand_out() {
    if (space.entries.empty())
      return;
    event_block block;
    block.received_ns = now_ns;
    block.newest_ms = reader.newest_ms_;
    // Copied once at its exact size: blocks are kept for minutes, and decompressing into a warm buffer is
    // cheaper than into fresh pages. Behind the bytes stays room for simdjson to read beyond the end.
    auto bytes = std::make_shared<std::string>();
    bytes->reserve(begin + byte_buffer::padding);
    populate(bytes->data(), begin);
    bytes->assign(space.batch.begin(), begin);
    block.bytes = std::move(bytes);
    block.entries.assign(space.entries.begin(), space.entries.end());
    space.entries.clear();
    sink.on_events(std::move(block));
  }

  void restart() {
    space.batch.clear(kept_batch);
    begin = 0;
  }

  /// The input is used up: what is unfinished moves out of the shared buffer.
  void finish() {
    hand_out();
    if (open && !reader.in_message_) {
      reader.partial_.append(space.batch.view(begin));
      reader.in_message_ = true;
    }
    restart();
  }

private:
  payload_reader& reader;
  read_space& space;
  payload_sink& sink;
  std::int64_t now_ns;
  std::size_t begin = 0; // where the current message starts in the batch
  bool open = false;     // the last piece did not complete its message
};

std::optional<read_fault> payload_reader::read(std::string_view bytes, std::int64_t now_ns, read_space& space,
                                               payload_sink& sink) {
  pass pass{*this, space, sink, now_ns};
  std::optional<read_fault> fault;
  while (!fault && !closed_) {
    auto piece = frames_.next(bytes);
    switch (piece.kind) {
    case frame_kind::need_more:
      pass.finish();
      return {};
    case frame_kind::data:
      fault = pass.data(piece);
      break;
    case frame_kind::ping:
      sink.on_ping(piece.bytes);
      break;
    case frame_kind::pong:
      break;
    case frame_kind::close:
      closed_ = true;
      pass.hand_out();
      sink.on_close_frame(piece.close_code, piece.bytes);
      break;
    case frame_kind::broken:
      fault = malformed(piece.bytes);
      break;
    }
  }
  pass.hand_out();
  pass.restart();
  closed_ = true;
  if (fault)
    fault->rest = bytes;
  return fault;
}

bool payload_reader::discard(std::string_view bytes) {
  closed_ = true;
  for (;;) {
    switch (frames_.next(bytes).kind) {
    case frame_kind::need_more:
      return false;
    case frame_kind::close:
    case frame_kind::broken:
      return true;
    case frame_kind::data:
    case frame_kind::ping:
    case frame_kind::pong:
      break;
    }
  }
}

} // namespace shardyard::net
