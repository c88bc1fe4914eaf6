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

/// Another host, b, beside the one of all tests.
struct two_hosts_documents : handover_documents {
  node_report other;

  two_hosts_documents() {
    node_card card;
    card.name = "b";
    card.incarnation = 1;
    view.joined(card);
    other.node = "b";
    other.incarnation = 1;
    other.cluster_epoch = 1;
    runs(report, 0);
    runs(other, 1);
  }
  void runs(node_report& x, std::uint32_t id) {
    auto& shard = x.shards.emplace_back();
    shard.shard = plan.from.shard(id);
    shard.phase = shard_phase::live;
    shard.was_ready = true;
    shard.guilds = 10;
  }
  void note() {
    view.note(report, 1);
    view.note(other, 1);
  }
  boost::json::object status() { return status_document(sources()); }
  boost::json::value delivery(const char* what) { return status().at("delivery").at(what); }
};

TEST_F(two_hosts_documents, what_a_lost_host_held_is_counted_where_it_went_on) {
  report.figures.delivered = 100;
  report.figures.uncached = 2;
  other.figures.delivered = 50;
  other.figures.gaps = 1;
  other.figures.uncached = 7;
  other.figures.undelivered = 9;
  other.figures.overlap_bytes = 1000;
  note();
  EXPECT_EQ(delivery("uncached"), 9);
  EXPECT_EQ(delivery("undelivered"), 9);
  EXPECT_EQ(status().at("guilds"), 20);
  view.left("b");
  EXPECT_EQ(delivery("uncached"), 2);
  runs(report, 1); // its shard and its partitions go on here
  report.figures.uncached = 9;
  view.note(report, 1);
  EXPECT_EQ(delivery("uncached"), 9);
  EXPECT_EQ(delivery("undelivered"), 0) << "its shards send them again";
  EXPECT_EQ(report_of_plan().at("overlap_bytes"), 0);
  EXPECT_EQ(status().at("guilds"), 20);
  EXPECT_EQ(status().at("guilds_per_shard").to_number<double>(), 10);
  EXPECT_EQ(delivery("delivered"), 150) << "what it has delivered is delivered";
  EXPECT_EQ(delivery("gaps"), 1);
}

TEST_F(two_hosts_documents, a_shard_that_two_lost_hosts_had_is_shown_once) {
  runs(report, 1);
  note();
  view.left("a");
  view.left("b");
  EXPECT_EQ(status().at("shards").as_array().size(), 2u);
  EXPECT_EQ(status().at("guilds"), 20);
}

TEST_F(two_hosts_documents, guilds_that_a_lost_group_had_left_to_cut_are_counted_where_it_goes_on) {
  row(0).led = 5;
  report.handovers.back().exceptions = 2;
  report.handovers.back().cut_quiet = 4;
  note();
  auto unit = [this] { return progress_document(plan, sources()).at("units").at(0); };
  view.observe(plan, {{1, 1, "a", {0}}}, {});
  EXPECT_EQ(unit().at("cut"), 5);
  view.left("a");
  view.observe(plan, {{1, 1, "a", {0}}}, {});
  EXPECT_EQ(unit().at("exceptions"), 2) << "nobody else has them yet";
  other.groups = {{1, 2, false, plan.id}};
  auto& heir = other.handovers.emplace_back();
  heir.group = 1;
  heir.shard = plan.from.shard(0);
  heir.led = 4;
  view.note(other, 1);
  view.observe(plan, {{1, 2, "b", {0}}}, {});
  EXPECT_EQ(unit().at("exceptions"), 0);
  EXPECT_EQ(unit().at("cut"), 6);
  EXPECT_EQ(report_of_plan().at("cuts").at("quiet"), 4) << "its cuts stay made";
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
