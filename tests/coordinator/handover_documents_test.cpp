// What groups say of a hand-over, as it reaches the operator.
#include "actors/coordinator/documents.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

struct handover_documents : ::testing::Test {
  handover_documents() {
    plan.id = 7;
    plan.from = {1, 2};
    plan.to = {2, 4};
    plan.units.resize(plan.cuts().count());
    for (auto& unit : plan.units)
      unit.state = unit_state::moving;
    node_card card;
    card.name = "a";
    card.incarnation = 1;
    view.joined(card);
    report.node = "a";
    report.incarnation = 1;
    report.cluster_epoch = 1;
    report.plan = plan.id;
    report.groups = {{1, 1, false, plan.id}};
  }

  handover_report& row(std::uint32_t id) {
    auto& x = report.handovers.emplace_back();
    x.group = 1;
    x.shard = {1, id, 2};
    x.transferred = true;
    return x;
  }

  boost::json::object report_of_plan() { return report_document(plan, sources(), view.figures(), 0, {}, {}); }
  document_sources sources() const {
    return {.cluster = name,
            .coordinator = name,
            .active = plan.from,
            .plan = &plan,
            .view = view,
            .groups = groups,
            .notice = name};
  }

  reshard_plan plan;
  cluster_view view;
  placed_groups groups;
  node_report report;
  std::string name = "a";
};

TEST_F(handover_documents, a_lagging_follower_is_shown_while_it_lags_and_stays_in_the_report) {
  row(0);
  row(1).follower_lagging = true;
  report.handovers[1].follower_p99_ms = 1500;
  view.note(report, 1);
  auto units = progress_document(plan, sources()).at("units").as_array();
  EXPECT_TRUE(units[0].at("follower_lagging").as_array().empty());
  ASSERT_EQ(units[1].at("follower_lagging").as_array().size(), 1u);
  EXPECT_EQ(units[1].at("follower_lagging").as_array()[0], 1);
  report.handovers[1].follower_lagging = false;
  report.handovers[1].follower_p99_ms = 30;
  view.note(report, 1);
  EXPECT_TRUE(progress_document(plan, sources()).at("units").at(1).at("follower_lagging").as_array().empty());
  EXPECT_TRUE(report_of_plan().at("follower_lagged").as_bool());
  EXPECT_EQ(report_of_plan().at("follower_p99_ms"), 1500);
}

TEST_F(handover_documents, guilds_that_wait_for_a_call_are_counted_and_calls_that_were_moved) {
  row(0).voice = 2;
  row(1).voice = 1;
  report.figures.voice_rejoined = 4;
  view.note(report, 1);
  auto document = report_of_plan();
  EXPECT_EQ(document.at("voice"), 3);
  EXPECT_EQ(document.at("units").at(0).at("voice"), 2);
  EXPECT_EQ(document.at("figures").at("voice_rejoined"), 4);
}

TEST_F(handover_documents, calls_are_summed_over_the_groups_that_count) {
  row(0).voice = 2;
  view.note(report, 1);
  handover_rows rows;
  for (std::uint32_t group = 1; group <= 3; ++group) {
    row(0).voice = group;
    rows.keep(group < 3 ? "a" : "b", {group, 1}, report.handovers.back());
  }
  rows.count({{{1, 1}, "a"}, {{2, 1}, "a"}});
  EXPECT_EQ(rows.of(row(0).shard).voice, 3u);
  rows.forget("a");
  EXPECT_EQ(rows.of(row(0).shard).voice, 0u);
}

TEST_F(handover_documents, held_events_reach_the_report_of_the_plan) {
  report.figures.held_delay.buckets[40] = 3;
  report.figures.held_delay.count = 3;
  report.figures.held_delay.max_us = 18'000;
  view.note(report, 1);
  auto held = report_of_plan().at("held_events").as_object();
  EXPECT_EQ(held.at("events"), 3);
  EXPECT_EQ(held.at("max_ms").to_number<double>(), 18.0);
}

} // namespace
} // namespace shardyard
