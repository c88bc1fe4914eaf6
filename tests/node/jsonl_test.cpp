// Claims about the lines of the `jsonl` sink: what is written, what is read back after a crash, what a writer
// does in trouble.
#include "actors/node/jsonl_file.hpp"
#include "actors/node/jsonl_header.hpp"
#include "actors/node/jsonl_line.hpp"
#include "actors/node/jsonl_stream.hpp"
#include "actors/node/jsonl_tail.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <poll.h>
#include <rapidcheck/gtest.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace shardyard;
namespace fs = std::filesystem;

namespace {

class folder {
public:
  folder() {
    auto pattern = (fs::temp_directory_path() / "shardyard-jsonl-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~folder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

private:
  fs::path path_;
};

event_block block_of(std::string t, std::string d, event_entry entry, std::string session = "abc") {
  event_block result;
  result.from = {{1, 0, 4}, std::move(session)};
  entry.t_offset = 0;
  entry.t_size = static_cast<std::uint16_t>(t.size());
  entry.d_offset = entry.t_size;
  entry.d_size = static_cast<std::uint32_t>(d.size());
  result.bytes = std::make_shared<const std::string>(t + d);
  result.entries.push_back(entry);
  return result;
}

std::string line_of(snowflake guild, std::uint64_t n, const std::string& d = "{}") {
  std::string out;
  append_lines(out, block_of("MESSAGE_CREATE", d, {.guild = guild, .s = n + 1, .n = n, .epoch = 1}));
  return out;
}

std::string text_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream{path}.rdbuf();
  return out.str();
}

void put(const std::string& path, const std::string& text) {
  std::ofstream{path, std::ios::binary} << text;
}

std::vector<std::uint64_t> numbers(const std::string& path, std::uint64_t offset,
                                   jsonl_tail* tail = nullptr) {
  std::vector<std::uint64_t> result;
  auto found =
      read_jsonl_tail(path, offset, [&](const jsonl_header& x, std::uint64_t) { result.push_back(x.n); });
  EXPECT_EQ(found.error, "");
  if (tail != nullptr)
    *tail = found;
  return result;
}

int listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  auto fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd, 4), 0);
  return fd;
}

std::string read_some(int fd) {
  std::string text(1u << 20, '\0');
  auto got = ::recv(fd, text.data(), text.size(), MSG_DONTWAIT);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

} // namespace

TEST(jsonl_line, an_event_is_one_line_with_its_payload_untouched) {
  std::string out;
  auto flags = static_cast<std::uint16_t>(late_flag | unavailable_flag);
  append_lines(out, block_of("MESSAGE_CREATE", R"({"id":"9","content":"a \" b"})",
                             {.guild = 123, .s = 5, .n = 17, .epoch = 1, .flags = flags}));
  EXPECT_EQ(out,
            R"({"t":"MESSAGE_CREATE","guild_id":"123","topology":1,"shard":[0,4],"session_id":"abc","s":5,)"
            R"("epoch":1,"n":17,"flags":["late"],"d":{"id":"9","content":"a \" b"}})"
            "\n");
}

TEST(jsonl_line, several_flags_are_listed_and_a_missing_payload_is_null) {
  std::string out;
  auto flags = static_cast<std::uint16_t>(late_flag | snapshot_flag);
  append_lines(out, block_of("X", "", {.flags = flags}));
  EXPECT_NE(out.find(R"("flags":["late","snapshot"],"d":null})"), out.npos);
}

TEST(jsonl_line, a_pretty_printed_payload_stays_on_one_line) {
  auto line = line_of(1, 1, "{\r\n \"a\": 1\n}");
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_NE(line.find("{   \"a\": 1 }"), line.npos);
}

RC_GTEST_PROP(jsonl_line, what_is_written_is_read_back,
              (std::string t, std::string session, std::uint64_t guild)) {
  auto entry =
      event_entry{.guild = guild,
                  .s = *rc::gen::arbitrary<std::uint64_t>(),
                  .n = *rc::gen::arbitrary<std::uint64_t>(),
                  .epoch = *rc::gen::arbitrary<std::uint64_t>(),
                  .flags = *rc::gen::element<std::uint16_t>(0, late_flag, cut_flag, gap_flag, snapshot_flag)};
  t.resize(std::min<std::size_t>(t.size(), 60));
  std::string out;
  append_lines(out, block_of(t, R"({"x":[1,{"channel_id":"5"}]})", entry, session));
  RC_ASSERT(std::count(out.begin(), out.end(), '\n') == 1);
  out.pop_back();
  jsonl_header header;
  RC_ASSERT(parse_header(out, header));
  RC_ASSERT(unescaped(header.t) == t);
  RC_ASSERT(unescaped(header.session_id) == session);
  RC_ASSERT(header.guild == guild && header.s == entry.s && header.n == entry.n &&
            header.epoch == entry.epoch);
  RC_ASSERT(header.flags == entry.flags && header.shard == (shard_key{1, 0, 4}) && header.channel == 0u);
}

TEST(jsonl_header, the_channel_of_an_event_without_guild_is_found_at_the_top_level_only) {
  jsonl_header header;
  auto read = [&](snowflake guild, const std::string& d) {
    auto line = line_of(guild, 1, d);
    line.pop_back();
    EXPECT_TRUE(parse_header(line, header));
    return header.channel;
  };
  EXPECT_EQ(read(0, R"({"author":{"channel_id":"7"},"content":"\"channel_id\":\"8\"","channel_id":"42"})"),
            42u);
  EXPECT_EQ(read(0, R"({"a":"channel_id","b":{"channel_id":"7"}})"), 0u);
  EXPECT_EQ(read(6, R"({"channel_id":"42"})"), 0u);
}

TEST(jsonl_header, other_text_is_refused) {
  jsonl_header header;
  auto whole = line_of(1, 1);
  whole.pop_back();
  auto without_payload =
      whole.find("{}}"); // behind it only a parse of `d` could tell; the missing line break does
  for (std::size_t size = 0; size <= without_payload; ++size)
    EXPECT_FALSE(parse_header(whole.substr(0, size), header)) << size;
  EXPECT_FALSE(parse_header(R"({"guild_id":"1","t":"X"})", header));
  EXPECT_FALSE(parse_header(std::string(100, '\0'), header));
}

TEST(jsonl_tail, a_tail_begins_at_the_line_of_the_offset) {
  folder dir;
  auto path = dir / "events";
  put(path, line_of(1, 1) + line_of(1, 2) + line_of(1, 3));
  auto size = line_of(1, 1).size();
  EXPECT_EQ(numbers(path, 0), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(numbers(path, size), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(numbers(path, size + 5), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(numbers(path, 3 * size), (std::vector<std::uint64_t>{}));
}

TEST(jsonl_tail, a_torn_last_line_is_cut_off_wherever_it_was_torn) {
  folder dir;
  auto path = dir / "events";
  auto whole = line_of(1, 1);
  auto last = line_of(1, 2);
  for (std::size_t torn = 0; torn < last.size(); ++torn) {
    put(path, whole + last.substr(0, torn));
    jsonl_tail tail;
    EXPECT_EQ(numbers(path, 0, &tail), std::vector<std::uint64_t>{1});
    EXPECT_EQ(tail.torn_bytes, torn);
    EXPECT_EQ(text_of(path), whole);
  }
}

TEST(jsonl_tail, lines_longer_than_a_read_are_whole) {
  folder dir;
  auto path = dir / "events";
  put(path, line_of(1, 1, '"' + std::string(3u << 20, 'x') + '"') + line_of(1, 2));
  EXPECT_EQ(numbers(path, 1u << 20), (std::vector<std::uint64_t>{1, 2}));
}

TEST(jsonl_tail, an_emptied_file_is_read_from_its_start_and_a_missing_one_is_empty) {
  folder dir;
  auto path = dir / "events";
  put(path, line_of(1, 9) + "garbage\n");
  jsonl_tail tail;
  EXPECT_EQ(numbers(path, 1u << 30, &tail), std::vector<std::uint64_t>{9});
  EXPECT_TRUE(tail.rewound);
  EXPECT_EQ(tail.refused, 1u);
  EXPECT_TRUE(numbers(dir / "missing", 5).empty());
  EXPECT_NE(read_jsonl_tail("/dev/null", 0, {}).error, "");
}

TEST(jsonl_file, lines_are_appended_and_the_offset_is_the_size) {
  folder dir;
  auto path = dir / "new/events";
  {
    jsonl_file file{path};
    EXPECT_EQ(file.try_write("one\n"), 4u);
    EXPECT_TRUE(file.sync());
  }
  jsonl_file file{path};
  EXPECT_EQ(file.offset(), 4u);
  EXPECT_EQ(file.try_write("two\n"), 4u);
  EXPECT_EQ(file.offset(), 8u);
  EXPECT_EQ(text_of(path), "one\ntwo\n");
}

TEST(jsonl_file, two_writers_never_share_a_file) {
  folder dir;
  auto first = std::make_unique<jsonl_file>(dir / "events");
  jsonl_file second{dir / "events"};
  EXPECT_EQ(second.try_write("x\n"), 0u);
  EXPECT_NE(second.error().find("another process"), std::string_view::npos);
  first.reset();
  EXPECT_EQ(second.try_write("x\n"), 2u);
  EXPECT_EQ(second.error(), "");
}

TEST(jsonl_file, a_full_disk_is_told_and_takes_nothing) {
  jsonl_file file{"/dev/full"};
  EXPECT_EQ(file.try_write("x\n"), 0u);
  EXPECT_NE(file.error().find("/dev/full"), std::string_view::npos);
  EXPECT_NE(file.error().find("No space"), std::string_view::npos);
}

TEST(jsonl_file, after_rotation_reopen_writes_to_the_new_file) {
  folder dir;
  jsonl_file file{dir / "events"};
  file.try_write("one\n");
  fs::rename(dir / "events", dir / "events.1");
  EXPECT_TRUE(file.reopen());
  file.try_write("two\n");
  EXPECT_EQ(text_of(dir / "events"), "two\n");
  EXPECT_EQ(text_of(dir / "events.1"), "one\n");
}

TEST(jsonl_pipe, a_reader_that_stalls_is_not_waited_for_and_nothing_is_dropped) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  jsonl_pipe pipe{ends[1], "pipe"};
  std::string all;
  for (auto i = 0; i < 40000; ++i)
    all += std::to_string(i) + '\n';
  std::size_t sent = pipe.try_write(all);
  EXPECT_LT(sent, all.size());
  EXPECT_EQ(pipe.error(), "");
  std::string seen;
  std::string buffer(8192, '\0');
  while (seen.size() < all.size()) {
    auto got = ::read(ends[0], buffer.data(), buffer.size());
    ASSERT_GT(got, 0);
    seen.append(buffer, 0, static_cast<std::size_t>(got));
    sent += pipe.try_write(std::string_view{all}.substr(sent));
  }
  EXPECT_EQ(seen, all);
  ::close(ends[0]);
  EXPECT_EQ(pipe.try_write("x\n"), 0u);
  EXPECT_NE(pipe.error().find("Broken pipe"), std::string_view::npos);
  ::close(ends[1]);
}

// What may stall has a thread of its own; all else is written by the thread that read the event.
TEST(jsonl_sinks, only_what_goes_to_a_disk_may_stall) {
  folder dir;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  auto file = ::open((dir / "redirected").c_str(), O_CREAT | O_WRONLY, 0600);
  EXPECT_TRUE(jsonl_file{dir / "events"}.may_stall());
  EXPECT_TRUE((jsonl_pipe{file, "stdout"}.may_stall()));
  EXPECT_FALSE((jsonl_pipe{ends[1], "stdout"}.may_stall()));
  EXPECT_FALSE(jsonl_socket{dir / "nobody"}.may_stall());
  ::close(file);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(jsonl_socket, a_line_cut_by_a_lost_reader_starts_over_at_the_next_one) {
  folder dir;
  auto path = dir / "socket";
  auto listener = listen_at(path);
  jsonl_socket socket{path};
  EXPECT_EQ(socket.error(), "");
  auto first = ::accept(listener, nullptr, nullptr);
  EXPECT_EQ(socket.try_write("one\ntw"), 6u);
  EXPECT_EQ(read_some(first), "one\ntw");
  ::close(first);
  std::string_view rest = "o\nthree\n";
  EXPECT_EQ(socket.try_write(rest), 0u);
  EXPECT_NE(socket.error(), "");
  EXPECT_EQ(socket.try_write(rest), rest.size());
  auto second = ::accept(listener, nullptr, nullptr);
  EXPECT_EQ(read_some(second), "two\nthree\n");
  EXPECT_EQ(socket.error(), "");
  ::close(second);
  ::close(listener);
}

TEST(jsonl_socket, a_missing_listener_is_told_and_tried_again) {
  folder dir;
  auto path = dir / "socket";
  auto writer = open_line_writer("unix:" + path);
  EXPECT_EQ(writer->try_write("x\n"), 0u);
  EXPECT_NE(writer->error().find("cannot connect"), std::string_view::npos);
  auto listener = listen_at(path);
  EXPECT_EQ(writer->try_write("x\n"), 2u);
  EXPECT_EQ(open_line_writer("unix:")->try_write("x"), 0u);
  ::close(listener);
}
