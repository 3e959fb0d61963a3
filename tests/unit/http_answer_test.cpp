#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "engine/http/answer.hpp"
#include "engine/http/documents.hpp"

namespace cwtch {
namespace {

using http::Problem;
using http::ProblemType;
using http::Reuse;

template <class Write>
std::string written(Write write) {
  ByteArray<http::kAnswerBytesMax> buffer;
  const size_t size = write(MutableBytes(buffer));
  return std::string(text_of(ByteView(buffer).first(size)));
}

TEST(HttpAnswer, HeadsAreExactlyThis) {
  EXPECT_EQ(written([](MutableBytes to) { return http::write_json_head(to, {}, 12); }),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\nCache-Control: no-store\r\n"
            "X-Content-Type-Options: nosniff\r\n\r\n");
  EXPECT_EQ(written([](MutableBytes to) {
              return http::write_log_head(to, {}, {.first = {5}, .end = {9}, .content_bytes = 4096});
            }),
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 4096\r\nCwtch-First: 5\r\n"
            "Cwtch-End: 9\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n");
  EXPECT_EQ(
      written([](MutableBytes to) { return http::write_log_head(to, {}, {.first = {5}, .end = {9}, .follow = true}); }),
      "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n"
      "Cwtch-First: 5\r\nCwtch-End: 9\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n");
  EXPECT_EQ(written([](MutableBytes to) { return http::write_posted(to, {}, {7}, false); }),
            "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 14\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n{\"position\":7}");
  EXPECT_THAT(written([](MutableBytes to) { return http::write_posted(to, {}, {UINT64_MAX}, true); }),
              testing::AllOf(testing::StartsWith("HTTP/1.1 200 OK\r\n"), testing::EndsWith(":18446744073709551615}")));
}

TEST(HttpAnswer, SegmentsCarryTheirHash) {
  ByteArray<32> sha256{};
  const auto segment = [&](http::Selection selection) {
    return written([&](MutableBytes to) { return http::write_segment_head(to, {}, selection, 1000, sha256); });
  };
  const std::string common = "ETag: \"" + std::string(64, '0') +
                             "\"\r\nAccept-Ranges: bytes\r\nCache-Control: public, max-age=31536000, immutable\r\n"
                             "X-Content-Type-Options: nosniff\r\n\r\n";
  const std::string type = "Content-Type: application/octet-stream\r\n";
  EXPECT_EQ(segment({200, 0, 1000}), "HTTP/1.1 200 OK\r\n" + type + "Content-Length: 1000\r\n" + common);
  EXPECT_EQ(segment({206, 10, 20}), "HTTP/1.1 206 Partial Content\r\n" + type +
                                        "Content-Length: 20\r\nContent-Range: bytes 10-29/1000\r\n" + common);
  EXPECT_EQ(segment({304, 0, 0}), "HTTP/1.1 304 Not Modified\r\n" + common);
}

TEST(HttpAnswer, TheConnectionsFateIsSaid) {
  const auto connection = [](Reuse reuse, bool problem_closes) {
    const std::string text = written([&](MutableBytes to) {
      return http::write_problem(to, reuse, {.type = ProblemType::not_found, .close = problem_closes});
    });
    if (text.find("Connection: close\r\n") != text.npos) return "close";
    return text.find("Connection: keep-alive\r\n") != text.npos ? "keep-alive" : "";
  };
  EXPECT_STREQ(connection({}, false), "");
  EXPECT_STREQ(connection({}, true), "close");
  EXPECT_STREQ(connection({.keep_alive = false}, false), "close");
  EXPECT_STREQ(connection({.http_1_0 = true}, false), "keep-alive");
  EXPECT_STREQ(connection({.http_1_0 = true}, true), "close");
}

// Whatever the problem, its answer fits the buffer, is JSON, and says the status twice alike.
TEST(HttpAnswer, EveryProblemIsAProblemDocument) {
  std::set<std::string> names;
  for (const http::ProblemInfo& known : http::all_problems()) {
    Problem problem{.type = known.type,
                    .detail = "a detail as long as the longest one that any part of the server has to give to anybody",
                    .close = true,
                    .retry_after_s = UINT32_MAX,
                    .allow = "GET, HEAD",
                    .resource_bytes = UINT64_MAX};
    problem.about(std::string(100, 'n'));
    const std::string text = written([&](MutableBytes to) { return http::write_problem(to, {}, problem); });
    EXPECT_THAT(text, testing::StartsWith("HTTP/1.1 " + std::to_string(known.status) + " "));
    const size_t content_at = text.find("\r\n\r\n") + 4;
    EXPECT_THAT(text, testing::HasSubstr("Content-Length: " + std::to_string(text.size() - content_at) + "\r\n"));
    const auto json = nlohmann::json::parse(text.substr(content_at));
    EXPECT_EQ(json["status"], known.status);
    EXPECT_EQ(json["type"], "urn:cwtch:problem:" + std::string(known.name));
    EXPECT_EQ(json["detail"], std::string(32, 'n') + ": " + problem.detail);
    EXPECT_TRUE(names.insert(std::string(known.name)).second);
    EXPECT_EQ(written([&](MutableBytes to) { return http::write_problem(to, {}, problem, true); }),
              text.substr(0, content_at));
  }
}

TEST(HttpAnswer, ProblemsCarryTheirFields) {
  const auto problem = [](const Problem& p) {
    return written([&](MutableBytes to) { return http::write_problem(to, {}, p); });
  };
  EXPECT_THAT(problem({.type = ProblemType::method_not_allowed, .allow = "POST"}),
              testing::HasSubstr("Allow: POST\r\n"));
  EXPECT_THAT(problem({.type = ProblemType::range_not_satisfiable, .resource_bytes = 9}),
              testing::HasSubstr("Content-Range: bytes */9\r\n"));
  EXPECT_THAT(problem(http::problem_of_post({Errc::read_only, 0, "x"})), testing::HasSubstr("Retry-After: 60\r\n"));
  EXPECT_THAT(problem(http::problem_of_post({Errc::busy, 0, "x"})), testing::HasSubstr("Retry-After: 1\r\n"));
}

// Nothing that happened inside (a path, an errno, a context of the log) reaches a client.
TEST(HttpProblem, ErrorsBecomeTheDocumentedStatus) {
  const auto post = [](Errc code) { return http::problem_of_post({code, 5, "context"}).status(); };
  EXPECT_EQ(post(Errc::malformed), 422);
  EXPECT_EQ(post(Errc::too_large), 413);
  EXPECT_EQ(post(Errc::conflict), 409);
  EXPECT_EQ(post(Errc::denied), 403);
  EXPECT_EQ(post(Errc::busy), 503);
  EXPECT_EQ(post(Errc::read_only), 503);
  EXPECT_EQ(post(Errc::io), 500);
  EXPECT_STRNE(http::problem_of_post({Errc::io, 5, "context"}).detail, "context");
  const auto read = [](Errc code) { return http::problem_of_read({code, 5, "context"}).status(); };
  EXPECT_EQ(read(Errc::not_found), 404);
  EXPECT_EQ(read(Errc::gone), 410);
  EXPECT_EQ(read(Errc::corrupt), 500);
  EXPECT_EQ(read(Errc::busy), 503);
  EXPECT_EQ(read(Errc::unsupported), 500);
}

// docs/api.md lists every problem with its status, and no other.
TEST(HttpProblem, TheReferenceListsThemAll) {
  std::ifstream file("docs/api.md");
  if (!file) GTEST_SKIP() << "docs/api.md is not in the working directory";
  std::set<std::string> documented;
  for (std::string line; std::getline(file, line);) {  // | `name` | status | ...
    std::istringstream cells(line);
    std::string bar, name, bar2, status;
    if (cells >> bar >> name >> bar2 >> status && bar == "|" && bar2 == "|" && name.size() > 2 && name.front() == '`' &&
        status.size() == 3 && status.find_first_not_of("0123456789") == status.npos) {
      documented.insert(status + " " + name.substr(1, name.size() - 2));
    }
  }
  std::set<std::string> known;
  for (const http::ProblemInfo& problem : http::all_problems()) {
    known.insert(std::to_string(problem.status) + " " + std::string(problem.name));
  }
  EXPECT_EQ(documented, known);
}

TEST(HttpChunks, AreFramedAsInRfc9112) {
  const auto head = [](uint64_t bytes) {
    return written([&](MutableBytes to) { return http::write_chunk_head(to.first(http::kChunkHeadBytesMax), bytes); });
  };
  EXPECT_EQ(head(1), "1\r\n");
  EXPECT_EQ(head(0x4fa0), "4fa0\r\n");
  EXPECT_EQ(head(UINT64_MAX), "ffffffffffffffff\r\n");
  EXPECT_DEATH(head(0), "bytes > 0");
}

TEST(HttpDocuments, ServerSaysWhatAClientMustKnow) {
  const auto entries = http::schemes(false);
  http::ServerDocument document{.host = "abc",
                                .admission = "open",
                                .query_admission = "closed",
                                .chunk_bytes = 262144,
                                .row_bytes = 3072,
                                .retain_days_max = 30,
                                .first_retained = {4096},
                                .committed_end = {5000},
                                .schemes = entries};
  document.server_key.fill(0x11);
  const auto json = nlohmann::json::parse(http::to_json(document));
  EXPECT_EQ(json["server"]["key"], std::string(64, '1'));
  EXPECT_EQ(json["log"]["committed_end"], 5000);
  EXPECT_EQ(json["log"]["first_retained"], 4096);
  EXPECT_EQ(json["index"]["row_bytes"], 3072);
  EXPECT_EQ(json["retention"]["bytes"], nullptr);
  EXPECT_EQ(json["retention"]["days"], 30);
  EXPECT_EQ(json["limits"]["record_bytes_max"], 6080);
  EXPECT_EQ(json["admission"]["policy"], "open");
  EXPECT_EQ(json["admission"]["queries"], "closed");
  ASSERT_EQ(json["schemes"].size(), 3u);
  EXPECT_EQ(json["schemes"][2]["name"], "cursor");
  EXPECT_EQ(json["schemes"][2]["allowed"], false);
  EXPECT_FALSE(json["schemes"][2]["leakage"].get<std::string>().empty());
}

TEST(HttpDocuments, SegmentsAreListedInOrder) {
  const http::SegmentEntry entries[] = {{{0}, {4095}, 9000000, {}, 0, 133680, {}},
                                        {{4096}, {8191}, 9100000, {}, 0xDEADBEEF, 68144, {}}};
  const auto json = nlohmann::json::parse(
      http::to_json(http::SegmentsDocument{.first_retained = {0}, .tail_first = {8192}, .segments = entries}));
  EXPECT_EQ(json["tail_first"], 8192);
  ASSERT_EQ(json["segments"].size(), 2u);
  EXPECT_EQ(json["segments"][1]["first"], 4096);
  EXPECT_EQ(json["segments"][1]["last"], 8191);
  EXPECT_EQ(json["segments"][1]["bytes"], 9100000);
  EXPECT_EQ(json["segments"][1]["chain_before"], 0xDEADBEEF);
  EXPECT_EQ(json["segments"][1]["sha256"], std::string(64, '0'));
  EXPECT_EQ(json["segments"][1]["index_bytes"], 68144);
  EXPECT_EQ(json["segments"][1]["index_sha256"], std::string(64, '0'));
  EXPECT_EQ(nlohmann::json::parse(http::to_json(http::SegmentsDocument{}))["segments"].size(), 0u);
}

}  // namespace
}  // namespace cwtch
