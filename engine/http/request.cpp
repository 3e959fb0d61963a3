#include "engine/http/request.hpp"

#include <algorithm>
#include <array>

#include "engine/core/check.hpp"
#include "engine/http/head.hpp"
#include "engine/http/request_line.hpp"

namespace cwtch::http {
namespace {

// Bytes that may stand anywhere in a line: everything but controls. RFC 9110 section 5.5 allows obs-text.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> table{};
  for (size_t c = 0; c < table.size(); ++c) table[c] = (c >= 0x20 && c != 0x7F) || c == '\t';
  return table;
}();

}  // namespace

// Refuses at the first byte that no head may contain, wherever the input was cut.
RequestParser::Scan RequestParser::scan(ByteView bytes) {
  const auto refuse = [this](ProblemType type, const char* detail) {
    problem_ = {.type = type, .detail = detail, .close = true};
    return Scan::refused;
  };
  size_t at = scanned_;
  while (at < bytes.size()) {
    if (at == kHeadBytesMax) {
      return line_start_ == 0 ? refuse(ProblemType::target_too_long, "the request line is longer than 8 KiB")
                              : refuse(ProblemType::head_too_large, "a request's head may have 8 KiB");
    }
    const uint8_t c = bytes[at];
    if (after_return_) {
      if (c != '\n') return refuse(ProblemType::malformed_request, "a carriage return without a line feed");
      after_return_ = false;
      const std::string_view line = text_of(bytes.subspan(line_start_, at - 1 - line_start_));
      if (line_start_ == 0 && !check_request_line(line, problem_)) return Scan::refused;
      line_start_ = static_cast<uint16_t>(++at);
      scanned_ = static_cast<uint16_t>(at);
      if (line.empty()) return Scan::done;
      continue;
    }
    if (at == line_start_ && at != 0 && (c == ' ' || c == '\t')) {
      return refuse(ProblemType::malformed_request, "a folded or indented line");
    }
    if (c == '\r') {
      after_return_ = true;
    } else if (!kPlain[c]) {
      return refuse(ProblemType::malformed_request,
                    c == '\n' ? "a line feed without a carriage return" : "a control byte in the head");
    }
    ++at;
  }
  scanned_ = static_cast<uint16_t>(at);
  return Scan::need_more;
}

RequestParser::Fed RequestParser::refuse(size_t consumed) {
  CHECK(problem_.close);
  gathered_.reset();
  state_ = State::refused;
  return {Event::refused, consumed, {}};
}

RequestParser::Fed RequestParser::head_done(ByteView bytes, size_t consumed, Head& head) {
  if (!parse_head(text_of(bytes), head, problem_)) return refuse(consumed);
  body_rest_ = head.content_length.value_or(0);
  expect_continue_ = head.expect_continue && body_rest_ > 0;
  head.expect_continue = expect_continue_;
  state_ = State::head_done;
  return {Event::head, consumed, {}};
}

RequestParser::Fed RequestParser::feed(ByteView bytes, Head& head) {
  CHECK(state_ != State::refused);
  CHECK(state_ != State::complete);
  if (state_ == State::head) {
    const size_t before = scanned_;
    ByteView whole = bytes;
    if (gathered_ != nullptr) {
      // One byte beyond the limit is never stored: scan() refuses when it is asked to look at it.
      const size_t taken = std::min(bytes.size(), kHeadBytesMax + 1 - before);
      std::copy_n(bytes.begin(), taken, gathered_.get() + before);
      whole = {gathered_.get(), before + taken};
    }
    switch (scan(whole)) {
      case Scan::done:
        return head_done(whole.first(scanned_), scanned_ - before, head);
      case Scan::refused:
        return refuse(bytes.size());
      case Scan::need_more:
        if (gathered_ == nullptr && !bytes.empty()) {
          gathered_ = std::make_unique_for_overwrite<uint8_t[]>(kHeadBytesMax + 1);
          std::copy(bytes.begin(), bytes.end(), gathered_.get());
        }
        return {Event::need_more, bytes.size(), {}};
    }
  }
  gathered_.reset();  // the Head's texts are not needed any more
  if (state_ == State::head_done) {
    CHECK(body_rest_ == 0);  // else the caller has said what becomes of the content
    state_ = State::body;
  }
  if (body_rest_ == 0) {
    state_ = State::complete;
    return {Event::complete, 0, {}};
  }
  const ByteView piece = bytes.first(static_cast<size_t>(std::min<uint64_t>(body_rest_, bytes.size())));
  body_rest_ -= piece.size();
  if (state_ == State::discard) {
    if (body_rest_ > 0) return {Event::need_more, piece.size(), {}};
    state_ = State::complete;
    return {Event::complete, piece.size(), {}};
  }
  if (piece.empty()) return {Event::need_more, 0, {}};
  return {Event::body, piece.size(), piece};
}

tl::expected<void, Problem> RequestParser::take_body(uint64_t bytes_max) {
  CHECK(state_ == State::head_done);
  if (body_rest_ > bytes_max) {
    return tl::unexpected(Problem{.type = ProblemType::content_too_large, .detail = "longer than this resource takes"});
  }
  state_ = State::body;
  return {};
}

bool RequestParser::discard_body() {
  CHECK(state_ == State::head_done);
  if (expect_continue_ || body_rest_ > kDiscardBytesMax) return false;
  state_ = State::discard;
  return true;
}

void RequestParser::next() {
  CHECK(state_ == State::complete);
  gathered_.reset();
  state_ = State::head;
  scanned_ = line_start_ = 0;
}

}  // namespace cwtch::http
