// Claims about reading the truth: in any chunks, whole or not at all.
#include "tests/apps/audit_world.hpp"

using namespace shardyard;
using namespace shardyard::audit_test;

TEST(truth, it_comes_in_chunks_of_any_size) {
  auto rows = reshard{}.w.rows();
  for (std::size_t size : {1u, 7u, 64u, 100000u}) {
    truth_source source;
    for (std::size_t at = 0; at < rows.size(); at += size)
      source.feed(std::string_view{rows}.substr(at, size));
    EXPECT_EQ(source.finish().newest(), 9u);
    EXPECT_EQ(source.error(), "");
  }
}

TEST(truth, a_body_that_was_cut_is_refused) {
  truth_source cut_short;
  auto rows = reshard{}.w.rows();
  cut_short.feed(rows.substr(0, rows.size() - 3));
  cut_short.finish();
  EXPECT_NE(cut_short.error().find("not received whole"), std::string::npos);
  truth_source empty;
  empty.finish();
  EXPECT_NE(empty.error().find("empty"), std::string::npos);
}

TEST(truth, nonsense_is_named_with_its_row) {
  const std::string good = R"(["o",1,"1","MESSAGE_CREATE",""])"
                           "\n"
                           R"(["S",0,"a",[0,1],0])"
                           "\n";
  for (auto bad : {"{}", "[", "[\"z\",1]", "[\"o\",3,\"1\",\"X\",\"\"]", "[\"o\",2,\"x\",\"X\",\"\"]",
                   "[\"c\",5,1,1]", "[\"c\",0,1,2]", "[\"c\",0,4000000000,1]", "[\"c\",0,-1,1]",
                   "[\"S\",0,\"b\",[0,1],0]", "[\"S\",1,\"b\",0,0]", "[\"g\",0,\"1\"]"}) {
    truth_source source;
    source.feed(good + bad + "\n");
    EXPECT_NE(source.error().find("row 3 of the truth"), std::string::npos) << bad << ": " << source.error();
  }
}
