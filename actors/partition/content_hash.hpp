// Canonical content of a payload: equal for two copies of one event although key order and volatile parts
// differ between sessions. Used to compare plain events of lead and shadow; never a proof that two events are
// the same occurrence.
#pragma once

#include <cstdint>
#include <string_view>

namespace shardyard {

/// Hash of the JSON value `d`, never 0. Independent of the order of object keys; the member
/// `processed_at_timestamp` and the signature parameters `ex`, `is`, `hm` of CDN links (Reference, "Signed
/// Attachment CDN URLs") do not count. Bytes that are no JSON are hashed as they are. Any thread.
std::uint64_t content_hash(std::string_view d);

/// Hash of the bytes as they are, a small part of the work: where it is equal, so is the content. Any thread.
std::uint64_t bytes_hash(std::string_view d);

/// content_hash(d) for who has bytes_hash(d) at hand.
std::uint64_t content_hash(std::string_view d, std::uint64_t bytes);

/// `d.user.id` of a PRESENCE_UPDATE, 0 when there is none (the user object's other fields are not promised).
/// Any thread.
std::uint64_t presence_user(std::string_view d);

} // namespace shardyard
