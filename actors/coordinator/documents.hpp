// The coordinator's answers to operators, as JSON: status, progress and report of a plan. Plain functions
// over plain values; the command line renders the same documents for people.
#pragma once

#include "actors/coordinator/cluster_view.hpp"
#include "actors/coordinator/identify_ledger.hpp"
#include "actors/coordinator/placed_group.hpp"
#include "actors/coordinator/placement.hpp"
#include "actors/coordinator/reshard_plan.hpp"
#include "messages/control.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace shardyard {

/// What a document is made of. References must outlive the call.
struct document_sources {
  const std::string& cluster;
  std::uint64_t cluster_epoch = 0;
  const std::string& coordinator;
  topology active;
  const reshard_plan* plan = nullptr; ///< the newest, finished or not
  const cluster_view& view;
  const placed_groups& groups;
  ledger_status identifies;
  const std::string& notice; ///< newest word to the operator
  unix_time now{};
};

/// To a verb that is carried out, with its document.
admin_reply accept(const boost::json::object& body);
/// To one that is not: why, and what the operator can do instead.
admin_reply refuse(std::string why, std::string instead);

/// Figures of a plan alone: sums of the groups since their start, less what they were when the plan began.
group_figures since(const group_figures& now, const group_figures& before);

/// Everything `shardyard status` shows; member `reshard` is null or the progress of the running plan.
boost::json::object status_document(const document_sources& from);

/// States, counts and estimate of a plan.
boost::json::object progress_document(const reshard_plan& plan, const document_sources& from);

/// The plan's own figures: cuts by kind, compared, late, unverifiable, gaps, added delay, time. `seconds_in`:
/// by plan state; what a coordinator before this one saw is not in it.
boost::json::object report_document(const reshard_plan& plan, const document_sources& from,
                                    const group_figures& figures, std::uint64_t identifies_used,
                                    unix_time finished_at, const std::map<std::string, double>& seconds_in);

/// Figures as a row for the journal and back; a text that is no such row gives zeros.
std::string to_row(const group_figures& x);
group_figures figures_from_row(std::string_view row);

} // namespace shardyard
