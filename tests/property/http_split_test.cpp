// However a stream of requests is cut into pieces, the same happens.
#include <gtest/gtest.h>

#include "engine/core/random.hpp"
#include "tests/support/http_transcript.hpp"
#include "tests/unit/http_refused_requests.hpp"

namespace cwtch {
namespace {

using test::transcript;

void expect_same_whatever_the_cut(std::string_view stream, uint64_t seed) {
  const auto whole = transcript(bytes_of(stream));
  ASSERT_EQ(transcript(bytes_of(stream), [](size_t) { return size_t{1}; }), whole);
  SeededRandom random(seed);
  for (const uint64_t piece_max : {2u, 7u, 40u, 300u}) {
    ASSERT_EQ(transcript(bytes_of(stream), [&](size_t) { return static_cast<size_t>(1 + random.below(piece_max)); }),
              whole)
        << "seed " << seed << ", pieces up to " << piece_max;
  }
}

std::string good_request(SeededRandom& random) {
  const std::string post =
      "POST /v1/records HTTP/1.1\r\nHost: example:9878\r\nContent-Type: application/octet-stream\r\nContent-Length: ";
  switch (random.below(6)) {
    case 0:
      return "GET /v1/server HTTP/1.1\r\nHost: a\r\n\r\n";
    case 1:
      return "HEAD /v1/log?from=17&follow HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\n\r\n";
    case 2:
      return "GET /v1/segments/0-99 HTTP/1.1\r\nHost: a\r\nRange: bytes=5-\r\nIf-Range: \"00\"\r\n\r\n";
    case 3: {
      Bytes content(random.below(400));
      random.fill(content);
      return post + std::to_string(content.size()) + "\r\n\r\n" + std::string(text_of(content));
    }
    case 4:  // refused, and its content looks like requests
      return "POST /v1/log HTTP/1.1\r\nHost: a\r\nContent-Length: 36\r\n\r\nGET /v1/server HTTP/1.1\r\nHost: "
             "b\r\n\r\n\r";
    default:
      return post + "6081\r\n\r\n" + std::string(6081, '\n');
  }
}

TEST(HttpSplits, PipelinesOfGoodRequestsGiveTheSameEvents) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SeededRandom random(seed);
    std::string stream;
    for (uint64_t i = random.below(12); i > 0; --i) stream += good_request(random);
    if (random.below(4) == 0) stream.resize(random.below(stream.size() + 1));  // ends in the middle
    expect_same_whatever_the_cut(stream, seed);
  }
}

TEST(HttpSplits, RefusedInputsGiveTheSameEvents) {
  SeededRandom random(7);
  for (const test::RefusedRequest& bad : test::refused_requests()) {
    SCOPED_TRACE(bad.name);
    expect_same_whatever_the_cut(good_request(random) + bad.bytes + good_request(random), 7);
  }
}

// One byte changed anywhere in a request: refused or understood, but never differently when cut differently, and never
// as more requests than were sent.
TEST(HttpSplits, ChangedBytesGiveTheSameEvents) {
  const std::string request =
      "POST /v1/records HTTP/1.1\r\nHost: a:80\r\nContent-Type: application/octet-stream\r\nConnection: keep-alive\r\n"
      "Content-Length: 4\r\n\r\nabcd";
  for (size_t place = 0; place < request.size(); ++place) {
    for (const char byte : {'\0', '\t', '\n', '\r', ' ', ':', ',', '0', '9', 'x', '%', '\x7F', '\x80'}) {
      std::string changed = request;
      changed[place] = byte;
      const auto whole = transcript(bytes_of(changed));
      ASSERT_EQ(transcript(bytes_of(changed), [](size_t) { return size_t{1}; }), whole) << "byte " << place;
      size_t heads = 0;
      for (const std::string& line : whole) heads += line.starts_with("head ");
      ASSERT_LE(heads, 1u) << "byte " << place << " became " << static_cast<int>(byte);
    }
  }
}

}  // namespace
}  // namespace cwtch
