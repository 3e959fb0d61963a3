// The HTTP client: what a server may send, in whatever pieces; and everything that it may not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/client/http_client.hpp"
#include "tests/support/scripted_transport.hpp"

namespace cwtch::client {
namespace {

using test::ScriptedDialer;

const Endpoint kEndpoint{"127.0.0.1", 1, "", "127.0.0.1:1"};

// One answer, then the server closes.
struct Exchange {
  explicit Exchange(std::string answer, size_t piece = SIZE_MAX)
      : dialer(
            [answer = std::move(answer)](ScriptedDialer::Connection& c) {
              if (c.closed || c.written.empty()) return std::string();
              c.closed = true;
              return answer;
            },
            piece),
        http(dialer, kEndpoint) {}

  // The content, or the error's message.
  std::string get() {
    const auto answer = http.request({.target = "/x"});
    if (!answer) return "! " + answer.error().message();
    const auto content = http.read_all(1 << 20);
    if (!content) return "!! " + content.error().message();
    return std::to_string(answer->status) + " " + std::string(text_of(*content));
  }

  ScriptedDialer dialer;
  HttpClient http;
};

std::string get(std::string answer, size_t piece = SIZE_MAX) { return Exchange(std::move(answer), piece).get(); }

TEST(HttpClient, ReadsSizedAndChunkedContentInPiecesOfAnySize) {
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, SIZE_MAX}) {
    EXPECT_EQ(get("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", piece), "200 hello");
    EXPECT_EQ(get("HTTP/1.1 200\r\ncontent-length:5\r\nX: y\r\n\r\nhello", piece), "200 hello");
    EXPECT_EQ(get("HTTP/1.1 204 No Content\r\n\r\n", piece), "204 ");
    EXPECT_EQ(get("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", piece), "201 ");
    EXPECT_EQ(get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: "
                  "v\r\n\r\n",
                  piece),
              "200 hello0123456789");
  }
}

TEST(HttpClient, WhatIsCutIsNotTakenForWhole) {
  const std::string sized = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (const std::string& whole : {sized, chunked}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_THAT(get(whole.substr(0, size)), testing::AllOf(testing::StartsWith("!"), testing::HasSubstr("(closed)")))
          << size;
    }
  }
}

TEST(HttpClient, RefusesAnswersThatTwoReadersCouldUnderstandDifferently) {
  for (const char* head : {
           "HTTP/1.1 200 OK\r\n\r\nhello",                                                         // no length
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",               // two
           "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",                                 //
           "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",                                   //
           "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",                                   //
           "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nhello",                 // overflows
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",  // both
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",                 //
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",  //
           "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",                                  // bare line feeds
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n X: folded\r\n\r\nhello",              //
           "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",                           //
           "HTTP/1.1 200 OK\r\n: 5\r\n\r\nhello",                                          //
           "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\nhello",                               //
           "HTTP/2 200\r\nContent-Length: 5\r\n\r\nhello",                                 //
           "HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello",                           //
           "HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\nhello",                            //
           "HTTP/1.1 101 Switching\r\n\r\n",                                               //
           "SSH-2.0-OpenSSH\r\n",                                                          //
       }) {
    EXPECT_THAT(get(head), testing::StartsWith("! ")) << head;
  }
  for (const char* content :
       {"g\r\n", "\r\n", "-5\r\nhello\r\n", "5\nhello", "5\r\nhelloX\r\n", "10000000000000000\r\n"}) {
    EXPECT_THAT(get(std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") + content),
                testing::StartsWith("!! "))
        << content;
  }
}

TEST(HttpClient, EndlessHeadsEndEarly) {
  const std::string line = "X-Filler: " + std::string(1000, 'x') + "\r\n";
  std::string large = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 40; ++i) large += line;
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  std::string interim;
  for (int i = 0; i < 10; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_THAT(get(large), testing::HasSubstr("(too_large)"));
  EXPECT_THAT(get("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x')), testing::HasSubstr("(too_large)"));
  EXPECT_THAT(get(many), testing::HasSubstr("(too_large)"));
  EXPECT_THAT(get(interim), testing::HasSubstr("(malformed)"));
  std::string trailers = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 100; ++i) trailers += "X: y\r\n";
  EXPECT_THAT(get(trailers), testing::HasSubstr("(too_large)"));
}

TEST(HttpClient, ContentIsBoundedWhereItIsGathered) {
  Exchange exchange("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x'));
  ASSERT_TRUE(exchange.http.request({.target = "/"}));
  EXPECT_EQ(exchange.http.read_all(99).error().code, Errc::too_large);
}

TEST(HttpClient, KeepsItsConnectionAndNoticesThatItWasClosed) {
  int answers = 0;
  ScriptedDialer dialer([&](ScriptedDialer::Connection& c) -> std::string {
    if (c.written.empty()) return {};
    c.written.clear();
    // The third request meets a connection that the server has just closed.
    if (++answers == 3) {
      c.closed = true;
      return {};
    }
    return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  });
  HttpClient http(dialer, kEndpoint);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(http.request({.target = "/"})) << i;
    EXPECT_EQ(text_of(*http.read_all(10)), "ok");
  }
  EXPECT_EQ(dialer.dialled, 2u);
  EXPECT_EQ(http.traffic().requests, 5u);
}

// A fresh connection that fails is not tried again: the server is what it is.
TEST(HttpClient, AFreshConnectionIsNotRetried) {
  Exchange exchange("");
  EXPECT_THAT(exchange.get(), testing::HasSubstr("(closed)"));
  EXPECT_EQ(exchange.dialer.dialled, 1u);
}

TEST(HttpClient, UnreadContentCostsTheConnectionNotTheNextAnswer) {
  ScriptedDialer dialer([&](ScriptedDialer::Connection& c) -> std::string {
    if (c.written.empty()) return {};
    c.written.clear();
    return "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
  });
  HttpClient http(dialer, kEndpoint);
  ASSERT_TRUE(http.request({.target = "/"}));
  ASSERT_TRUE(http.request({.target = "/"}));
  EXPECT_EQ(text_of(*http.read_all(10)), "abc");
  EXPECT_EQ(dialer.dialled, 2u);
}

TEST(HttpClient, BytesBehindAnAnswerAreNotTakenForTheNext) {
  ScriptedDialer dialer([&](ScriptedDialer::Connection& c) -> std::string {
    if (c.written.empty()) return {};
    c.written.clear();
    return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
  });
  HttpClient http(dialer, kEndpoint);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(http.request({.target = "/"}));
    EXPECT_EQ(text_of(*http.read_all(10)), "a");
  }
}

TEST(HttpClient, RequestsAreWellFormed) {
  std::string seen;
  ScriptedDialer dialer([&](ScriptedDialer::Connection& c) -> std::string {
    seen = c.written;
    return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  });
  HttpClient http(dialer, kEndpoint);
  const Bytes body = {'a', 'b'};
  ASSERT_TRUE(http.request({"POST", "/v1/records", "application/octet-stream", body}));
  EXPECT_EQ(seen,
            "POST /v1/records HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Type: application/octet-stream\r\n"
            "Content-Length: 2\r\n\r\nab");
}

// What a server says in a refusal may end on a terminal: control characters must not.
TEST(HttpClient, ProblemsAreReadAndMadePrintable) {
  const std::string json =
      R"({"type":"urn:cwtch:problem:read-only","title":"t","detail":"\u001b[31mthe medium is full\u0007"})";
  Exchange exchange("HTTP/1.1 503 Busy\r\nContent-Type: application/problem+json\r\nContent-Length: " +
                    std::to_string(json.size()) + "\r\n\r\n" + json);
  const auto answer = exchange.http.request({.target = "/"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->content_type, "application/problem+json");
  const HttpProblem problem = exchange.http.read_problem(*answer);
  EXPECT_EQ(problem.status, 503);
  EXPECT_EQ(problem.type, "read-only");
  EXPECT_EQ(problem.detail, "?[31mthe medium is full?");
}

TEST(HttpClient, CancelEndsRequests) {
  Exchange exchange("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_TRUE(exchange.http.request({.target = "/"}));
  exchange.http.cancel();
  EXPECT_FALSE(exchange.http.request({.target = "/"}));
}

TEST(Endpoints, AreParsedStrictly) {
  EXPECT_EQ(parse_endpoint("http://127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(parse_endpoint("http://localhost:1/")->host, "127.0.0.1");
  EXPECT_EQ(parse_endpoint("http://localhost:1/")->authority, "localhost:1");
  EXPECT_EQ(parse_endpoint("http://[::1]:80")->host, "::1");
  EXPECT_EQ(parse_endpoint("unix:/run/x.sock")->path, "/run/x.sock");
  for (const char* bad :
       {"", "http://", "http://127.0.0.1", "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://example.org:80",
        "https://127.0.0.1:1", "unix:relative", "http://127.0.0.1:1/path", "http://a\r\nb:80"}) {
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
  }
  SocketDialer dialer({});
  EXPECT_EQ(dialer.dial(*parse_endpoint("http://192.0.2.1:9")).error().code, Errc::denied);
}

}  // namespace
}  // namespace cwtch::client
