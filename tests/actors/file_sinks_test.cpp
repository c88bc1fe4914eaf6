// File sinks behind a partition group over a crash, with the threads that they have in a node.
#include "tests/actors/partition_scene.hpp"

#include "messages/system_config.hpp"

#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

namespace shardyard::testing {
namespace {

/// An endpoint that accepts everything, or nothing.
struct endpoint_record {
  std::mutex lock;
  std::vector<std::uint64_t> numbers;

  std::vector<std::uint64_t> all() {
    std::lock_guard guard{lock};
    return numbers;
  }
};

sink_actor spawn_endpoint(caf::actor_system& system, std::shared_ptr<endpoint_record> record, bool mute) {
  using promises = std::vector<caf::typed_response_promise<delivery_accepted>>;
  return system.spawn([=](sink_actor::pointer self) -> sink_actor::behavior_type {
    return {[=, kept = std::make_shared<promises>()](const sink_batch& x) -> caf::result<delivery_accepted> {
      std::lock_guard guard{record->lock};
      for (auto& block : x.blocks)
        for (auto& e : block.entries)
          record->numbers.push_back(e.n);
      if (!mute)
        return delivery_accepted{x.number, 0};
      kept->push_back(self->make_response_promise<delivery_accepted>());
      return kept->back();
    }};
  });
}

struct file_sinks : ::testing::Test {
  struct registered {
    registered() { register_once(); }
  } first;
  scratch_folder folder;
  system_config config{2};
  caf::actor_system system{config};
  group_listener listener;
  partition_group_actor group;
  sink_actor endpoint;
  std::optional<cache_policy> cache;
  std::uint64_t stream = 0, ordinal = 0;

  std::filesystem::path path(const std::string& name) const { return folder.path() / name; }
  std::string text(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream{path(name)}.rdbuf();
    return out.str();
  }
  std::size_t lines(const std::string& name) const {
    auto all = text(name);
    return static_cast<std::size_t>(std::ranges::count(all, '\n'));
  }
  void await_lines(std::size_t count) {
    auto end = std::chrono::steady_clock::now() + 20s;
    while ((lines("a") < count || lines("b") < count) && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    ASSERT_EQ(lines("a"), count);
    ASSERT_EQ(lines("b"), count);
  }

  void spawn() {
    listener = system.spawn(
        [](group_listener::pointer) -> group_listener::behavior_type { return {[](const group_news&) {}}; });
    partition_group_setup setup;
    setup.node = "a";
    setup.place = {1, 1, "a", {0, 1}};
    setup.partition_count = 2;
    setup.state_dir = folder.path().string();
    setup.sinks = {{sink_type::jsonl, path("a").string()}, {sink_type::jsonl, path("b").string()}};
    setup.cache = cache;
    setup.guilds_intent = false;
    setup.listener = listener;
    group = spawn_partition_group(system, std::move(setup));
  }
  void kill() {
    caf::anon_send_exit(group, caf::exit_reason::kill);
    caf::anon_send_exit(listener, caf::exit_reason::kill);
    if (endpoint)
      caf::anon_send_exit(endpoint, caf::exit_reason::kill);
    group = nullptr;
    listener = nullptr;
    endpoint = nullptr;
    system.await_all_actors_done();
  }
  std::shared_ptr<endpoint_record> feed(bool mute) {
    auto record = std::make_shared<endpoint_record>();
    endpoint = spawn_endpoint(system, record, mute);
    caf::scoped_actor self{system};
    self->request(group, 20s, feed_request{"e", 1}, caf::actor_cast<caf::strong_actor_ptr>(endpoint))
        .receive([](const feed_opened&) {}, [](caf::error& error) { FAIL() << caf::to_string(error); });
    return record;
  }
  void begin_stream(mark_kind kind) {
    source_mark mark;
    mark.from = {{1, 0, 4}, "s1"};
    mark.kind = kind;
    mark.s = 1;
    mark.cluster_epoch = 1;
    mark.connected = true;
    mark.guilds = {some_guild};
    ++stream;
    ordinal = 0;
    compat::anon_send(group, stream_mark{++ordinal, stream, 1, 0, mark});
  }
  void events(std::uint64_t first, std::uint64_t last) {
    for (auto s = first; s <= last; ++s)
      compat::anon_send(group, stream_block{++ordinal, stream, 1, make_block({{some_guild, s}})});
  }
  /// As a crash leaves it: so many whole lines and a torn one.
  void cut(const std::string& name, std::size_t whole) {
    auto all = text(name);
    std::size_t end = 0;
    for (std::size_t i = 0; i < whole; ++i)
      end = all.find('\n', end) + 1;
    std::ofstream{path(name)} << all.substr(0, end + 9);
  }
};

TEST_F(file_sinks, each_has_every_event_once_after_a_crash_in_which_one_was_behind) {
  for (auto behind : {"a", "b"}) {
    for (auto name : {"a", "b", "positions-1-1.log"})
      std::filesystem::remove(path(name));
    spawn();
    begin_stream(mark_kind::started);
    events(2, 6);
    ASSERT_NO_FATAL_FAILURE(await_lines(5));
    std::filesystem::copy_file(path("positions-1-1.log"), path("early.log"),
                               std::filesystem::copy_options::overwrite_existing);
    events(7, 15);
    ASSERT_NO_FATAL_FAILURE(await_lines(14));
    auto complete = text("a");
    kill();
    std::filesystem::rename(path("early.log"), path("positions-1-1.log"));
    cut(behind, 8);
    spawn();
    begin_stream(mark_kind::resynced);
    events(2, 16);
    ASSERT_NO_FATAL_FAILURE(await_lines(15));
    EXPECT_EQ(text("a"), text("b")) << "behind: " << behind;
    EXPECT_TRUE(text("a").starts_with(complete));
    kill();
  }
}

// Positions wait for the endpoint; the files go ahead of it, and after a crash they decide what was
// delivered.
TEST_F(file_sinks, an_endpoint_is_given_what_the_files_had_and_it_may_not) {
  cache = cache_policy{};
  spawn();
  auto mute = feed(true);
  begin_stream(mark_kind::started);
  events(2, 6);
  ASSERT_NO_FATAL_FAILURE(await_lines(5));
  kill();
  spawn();
  begin_stream(mark_kind::resynced);
  events(2, 7);
  ASSERT_NO_FATAL_FAILURE(await_lines(6));
  auto late = feed(false);
  auto end = std::chrono::steady_clock::now() + 20s;
  while (late->all().size() < 6 && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  EXPECT_EQ(late->all(), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
  kill();
}

} // namespace
} // namespace shardyard::testing
