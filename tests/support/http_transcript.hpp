// Drives RequestParser and route() over a stream of bytes as the server does, and writes down what happened: one line
// per event. Two ways to cut the same stream must give the same transcript.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/http/answer.hpp"
#include "engine/http/body.hpp"
#include "engine/http/range.hpp"
#include "engine/http/request.hpp"
#include "engine/http/routes.hpp"

namespace cwtch::test {

inline std::string describe(const http::Head& head) {
  constexpr const char* kMethods[] = {"GET", "HEAD", "POST", "other"};
  std::string text = fmt::format("{} {}?{} {} host={}", kMethods[static_cast<size_t>(head.method)], head.path,
                                 head.query, head.http_1_0 ? "1.0" : "1.1", head.host);
  if (head.content_length) text += fmt::format(" length={}", *head.content_length);
  if (!head.authorization.empty()) text += fmt::format(" authorization={}", head.authorization);
  if (!head.content_type.empty()) text += fmt::format(" type={}", head.content_type);
  if (!head.range.empty()) text += fmt::format(" range={}", head.range);
  if (!head.if_range.empty()) text += fmt::format(" if-range={}", head.if_range);
  if (!head.if_none_match.empty()) text += fmt::format(" if-none-match={}", head.if_none_match);
  if (head.expect_continue) text += " continue";
  text += head.keep_alive ? " keep" : " close";
  return text;
}

// Also writes the answer: it must fit, and be plain text whatever the client sent.
inline std::string describe(const http::Problem& problem) {
  uint8_t answer[http::kAnswerBytesMax];
  const size_t size = http::write_problem(answer, {}, problem);
  for (const uint8_t byte : ByteView(answer).first(size)) {
    CHECK((byte >= 0x20 && byte < 0x7F) || byte == '\r' || byte == '\n');
  }
  return fmt::format("{} {} {}{}{}", problem.status(), http::info(problem.type).name, problem.subject,
                     problem.subject[0] != 0 ? ": " : "", problem.detail);
}

inline std::string describe(const tl::expected<http::Selection, http::Problem>& selection) {
  if (!selection) return describe(selection.error());
  CHECK(selection->offset + selection->bytes <= 1000);
  return fmt::format("{} {}+{}", selection->status, selection->offset, selection->bytes);
}

// `cut(left)` says how many of the `left` bytes come next, at least 1.
template <class Cut>
std::vector<std::string> transcript(ByteView stream, Cut cut) {
  using Event = http::RequestParser::Event;
  std::vector<std::string> lines;
  http::RequestParser parser;
  http::Head head;
  http::Body body;
  while (!stream.empty()) {
    // Each piece lies in memory of its own and goes when it is used up, so that a view kept too long is found by ASan.
    const size_t size = std::clamp<size_t>(cut(stream.size()), 1, stream.size());
    const auto piece = std::make_unique<uint8_t[]>(size);
    std::copy_n(stream.begin(), size, piece.get());
    stream = stream.subspan(size);
    ByteView rest(piece.get(), size);
    for (bool more = true; more;) {
      const http::RequestParser::Fed fed = parser.feed(rest, head);
      CHECK(fed.consumed <= rest.size());
      rest = rest.subspan(fed.consumed);
      switch (fed.event) {
        case Event::need_more:
          CHECK(rest.empty());
          more = false;
          break;
        case Event::head: {
          lines.push_back("head " + describe(head));
          auto routed = http::route(head);
          tl::expected<void, http::Problem> taken;
          if (routed) {
            lines.push_back(fmt::format("route {}", routed->command.index()));
            taken = parser.take_body(routed->body_bytes_max);
            if (const auto* const segment = std::get_if<http::GetSegment>(&routed->command)) {
              lines.push_back("segment " + describe(http::resolve(*segment, routed->head_only, 1000, {})));
            }
          } else {
            taken = tl::unexpected(routed.error());
          }
          if (!taken) {
            CHECK(!taken.error().close);
            lines.push_back("problem " + describe(taken.error()));
            if (!parser.discard_body()) {
              lines.push_back("close");
              return lines;
            }
          }
          break;
        }
        case Event::body:
          body.add(fed.body, parser.body_rest());
          break;
        case Event::complete: {
          lines.push_back(fmt::format("complete {}", to_hex(body.whole())));
          body.reset();
          const bool keep = head.keep_alive;
          parser.next();
          CHECK(parser.idle());
          if (!keep) {
            lines.push_back("close");
            return lines;
          }
          break;
        }
        case Event::refused:
          CHECK(parser.problem().close);
          lines.push_back("refused " + describe(parser.problem()));
          return lines;
      }
    }
  }
  lines.push_back(parser.idle() ? "idle" : "unfinished");
  return lines;
}

inline std::vector<std::string> transcript(ByteView stream) {
  return transcript(stream, [](size_t left) { return left; });
}

}  // namespace cwtch::test
