// Compares what sinks delivered with what happened. Streams the events; keeps 4 bytes per occurrence and 8
// per delivery. Every line is matched by (session, s), so equal payloads are told apart and nothing is
// guessed.
#pragma once

#include "apps/audit_gaps.hpp"
#include "apps/audit_numbers.hpp"
#include "apps/audit_result.hpp"
#include "apps/truth.hpp"

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace shardyard {

struct jsonl_header;

/// One run. Not thread-safe; the truth must be complete and outlive it.
class audit {
public:
  explicit audit(const truth& what_happened);

  /// Lines that follow are of another file. Delivery numbers may interleave between files, not fall within
  /// one.
  void begin_file();
  void line(std::string_view text);
  /// What stands behind the last line break of a file.
  void torn(std::string_view rest);

  audit_result finish();

private:
  struct delivery {
    std::uint32_t n;
    truth::number id;
  };

  void control(const jsonl_header& header);
  void event(const jsonl_header& header);
  void deliver(const jsonl_header& header, truth::number id);
  bool unmatched_is_fine(const jsonl_header& header);
  void check_number(const jsonl_header& header, truth::number id);
  void count_lost();
  void count_reordered();
  void count_missing_numbers();
  void find_carriers();
  std::string described(truth::number id) const;
  void example(std::string text);

  const truth& truth_;
  audit_result result_;
  std::vector<std::uint32_t> first_n_;       ///< per occurrence: the n of its first delivery + 1; 0: none
  std::vector<std::vector<delivery>> order_; ///< per scope: deliveries that have an order
  std::unordered_map<truth::scope, delivery_numbers, truth::scope_hash> numbering_;
  std::set<gap_claim> gaps_;
  std::vector<truth::number> lost_examples_;
  std::string known_session_; ///< the session of the line before, looked up once
  std::optional<truth::index> known_session_index_;
  std::uint32_t file_ = 0;
};

/// Audits whole files ("-": standard input). `error` is empty or says which file could not be read.
audit_result audit_files(const truth& what_happened, const std::vector<std::string>& paths,
                         std::string& error);

} // namespace shardyard
