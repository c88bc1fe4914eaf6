// Packed entities by key, compared with std::map under random changes. SHARDYARD_SEED moves to other ones.
#include "actors/partition/entity_rows.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <string>

namespace shardyard::testing {
namespace {

struct rows_beside_map {
  explicit rows_beside_map(std::uint64_t seed) : dice(seed) {}

  std::uint64_t up_to(std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>{0, most}(dice);
  }

  // Few keys, so that each is put, changed and erased again and again; ids as far apart as they can be.
  row_key some_key() {
    auto id = up_to(40);
    return {static_cast<std::uint8_t>(up_to(3)), up_to(7) == 0 ? ~id : id};
  }

  // Mostly as large as what a guild has, sometimes as large as a block, or beyond what a table's place can
  // say.
  std::string some_bytes() {
    auto size = up_to(9) > 0 ? up_to(150) : up_to(3) > 0 ? 400 + up_to(300) : 60'000 + up_to(20'000);
    return std::string(size, static_cast<char>('a' + up_to(25)));
  }

  void change() {
    auto key = some_key();
    switch (up_to(9)) {
    case 0:
    case 1:
    case 2:
      EXPECT_EQ(rows.erase(key), model.erase(key) > 0);
      break;
    case 3:
      mark(key);
      break;
    case 4:
      if (up_to(20) == 0)
        erase_all(key.kind);
      break;
    case 5:
      if (up_to(20) == 0)
        assign();
      break;
    default:
      put(key, some_bytes());
    }
  }

  void put(row_key key, const std::string& bytes) {
    auto [at, fresh] = model.try_emplace(key, bytes);
    EXPECT_EQ(rows.put(key, bytes), fresh || at->second != bytes);
    at->second = bytes;
  }

  void mark(row_key key) {
    auto bytes = rows.bytes_of(key);
    ASSERT_EQ(bytes.empty(), !model.contains(key) || model.at(key).empty());
    if (!bytes.empty())
      bytes.back() = model.at(key).back() = '!';
  }

  void erase_all(std::uint8_t kind) {
    auto gone = std::erase_if(model, [kind](auto& each) { return each.first.kind == kind; });
    EXPECT_EQ(rows.erase_all(kind), gone > 0);
  }

  void assign() {
    std::vector<entity_row> all;
    for (auto& [key, bytes] : model)
      all.push_back({key, bytes});
    rows.assign(all);
  }

  void compare() {
    auto expected = model.begin();
    for (auto row = rows.all(); !row.done(); row.next(), ++expected) {
      ASSERT_NE(expected, model.end());
      ASSERT_EQ(row->key, expected->first);
      ASSERT_EQ(row->packed, expected->second);
    }
    ASSERT_EQ(expected, model.end());
    auto key = some_key();
    auto found = rows.find(key);
    ASSERT_EQ(found.has_value(), model.contains(key));
    if (found) {
      ASSERT_EQ(*found, model.at(key));
    }
    auto first = model.lower_bound({key.kind, 0});
    auto of = rows.of(key.kind);
    auto any = first != model.end() && first->first.kind == key.kind;
    ASSERT_EQ(of.done(), !any);
    ASSERT_EQ(any && of->key == first->first, any);
    ASSERT_EQ(of.seek(key.id), model.contains(key));
  }

  std::mt19937_64 dice;
  entity_rows rows;
  std::map<row_key, std::string> model;
};

TEST(entity_rows, hold_what_was_put_and_nothing_else) {
  auto text = std::getenv("SHARDYARD_SEED");
  auto seed = text ? std::strtoull(text, nullptr, 10) : 1;
  SCOPED_TRACE("SHARDYARD_SEED=" + std::to_string(seed));
  rows_beside_map both{seed};
  for (auto i = 0; i < 100'000; ++i) {
    both.change();
    if (i % 8 == 0) {
      ASSERT_NO_FATAL_FAILURE(both.compare()) << "change " << i;
    }
  }
}

TEST(entity_rows, take_little_more_than_their_bytes) {
  entity_rows rows;
  std::size_t bytes = 0;
  for (snowflake id = 1; id <= 1000; ++id, bytes += 9 + 100)
    rows.put({0, id * 1000}, std::string(100, 'x'));
  EXPECT_LT(rows.bytes(), bytes * 3 / 2);
  for (snowflake id = 1; id <= 1000; ++id)
    if (id % 50 != 0)
      rows.erase({0, id * 1000});
  EXPECT_LT(rows.bytes(), bytes / 5);
}

} // namespace
} // namespace shardyard::testing
