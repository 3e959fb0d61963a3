// HTTP/1.1 requests as a pure machine: bytes in, events out. No I/O, no clock.
//
// Strict on purpose. One request has exactly one meaning here, or it is refused and the connection closed: everything
// that two HTTP implementations are known to read differently is refused even where the grammar would allow it
// (docs/api.md, "What is refused"). The event sequence depends on the bytes alone, never on how they were split.
//
//   for (;;) {
//     const Fed fed = parser.feed(rest, head);
//     rest = rest.subspan(fed.consumed);
//     switch (fed.event) {
//       case Event::need_more: recv; return;
//       case Event::head:      route(head); then take_body() or, if refused, discard_body(); continue;
//       case Event::body:      keep fed.body; continue;
//       case Event::complete:  answer; once the answer is out: next(); continue with what is left of `rest`
//       case Event::refused:   answer parser.problem(); close
//     }
//   }
//
// Memory:  sizeof(RequestParser) and nothing else while idle or while requests arrive in one piece. A head that
//          arrives in pieces is gathered in one block of kHeadBytesMax, let go when the head has been handed out.
// Bytes:   Head's texts point into the bytes fed or into that block: use them before the next feed() or next().
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "engine/core/bytes.hpp"
#include "engine/http/problem.hpp"

namespace cwtch::http {

constexpr size_t kHeadBytesMax = 8192;           // request line, fields and the empty line
constexpr uint64_t kDiscardBytesMax = 64 << 10;  // body of a refused request that is read and dropped

enum class Method : uint8_t { get, head, post, other };

// What this API understands of a request's head; every other field is ignored. Absent fields are empty.
struct Head {
  Method method = Method::other;
  std::string_view path;   // "/v1/log": no percent signs, no dot segments
  std::string_view query;  // behind the question mark
  std::string_view host;
  std::string_view authorization;
  std::string_view content_type;
  std::string_view range;
  std::string_view if_range;
  std::string_view if_none_match;
  std::optional<uint64_t> content_length;
  bool http_1_0 = false;
  bool keep_alive = true;        // what the client wants, after its version's default
  bool expect_continue = false;  // it waits for kContinue before it sends the body
};

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

class RequestParser {
 public:
  enum class Event : uint8_t { need_more, head, body, complete, refused };
  struct Fed {
    Event event;
    size_t consumed;  // of the bytes given; need_more has consumed all
    ByteView body;    // with Event::body: a piece of it, inside the bytes given
  };

  // REQUIRES: not complete and not refused; after Event::head of a request with a body, take_body() or discard_body().
  Fed feed(ByteView bytes, Head& head);

  // After Event::head: the body will be handed out. Fails with 413 if it is longer than `bytes_max`.
  tl::expected<void, Problem> take_body(uint64_t bytes_max);
  // After Event::head of a request that is refused: its body, if any, will be dropped without events. False: it is too
  // long for that, or the client waits for leave to send it; answer and close.
  [[nodiscard]] bool discard_body();

  const Problem& problem() const { return problem_; }  // after Event::refused
  // The answer is out: ready for another request. REQUIRES: complete.
  void next();

  bool complete() const { return state_ == State::complete; }
  // No byte of a request has arrived: a connection that ends or times out here has missed nothing.
  bool idle() const { return state_ == State::head && scanned_ == 0; }
  uint64_t body_rest() const { return body_rest_; }

 private:
  enum class State : uint8_t { head, head_done, body, discard, complete, refused };
  enum class Scan : uint8_t { need_more, done, refused };

  Scan scan(ByteView bytes);  // continues at scanned_; sets problem_
  Fed head_done(ByteView bytes, size_t consumed, Head& head);
  Fed refuse(size_t consumed);

  State state_ = State::head;
  bool after_return_ = false;  // the byte before scanned_ is a CR
  bool expect_continue_ = false;
  uint16_t scanned_ = 0;     // bytes of this head that are checked
  uint16_t line_start_ = 0;  // of the line that scanned_ is in
  uint64_t body_rest_ = 0;
  std::unique_ptr<uint8_t[]> gathered_;  // scanned_ bytes of a head that came in pieces
  Problem problem_;
};

}  // namespace cwtch::http
