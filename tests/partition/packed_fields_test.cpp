#include "actors/partition/json_scan.hpp"
#include "actors/partition/packed_fields.hpp"
#include "tests/partition/json_texts.hpp"
#include "tests/partition/packed_texts.hpp"

#include <gtest/gtest.h>

namespace shardyard {
namespace {

std::string text_of(const packed::fields& x) {
  std::string bytes;
  x.write(bytes);
  return packed::text_of(bytes);
}

TEST(packed_fields, change_an_object_as_its_text_would_be_changed) {
  auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  json_maker make{random};
  for (auto i = 0; i < 50'000; ++i) {
    auto newer = make.object(), older = make.object();
    auto newer_text = json_fields::read(newer), older_text = json_fields::read(older);
    std::string newer_bytes, older_bytes = packed_of(older);
    packed::left_out name[] = {{"name", {}}};
    ASSERT_TRUE(packed::encode(newer_bytes, newer, name));
    ASSERT_EQ(name[0].value, newer_text->get("name")) << newer;
    auto fields = packed::fields::read(newer_bytes), old = packed::fields::read(older_bytes);
    ASSERT_TRUE(fields && old) << newer << older;
    newer_text->erase("name");
    ASSERT_EQ(packed::text_of(newer_bytes), newer_text->text()) << newer;
    newer_text->complete(*older_text);
    fields->complete(*old);
    ASSERT_EQ(text_of(*fields), newer_text->text()) << newer << older;
    ASSERT_EQ(packed::text_of(fields->get("id")), newer_text->get("id"));
  }
}

TEST(packed_fields, tell_whether_something_was_added) {
  auto bytes = packed_of(R"({"id":"5","roles":[]})"), same = packed_of(R"({"roles":[],"id":"6"})"),
       more = packed_of(R"({"id":"7","nick":null})");
  auto fields = packed::fields::read(bytes);
  EXPECT_FALSE(fields->complete(*packed::fields::read(same)));
  EXPECT_TRUE(fields->complete(*packed::fields::read(more)));
  EXPECT_EQ(text_of(*fields), R"({"id":"5","roles":[],"nick":null})");
}

TEST(packed_fields, that_are_left_out_leave_those_of_objects_within_and_may_be_all) {
  packed::left_out without[] = {{"member", {}}, {"guild_id", {}}};
  std::string some, none, damaged;
  EXPECT_TRUE(packed::encode(some, R"({"guild_id":"1","a":{"guild_id":"2"},"member": {"x":[1]} })", without));
  EXPECT_EQ(packed::text_of(some), R"({"a":{"guild_id":"2"}})");
  EXPECT_EQ(without[0].value, R"({"x":[1]})");
  EXPECT_TRUE(packed::encode(none, R"({"guild_id":"1"})", without));
  EXPECT_EQ(packed::text_of(none), "{}");
  EXPECT_FALSE(packed::encode(damaged, R"({"a":1,"member":{"x":[1})", without));
  EXPECT_EQ(damaged, "");
}

TEST(packed_fields, know_objects_with_the_same_keys_from_others) {
  auto bytes = packed_of(R"({"id":"5","nick":"a"})");
  EXPECT_TRUE(packed::same_keys(bytes, packed_of(R"({"id":"6","nick":null})")));
  EXPECT_FALSE(packed::same_keys(bytes, packed_of(R"({"nick":"a","id":"5"})")));
  EXPECT_FALSE(packed::same_keys(bytes, packed_of(R"({"id":"5"})")));
  EXPECT_FALSE(packed::same_keys(packed_of("[1,2,3]"), packed_of("[1,2,3]")));
}

TEST(packed_fields, refuse_damaged_bytes) {
  auto bytes = packed_of(R"({"id":"820674996354682887","roles":["1","2"],"nick":"harbour"})");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(packed::fields::read(std::string_view{bytes}.substr(0, size))) << size;
  EXPECT_FALSE(packed::fields::read(bytes + "x"));
  EXPECT_FALSE(packed::fields::read(packed_of("[{}]")));
}

} // namespace
} // namespace shardyard
