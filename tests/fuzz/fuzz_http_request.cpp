// The request parser and the routes on any bytes: the events depend on the bytes alone, never on how they were split,
// and nothing but a well-formed request gets as far as a route.
#include <string>

#include "engine/core/check.hpp"
#include "engine/http/answer.hpp"
#include "engine/http/request.hpp"
#include "engine/http/routes.hpp"

namespace {

using namespace cwtch;
using namespace cwtch::http;

// What happened, as text: two ways of feeding must tell the same story.
std::string story(ByteView bytes, size_t piece) {
  std::string told;
  RequestParser parser;
  size_t steps = 0;
  while (true) {
    CHECK(++steps < 100000);
    Head head;
    const ByteView part = bytes.first(std::min(piece, bytes.size()));
    const RequestParser::Fed fed = parser.feed(part, head);
    CHECK(fed.consumed <= part.size());
    bytes = bytes.subspan(fed.consumed);
    switch (fed.event) {
      case RequestParser::Event::need_more:
        CHECK(fed.consumed == part.size());
        if (bytes.empty()) return told + "|more";
        break;
      case RequestParser::Event::head: {
        told += "|head " + std::string(head.path) + "?" + std::string(head.query) + " " +
                std::to_string(head.content_length.value_or(0)) + (head.keep_alive ? " keep" : " close");
        const auto routed = route(head);
        uint8_t answer[kAnswerBytesMax];
        if (!routed) {
          CHECK(write_problem(answer, {head.keep_alive, head.http_1_0}, routed.error()) <= sizeof answer);
          told += " refused " + std::to_string(routed.error().status());
          if (!parser.discard_body()) return told + "|end";
        } else if (!parser.take_body(routed->body_bytes_max)) {
          return told + "|too large";
        }
        break;
      }
      case RequestParser::Event::body:
        CHECK(!fed.body.empty());
        told += std::string(text_of(fed.body));
        break;
      case RequestParser::Event::complete:
        told += "|complete";
        parser.next();
        CHECK(parser.idle());
        break;
      case RequestParser::Event::refused: {
        uint8_t answer[kAnswerBytesMax];
        CHECK(write_problem(answer, {false, false}, parser.problem()) <= sizeof answer);
        return told + "|refused " + std::to_string(parser.problem().status());
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 20000) return 0;
  const ByteView bytes(data, size);
  const std::string whole = story(bytes, SIZE_MAX);
  CHECK(story(bytes, 1) == whole);
  CHECK(story(bytes, 7) == whole);
  return 0;
}
