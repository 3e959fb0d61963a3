// Synchronisation with a server that lies, breaks or is somebody else: every case ends in an error that says what it
// is, nothing of ours changes, and the next honest answer is taken as if nothing had been.
#include <gmock/gmock.h>

#include "tests/support/client_world.hpp"

namespace cwtch::client {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class HostileServer : public test::ClientWorld {
 protected:
  HostileServer() {
    noise(3);
    server_.add(message(group_, "first"));
    noise(12);
    server_.seal();
    noise(4);
    server_.add(message(group_, "second"));
    noise(11);
    server_.seal();
    noise(5);
    server_.add(message(group_, "third"));
    noise(2);
  }
  // What sync() says when the answer to the first target that begins with `target` is changed by `change`.
  Error lie(const std::string& target, const std::function<void(std::string& content)>& change,
            Scheme scheme = Scheme::full) {
    Member member = make_member("member" + std::to_string(members_++));
    join(member, group_);
    return lie(member, target, change, scheme);
  }
  Error lie(Member& member, const std::string& target, const std::function<void(std::string& content)>& change,
            Scheme scheme = Scheme::full) {
    server_.tamper = [&](const std::string& asked, std::string& answer) {
      if (!asked.starts_with(target) || (target == "/v1/segments" && asked != target)) return;
      std::string content = answer.substr(answer.find("\r\n\r\n") + 4);
      change(content);
      answer = content.starts_with("HTTP/") ? content : test::FakeServer::ok(content);
    };
    const auto told = sync(member, scheme);
    server_.tamper = nullptr;
    EXPECT_FALSE(told) << "believed";
    if (told) return Error{Errc::io, 0, "believed"};
    reopen(member);
    const auto honest = sync(member, scheme);
    EXPECT_TRUE(honest) << honest.error().message();
    EXPECT_THAT(texts(member, group_), ElementsAre("first", "second", "third"));
    return told.error();
  }
  Error lie_json(const std::string& target, const std::function<void(json&)>& change) {
    return lie(target, [&](std::string& content) {
      json document = json::parse(content);
      change(document);
      content = document.dump();
    });
  }

 private:
  int members_ = 0;
};

TEST_F(HostileServer, NoFlippedByteOfTheLogIsBelieved) {
  const size_t size = server_.frames(0, 40).size();
  for (size_t i = 0; i < size; i += 151) {
    SCOPED_TRACE(i);
    const Error error = lie("/v1/log", [&](std::string& log) { log[i] ^= 0x10; });
    EXPECT_EQ(error.code, Errc::corrupt) << error.message();
  }
}

TEST_F(HostileServer, NoFlippedByteOfASegmentIsBelieved) {
  const size_t size = server_.segment_file(0, 16).size();
  for (size_t i = 0; i < size; i += 197) {
    SCOPED_TRACE(i);
    const Error error = lie(
        "/v1/segments/0-15", [&](std::string& file) { file[i] ^= 1; }, Scheme::segments);
    EXPECT_EQ(error.code, Errc::corrupt) << error.message();
  }
}

TEST_F(HostileServer, NoCutLogIsTakenForWhole) {
  const size_t size = server_.frames(0, 40).size();
  for (size_t cut = 0; cut < size; cut += 131) {
    SCOPED_TRACE(cut);
    const Error error = lie("/v1/log", [&](std::string& log) { log.resize(cut); });
    EXPECT_EQ(error.code, Errc::corrupt) << error.message();
  }
  // Also between frames: it said that there are 40 records.
  EXPECT_THAT(lie("/v1/log", [&](std::string& log) { log = server_.frames(0, 24); }).message(),
              HasSubstr("ends before"));
}

TEST_F(HostileServer, RecordsLeftOutRepeatedOrMovedBreakTheChain) {
  const std::string whole = server_.frames(0, 40);
  const std::string head = server_.frames(0, 5);
  const std::string sixth = server_.frames(0, 6).substr(head.size());
  const std::string rest = whole.substr(head.size() + sixth.size());
  for (const std::string& log : {head + rest, head + sixth + sixth + rest, sixth + head + rest, rest,
                                 server_.frames(8, 40), whole + "x", whole + std::string(16, '\0')}) {
    EXPECT_EQ(lie("/v1/log", [&](std::string& content) { content = log; }).code, Errc::corrupt);
  }
}

TEST_F(HostileServer, ImpossibleFramesAreRefusedBeforeTheyAreAwaited) {
  for (const uint32_t size_kind : {0u, 1u << 24, (1u << 24) | 6081u, (1u << 24) | 119u, (3u << 24) | 15u, 4u << 24,
                                   (4u << 24) | 32u, 0xFFFFFFFFu}) {
    std::string header(16, '\0');
    std::memcpy(header.data(), &size_kind, 4);
    const Error error = lie("/v1/log", [&](std::string& log) { log = header + std::string(100'000, 'x'); });
    EXPECT_EQ(error.code, Errc::corrupt) << size_kind;
  }
}

// What was served once cannot be served otherwise later, before or behind the boundary.
TEST_F(HostileServer, ChangedHistoryIsNoticed) {
  for (const size_t changed : {size_t{2}, size_t{20}, size_t{33}, size_t{39}}) {
    SCOPED_TRACE(changed);
    Member member = make_member("history" + std::to_string(changed));
    join(member, group_);
    ASSERT_TRUE(sync(member));
    const std::vector<Bytes> honest = server_.records;
    server_.records[changed] = message(group_, "never said");
    noise(3);
    const auto told = sync(member);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::corrupt);
    EXPECT_THAT(told.error().message(), testing::AnyOf(HasSubstr("changed records"), HasSubstr("does not continue")));
    // Not even when asked twice: the lie did not become what is known.
    EXPECT_FALSE(sync(member));
    server_.records = honest;
    ASSERT_TRUE(sync(member));
    EXPECT_THAT(texts(member, group_), ElementsAre("first", "second", "third"));
  }
}

TEST_F(HostileServer, AShorterLogIsNoticed) {
  Member member = make_member("shorter");
  join(member, group_);
  ASSERT_TRUE(sync(member));
  server_.records.resize(36);
  const auto told = sync(member);
  ASSERT_FALSE(told);
  EXPECT_THAT(told.error().message(), HasSubstr("shorter than it was"));
}

TEST_F(HostileServer, SegmentsThatAreNotWhatWasListed) {
  const std::string file = server_.segment_file(0, 16);
  const auto code = [&](const std::function<void(std::string&)>& change) {
    return lie("/v1/segments/0-15", change, Scheme::segments).code;
  };
  EXPECT_EQ(code([](std::string& f) { f += "x"; }), Errc::corrupt);
  EXPECT_EQ(code([](std::string& f) { f.pop_back(); }), Errc::corrupt);
  EXPECT_EQ(code([](std::string& f) { f.clear(); }), Errc::corrupt);
  EXPECT_EQ(code([&](std::string& f) { f = server_.segment_file(16, 32); }), Errc::corrupt);
  EXPECT_EQ(code([&](std::string& f) { f = server_.frames(0, 8) + std::string(file.size(), '\0'); }), Errc::corrupt);
  EXPECT_EQ(code([](std::string& f) { f = test::FakeServer::problem(500, "damaged"); }), Errc::io);
  // Never there, whatever the list says: it ends.
  Member member = make_member("never");
  join(member, group_);
  server_.tamper = [&](const std::string& asked, std::string& answer) {
    if (asked.starts_with("/v1/segments/")) answer = test::FakeServer::problem(404, "not-found");
  };
  EXPECT_EQ(sync(member, Scheme::segments).error().code, Errc::not_found);
}

TEST_F(HostileServer, DocumentsThatCannotBe) {
  const auto list = [&](const std::function<void(json&)>& change) { return lie_json("/v1/segments", change).code; };
  EXPECT_EQ(list([](json& j) { j.erase("tail_first"); }), Errc::malformed);
  EXPECT_EQ(list([](json& j) { j["segments"] = 7; }), Errc::malformed);
  EXPECT_EQ(list([](json& j) { j["segments"][1]["first"] = 17; }), Errc::malformed);
  EXPECT_EQ(list([](json& j) { j["segments"][0]["last"] = -1; }), Errc::malformed);
  EXPECT_EQ(list([](json& j) { j["segments"][0]["bytes"] = 10; }), Errc::malformed);
  EXPECT_EQ(list([](json& j) { j["segments"][0]["sha256"] = "00"; }), Errc::malformed);
  EXPECT_EQ(list([](json& j) { j["segments"][0]["chain_before"] = 1ull << 32; }), Errc::malformed);
  EXPECT_EQ(list([](json& j) { std::swap(j["segments"][0], j["segments"][1]); }), Errc::malformed);
  EXPECT_EQ(list([](json& j) { j["tail_first"] = 18446744073709551615ull; }), Errc::malformed);
  EXPECT_EQ(list([](json& j) { j = "x"; }), Errc::malformed);

  const auto server = [&](const std::function<void(json&)>& change) { return lie_json("/v1/server", change).code; };
  EXPECT_EQ(server([](json& j) { j["api"] = 2; }), Errc::unsupported);
  EXPECT_EQ(server([](json& j) { j["server"]["host"] = "x"; }), Errc::malformed);
  EXPECT_EQ(server([](json& j) { j["server"] = json::array(); }), Errc::malformed);
  EXPECT_EQ(server([](json& j) { j["log"]["committed_end"] = "40"; }), Errc::malformed);
  EXPECT_EQ(server([](json& j) { j["log"]["first_retained"] = 41; }), Errc::malformed);
  EXPECT_EQ(server([](json& j) { j["schemes"] = nullptr; }), Errc::malformed);
  EXPECT_EQ(server([this](json& j) { j["server"]["host"] = Identity::create(random_).hostname(); }), Errc::denied);
  // A promise of records that never come.
  EXPECT_EQ(server([](json& j) { j["log"]["committed_end"] = 41; }), Errc::corrupt);

  EXPECT_EQ(lie("/v1/server", [](std::string& c) { c = std::string(100'000, ' ') + c; }).code, Errc::too_large);
  EXPECT_EQ(lie("/v1/segments", [](std::string& c) { c = std::string(5'000'000, '['); }).code, Errc::too_large);
  EXPECT_EQ(lie("/v1/segments", [](std::string& c) { c = std::string(1'000'000, '['); }).code, Errc::malformed);
  EXPECT_EQ(lie("/v1/server", [](std::string& c) { c = "<html>"; }).code, Errc::unsupported);
}

TEST_F(HostileServer, AnswersThatAreNone) {
  for (const std::string target : {"/v1/server", "/v1/segments", "/v1/log"}) {
    const auto code = [&](const std::string& answer) {
      return lie(target, [&](std::string& content) { content = answer; }).code;
    };
    EXPECT_EQ(code("HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n"), Errc::io);
    EXPECT_EQ(code("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"), Errc::unsupported);
    EXPECT_EQ(code("HTTP/1.1 206 Partial\r\nContent-Length: 2\r\n\r\nno"), Errc::io);
    EXPECT_EQ(code("HTTP/1.1 200 OK\r\n\r\nwithout a length"), Errc::malformed);
    EXPECT_EQ(code("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x')), Errc::too_large);
    EXPECT_EQ(code(test::FakeServer::problem(503, "busy")), Errc::busy);
    EXPECT_EQ(code(test::FakeServer::problem(410, "gone")), Errc::gone);
    EXPECT_EQ(code(test::FakeServer::problem(403, "position-not-served")), Errc::denied);
  }
}

// A followed log that only beats fills no memory and says nothing; one that ends is an error, since it has no end.
TEST_F(HostileServer, FollowedLogs) {
  Member member = make_member("follower");
  join(member, group_);
  std::string beats;
  Bytes beat(4096);
  for (int i = 0; i < 2000; ++i) beats += text_of(ByteView(beat).first(log::write_filler(beat, {40}, 4096)));
  server_.send_live(test::FakeServer::chunk(beats) + "0\r\n\r\n");
  test::ScriptedDialer dialer = server_.dialer();
  size_t heard = 0;
  const Status watched = client_of(member, dialer).watch([&](const MessageStored&) { ++heard; });
  EXPECT_EQ(watched.error().code, Errc::closed);
  EXPECT_EQ(heard, 3u);
}

}  // namespace
}  // namespace cwtch::client
