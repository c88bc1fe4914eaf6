// What a stream to a partition group consists of, and its form as one string for the spool on the same host.
#pragma once

#include "messages/event_block.hpp"
#include "messages/stream.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace shardyard {

/// The pointer is never null.
using stream_item = std::variant<std::shared_ptr<const event_block>, source_mark>;

/// Memory that an item accounts for: names and payloads of its own entries, not of the whole shared buffer.
std::size_t bytes_of(const stream_item& item);

/// Number of events; a mark has none.
std::size_t events_of(const stream_item& item);

/// The same events with a buffer of their own. For blocks that wait: a small share must not keep a large
/// buffer alive.
std::shared_ptr<const event_block> repacked(const event_block& block);

/// Host byte order, not for other hosts.
std::string encode_item(const stream_item& item);

/// None when `record` is not what `encode_item` made.
std::optional<stream_item> decode_item(std::string_view record);

} // namespace shardyard
