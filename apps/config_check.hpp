// The rules that concern more than one key, or what a value means: addresses, URLs, placeholders. Runs when
// all sources are read.
#pragma once

#include "apps/config.hpp"

namespace shardyard {

/// Replaces `{node}` in paths; other placeholders are errors.
void fill_placeholders(config_result& result);

/// Adds an error for each combination that cannot work.
void check_together(config_result& result);

} // namespace shardyard
