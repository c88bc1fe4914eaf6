// JSON answers of the coordinator, for people: aligned keys, tables for lists of objects, bars for a running
// reshard.
#pragma once

#include <boost/json/fwd.hpp>

#include <string>

namespace shardyard {

/// Scalars as "key  value" lines, objects indented below their key, lists of objects as tables. Keys keep
/// their order.
std::string render_document(const boost::json::object& document);

/// The `reshard` object of a status as a block of lines: one bar per plan state, one per unit (at most
/// `unit_rows`). Colours are left to the terminal's defaults; `width` is the terminal's columns.
std::string render_progress(const boost::json::object& reshard, unsigned width, unsigned unit_rows);

/// The same in one line, for logs and pipes.
std::string render_progress_line(const boost::json::object& reshard);

} // namespace shardyard
