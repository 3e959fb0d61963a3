#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/http/request.hpp"
#include "tests/support/http_transcript.hpp"
#include "tests/unit/http_refused_requests.hpp"

namespace cwtch {
namespace {

using http::Head;
using http::RequestParser;
using test::transcript;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kGood = "GET /v1/server HTTP/1.1\r\nHost: a\r\n\r\n";

// The status of the first refusal, or 0.
int refused_status(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    for (const std::string_view prefix : {"refused ", "problem "}) {
      if (line.starts_with(prefix)) return std::stoi(line.substr(prefix.size()));
    }
  }
  return 0;
}

size_t count(const std::vector<std::string>& lines, std::string_view prefix) {
  return static_cast<size_t>(
      std::count_if(lines.begin(), lines.end(), [&](auto& line) { return line.starts_with(prefix); }));
}

// Each of these is refused with the documented status, and the next request on the connection is answered exactly when
// the refusal leaves it usable.
TEST(HttpRefusals, EveryListedInputIsRefusedAsDocumented) {
  for (const test::RefusedRequest& bad : test::refused_requests()) {
    SCOPED_TRACE(bad.name);
    const auto lines = transcript(bytes_of(bad.bytes + kGood));
    EXPECT_EQ(refused_status(lines), bad.status) << testing::PrintToString(lines);
    // A good request behind the bad one is seen (and is the last thing seen) only if the connection is still usable.
    const bool reused = lines.back() == "idle" && lines[lines.size() - 2] == "complete ";
    EXPECT_EQ(!reused, bad.closes) << testing::PrintToString(lines);
    EXPECT_EQ(count(lines, "route 0"), bad.closes ? 0u : 1u) << testing::PrintToString(lines);
  }
}

// The neighbours of what is refused: as strict as it is, the parser takes what clients really send.
TEST(HttpRequest, OrdinaryRequestsAreUnderstood) {
  EXPECT_THAT(transcript(bytes_of(kGood)),
              ElementsAre("head GET /v1/server? 1.1 host=a keep", "route 0", "complete ", "idle"));
  EXPECT_THAT(
      transcript(bytes_of("GET /v1/log?from=12&to=20 HTTP/1.1\r\nhost: localhost:8080\r\nUser-Agent: curl/7.88.1\r\n"
                          "Accept: */*\r\nX-Name: J\xC3\xBCrgen\tdoe\r\nCookie: a=b; c=\"d\"\r\n\r\n")),
      ElementsAre("head GET /v1/log?from=12&to=20 1.1 host=localhost:8080 keep", "route 1", "complete ", "idle"));
  EXPECT_THAT(
      transcript(bytes_of("HEAD /v1/segments/0-99 HTTP/1.1\r\nHost: [::1]:80\r\nRange: bytes=0-1\r\nIf-Range: \"x\"\r\n"
                          "If-None-Match: \"y\"\r\nContent-Length: 0\r\n\r\n")),
      ElementsAre("head HEAD /v1/segments/0-99? 1.1 host=[::1]:80 length=0 range=bytes=0-1 if-range=\"x\" "
                  "if-none-match=\"y\" keep",
                  "route 3", "segment 200 0+1000", "complete ", "idle"));
  EXPECT_THAT(
      transcript(bytes_of("POST /v1/records HTTP/1.1\r\nHOST:   a  \r\nContent-Length:  3\t\r\nAuthorization: T 1\r\n"
                          "Content-Type: Application/Octet-Stream\r\nExpect: 100-Continue\r\n\r\nabc")),
      ElementsAre("head POST /v1/records? 1.1 host=a length=3 authorization=T 1 "
                  "type=Application/Octet-Stream continue keep",
                  "route 4", "complete 616263", "idle"));
}

TEST(HttpRequest, ConnectionsAreKeptAsTheVersionSays) {
  const auto closes = [](std::string version, std::string fields) {
    const auto lines = transcript(bytes_of("GET /v1/server HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n"));
    return lines.back() == "close";
  };
  EXPECT_FALSE(closes("1.1", ""));
  EXPECT_TRUE(closes("1.1", "Connection: close\r\n"));
  EXPECT_TRUE(closes("1.1", "Connection: Keep-Alive, Close\r\n"));
  EXPECT_TRUE(closes("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_FALSE(closes("1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n"));  // an offer that nobody takes up
  EXPECT_TRUE(closes("1.0", ""));
  EXPECT_FALSE(closes("1.0", "Connection: keep-alive\r\n"));
  EXPECT_TRUE(closes("1.0", "Connection: keep-alive, close\r\n"));
}

TEST(HttpRequest, ExpectationsCountOnlyWhereContentFollows) {
  const auto head_of = [](std::string text) { return transcript(bytes_of(text)).front(); };
  EXPECT_THAT(head_of("POST /v1/records HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n"),
              testing::Not(HasSubstr("continue")));
  EXPECT_THAT(head_of("POST /v1/records HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"),
              testing::Not(HasSubstr("continue")));
}

// Head and limit: 8,192 bytes are taken, one more is not.
TEST(HttpRequest, TheLimitOfTheHeadIsExact) {
  const auto of_size = [](size_t size) {
    const std::string start = "GET /v1/server HTTP/1.1\r\nHost: a\r\nX: ";
    return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
  };
  const auto bytewise = [](size_t) { return size_t{1}; };
  for (const size_t size : {http::kHeadBytesMax - 1, http::kHeadBytesMax}) {
    ASSERT_EQ(of_size(size).size(), size);
    EXPECT_EQ(transcript(bytes_of(of_size(size))).back(), "idle");
    EXPECT_EQ(transcript(bytes_of(of_size(size)), bytewise).back(), "idle");
  }
  EXPECT_EQ(refused_status(transcript(bytes_of(of_size(http::kHeadBytesMax + 1)))), 431);
  EXPECT_EQ(refused_status(transcript(bytes_of(of_size(http::kHeadBytesMax + 1)), bytewise)), 431);
}

// Foreign protocols do not have to send a whole head before they are told.
TEST(HttpRequest, RefusalsComeAtTheFirstByteThatProvesThem) {
  const auto refused_at = [](std::string_view text) {
    RequestParser parser;
    Head head;
    for (size_t i = 0; i < text.size(); ++i) {
      if (parser.feed(bytes_of(text.substr(i, 1)), head).event == RequestParser::Event::refused) return i;
    }
    return text.size();
  };
  EXPECT_EQ(refused_at("\x16\x03\x01"), 0u);
  EXPECT_EQ(refused_at("GET /v1/server\r\n"), 15u);
  EXPECT_EQ(refused_at("PRI * HTTP/2.0\r\n"), 15u);
  EXPECT_EQ(refused_at("GET / HTTP/1.1\r\nHost: a\n"), 23u);
}

// The next request is not looked at before next(); what was not consumed is still the caller's.
TEST(HttpRequest, APipelineIsReadOneRequestAtATime) {
  const std::string two = kGood + kGood;
  RequestParser parser;
  Head head;
  const auto first = parser.feed(bytes_of(two), head);
  EXPECT_EQ(first.event, RequestParser::Event::head);
  EXPECT_EQ(first.consumed, kGood.size());
  const ByteView rest = bytes_of(two).subspan(first.consumed);
  const auto complete = parser.feed(rest, head);
  EXPECT_EQ(complete.event, RequestParser::Event::complete);
  EXPECT_EQ(complete.consumed, 0u);
  EXPECT_TRUE(parser.complete());
  EXPECT_DEATH(parser.feed(rest, head), "State::complete");
  parser.next();
  EXPECT_EQ(parser.feed(rest, head).consumed, kGood.size());
}

TEST(HttpRequest, IdleMeansNoByteHasCome) {
  RequestParser parser;
  Head head;
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.feed({}, head).event, RequestParser::Event::need_more);
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.feed(bytes_of("G"), head).event, RequestParser::Event::need_more);
  EXPECT_FALSE(parser.idle());
}

// A caller that forgets to decide what becomes of the content has a bug, and is told.
TEST(HttpRequest, ContentWantsADecision) {
  RequestParser parser;
  Head head;
  const std::string post = "POST /v1/records HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  EXPECT_EQ(parser.feed(bytes_of(post), head).event, RequestParser::Event::head);
  EXPECT_DEATH(parser.feed(bytes_of("abc"), head), "body_rest_ == 0");
}

TEST(HttpRequest, AnIdleConnectionCostsFewBytes) { EXPECT_LE(sizeof(RequestParser), 200u); }

TEST(HttpBody, OnePieceIsNotCopied) {
  http::Body body;
  const Bytes piece = {1, 2, 3};
  EXPECT_TRUE(body.add(piece, 0));
  EXPECT_EQ(body.whole().data(), piece.data());
  body.reset();
  EXPECT_FALSE(body.add(ByteView(piece).first(1), 2));
  EXPECT_TRUE(body.add(ByteView(piece).subspan(1), 0));
  EXPECT_TRUE(equal_vartime(body.whole(), piece));
  EXPECT_NE(body.whole().data(), piece.data());
}

}  // namespace
}  // namespace cwtch
