// What of a group's log goes along with its partitions, and what the new host makes of it.
#include "actors/partition/moved_state.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace shardyard {
namespace {

constexpr std::uint32_t partition_count = 8;

/// A guild of partition `partition`.
constexpr scope guild(std::uint32_t partition, std::uint32_t number = 0) {
  return {scope_kind::guild, snowflake{partition + partition_count * (number + 1ull)} << 22};
}

constexpr scope channel{scope_kind::channel, 12345};
constexpr scope rest_of(std::uint32_t partition) {
  return {scope_kind::other, partition};
}

position position_of(const scope& at, std::uint64_t n, std::uint64_t epoch = 1) {
  position x;
  x.at = at;
  x.n = n;
  x.epoch = epoch;
  x.lead = x.last = side::second;
  x.known = true;
  x.sides[0] = {1, n * 10, 3};
  x.sides[1] = {2, n * 7, 4};
  return x;
}

logged_cut cut_of(const scope& at, std::uint64_t n, std::uint64_t epoch, cut_kind kind) {
  event_block block;
  block.from = {{2, 0, 1}, "S2"};
  event_entry e;
  e.guild = at.id;
  e.s = 8;
  e.d_size = 2;
  block.bytes = std::make_shared<const std::string>("{}");
  block.entries.push_back(e);
  return {at, n, epoch, kind, false, side::second, 2, 8, {block}};
}

logged_session session(std::uint32_t number) {
  return {number, side::first, {{1, number, 4}, "S" + std::to_string(number)}, number * 5, false};
}

template <class... Records>
std::string log_of(const Records&... records) {
  std::string result;
  (write_record(result, records), ...);
  return result;
}

recovered_state decoded(std::string_view bytes) {
  std::size_t used = 0;
  auto result = decode_log(bytes, used);
  EXPECT_EQ(used, bytes.size());
  return result;
}

recovered_state moved(std::string_view log, std::vector<std::uint32_t> partitions) {
  return decoded(state_to_move(log, partitions, partition_count));
}

std::set<scope> scopes_of(const recovered_state& x) {
  std::set<scope> result;
  for (auto& [at, _] : x.positions)
    result.insert(at);
  return result;
}

TEST(moved_state, only_the_guilds_of_the_partitions_that_move_go_along) {
  auto log = log_of(position_of(guild(1), 5), position_of(guild(2), 6), position_of(guild(3, 9), 7));
  EXPECT_EQ(scopes_of(moved(log, {1, 3})), (std::set{guild(1), guild(3, 9)}));
  EXPECT_EQ(scopes_of(moved(log, {2})), std::set{guild(2)});
  EXPECT_TRUE(scopes_of(moved(log, {})).empty());
}

TEST(moved_state, channels_outside_guilds_go_with_the_first_partition_and_the_rest_with_its_own) {
  auto log = log_of(position_of(channel, 5), position_of(rest_of(0), 6), position_of(rest_of(3), 7));
  EXPECT_EQ(scopes_of(moved(log, {0})), (std::set{channel, rest_of(0)}));
  EXPECT_EQ(scopes_of(moved(log, {3})), std::set{rest_of(3)});
}

TEST(moved_state, a_partition_or_a_scope_beyond_the_count_is_no_error) {
  auto log = log_of(position_of(rest_of(partition_count), 5), position_of(guild(1), 5));
  EXPECT_EQ(scopes_of(moved(log, {1, partition_count, ~0u})), std::set{guild(1)});
}

TEST(moved_state, the_new_host_delivers_under_a_higher_epoch_from_the_same_place_on) {
  auto before = position_of(guild(1), 5, 3);
  auto state = moved(log_of(before), {1});
  auto after = before;
  after.epoch = 4;
  EXPECT_EQ(state.positions.at(guild(1)), after);
}

TEST(moved_state, a_second_move_raises_the_epoch_again) {
  std::vector<std::uint32_t> partitions{1};
  auto once = state_to_move(log_of(position_of(guild(1), 5, 3)), partitions, partition_count);
  EXPECT_EQ(moved(once, partitions).positions.at(guild(1)).epoch, 5u);
}

TEST(moved_state, a_cut_that_sinks_have_seen_goes_along_with_what_the_new_lead_had_shown) {
  auto state = moved(log_of(position_of(guild(1), 5, 2), cut_of(guild(1), 5, 2, cut_kind::anchor)), {1});
  ASSERT_EQ(state.cuts.size(), 1u);
  auto& [key, cut] = *state.cuts.begin();
  EXPECT_EQ(key, std::pair(guild(1), std::uint64_t{3}));
  EXPECT_EQ(cut.epoch, state.positions.at(guild(1)).epoch);
  EXPECT_EQ(cut.n, 5u);
  EXPECT_EQ(cut.through_s, 8u);
  ASSERT_EQ(cut.rest.size(), 1u);
  EXPECT_EQ(cut.rest[0].data(cut.rest[0].entries[0]), "{}");
}

TEST(moved_state, a_swap_that_no_sink_has_seen_is_redone_by_the_new_host) {
  auto state = moved(log_of(position_of(guild(1), 5, 2), cut_of(guild(1), 5, 2, cut_kind::anchor),
                            cut_of(guild(1), 6, 3, cut_kind::swap_back)),
                     {1});
  state.settle();
  ASSERT_EQ(state.cuts.size(), 2u);
  auto epoch = state.positions.at(guild(1)).epoch;
  EXPECT_TRUE(state.cuts.contains({guild(1), epoch}));
  ASSERT_TRUE(state.cuts.contains({guild(1), epoch + 1}));
  EXPECT_EQ(state.cuts.at({guild(1), epoch + 1}).kind, cut_kind::swap_back);
}

TEST(moved_state, a_swap_of_a_guild_that_has_delivered_nothing_is_redone_too) {
  auto state = moved(log_of(cut_of(guild(1), 0, 2, cut_kind::swap_back)), {1});
  state.settle();
  ASSERT_EQ(state.cuts.size(), 1u);
  EXPECT_EQ(state.cuts.begin()->second.kind, cut_kind::swap_back);
}

TEST(moved_state, a_cut_that_no_sink_has_seen_stays_behind) {
  auto state = moved(log_of(position_of(guild(1), 5, 2), cut_of(guild(1), 5, 3, cut_kind::anchor)), {1});
  EXPECT_TRUE(state.cuts.empty());
}

TEST(moved_state, keys_and_outages_go_with_their_partition) {
  auto log = log_of(session(1), position_of(guild(1), 5), position_of(guild(2), 5),
                    logged_key{guild(1), 4, false, {3, 11}}, logged_key{guild(2), 4, false, {3, 22}},
                    logged_key{channel, 0, true, {3, 33}}, logged_outage{guild(1), 1, false},
                    logged_outage{guild(2), 1, false});
  auto state = moved(log, {1});
  ASSERT_EQ(state.keys.size(), 1u);
  EXPECT_EQ(state.keys[0].key.id, 11u);
  ASSERT_EQ(state.outages.size(), 1u);
  EXPECT_EQ(state.outages.begin()->first.first, guild(1));
}

TEST(moved_state, a_number_that_a_key_claims_goes_along) {
  auto log = log_of(position_of(guild(1), 5), logged_key{guild(1), 6, false, {3, 11}});
  auto keys = moved(log, {1}).keys;
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].n, 6u);
}

TEST(moved_state, sessions_go_along_and_sinks_stay_behind) {
  auto log = log_of(session(1), session(2), position_of(guild(1), 5));
  write_sink_offset(log, "file", "123");
  auto state = moved(log, {1});
  EXPECT_EQ(state.sessions.size(), 2u);
  EXPECT_EQ(state.sessions.at(2).from.session_id, "S2");
  EXPECT_EQ(state.sessions.at(2).stray_s, 10u);
  EXPECT_TRUE(state.sinks.empty());
}

TEST(moved_state, a_copy_cut_off_at_any_byte_gives_what_is_whole_before_it) {
  std::vector<std::uint32_t> partitions{1};
  std::string log;
  std::vector<std::pair<std::size_t, std::uint64_t>> ends;
  for (std::uint64_t n = 1; n <= 4; ++n) {
    log += log_of(position_of(guild(1), n));
    ends.push_back({log.size(), n});
  }
  for (std::size_t size = 0; size <= log.size(); ++size) {
    auto state = moved(std::string_view{log}.substr(0, size), partitions);
    std::uint64_t n = 0;
    for (auto& [end, number] : ends)
      n = end <= size ? number : n;
    ASSERT_EQ(state.positions.empty() ? 0 : state.positions.at(guild(1)).n, n) << size;
    ASSERT_EQ(state.torn_bytes, 0u);
  }
}

TEST(moved_state, of_nothing_is_nothing) {
  EXPECT_EQ(state_to_move("", std::vector<std::uint32_t>{1}, partition_count), "");
  EXPECT_EQ(state_to_move("no log at all", std::vector<std::uint32_t>{1}, partition_count), "");
}

/// A log of random positions and cuts, and the parts that a random division makes of it.
RC_GTEST_PROP(moved_state, the_parts_of_a_divided_group_hold_every_scope_once_and_alike, ()) {
  std::string log;
  std::set<scope> all;
  for (auto count = *rc::gen::inRange(0, 60); count > 0; --count) {
    auto partition = *rc::gen::inRange<std::uint32_t>(0, partition_count);
    auto at = guild(partition, *rc::gen::inRange<std::uint32_t>(0, 3));
    switch (*rc::gen::inRange(0, 5)) {
    case 0:
      at = rest_of(partition);
      break;
    case 1:
      at = {scope_kind::channel, *rc::gen::inRange<snowflake>(1, 4)};
      break;
    default:
      break;
    }
    auto epoch = *rc::gen::inRange<std::uint64_t>(1, 4);
    log += log_of(position_of(at, *rc::gen::inRange<std::uint64_t>(1, 100), epoch));
    if (*rc::gen::inRange(0, 3) == 0)
      log += log_of(cut_of(at, 5, epoch + *rc::gen::inRange<std::uint64_t>(0, 3),
                           *rc::gen::element(cut_kind::anchor, cut_kind::swap_back)));
    all.insert(at);
  }
  std::vector<std::vector<std::uint32_t>> parts(3);
  for (std::uint32_t i = 0; i < partition_count; ++i)
    parts[*rc::gen::inRange<std::size_t>(0, 3)].push_back(i);
  auto here = decoded(log);
  here.settle();
  std::size_t positions = 0, cuts = 0;
  for (auto& part : parts) {
    auto state = moved(log, part);
    auto settled = state;
    settled.settle();
    RC_ASSERT(settled.cuts.size() == state.cuts.size()); // the new host drops nothing more
    positions += state.positions.size();
    cuts += state.cuts.size();
    for (auto& [at, x] : state.positions) {
      auto before = here.positions.at(at);
      ++before.epoch;
      RC_ASSERT(x == before);
    }
    for (auto& [key, x] : state.cuts)
      RC_ASSERT(here.cuts.contains({key.first, key.second - 1}) && x.epoch == key.second);
  }
  RC_ASSERT(positions == all.size());
  RC_ASSERT(cuts == here.cuts.size());
}

} // namespace
} // namespace shardyard
