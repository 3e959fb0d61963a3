// What the server says: status line and fields into a buffer of the caller's, and the framing of a followed log.
//
// Every answer carries Content-Length, except a followed log, which is chunked. No Date, no Server, no cookie, nothing
// about the client: apart from what was asked for, everybody gets the same bytes.
#pragma once

#include <string_view>

#include "engine/core/bytes.hpp"
#include "engine/http/range.hpp"

namespace cwtch::http {

constexpr size_t kAnswerBytesMax = 1024;  // enough for every head, and for a whole problem

// What happens to the connection once this answer is out.
struct Reuse {
  bool keep_alive = true;  // false: "Connection: close"
  bool http_1_0 = false;   // then keeping must be said
};

// All write into `to` (at least kAnswerBytesMax) and return how many bytes they wrote.

// Head of a JSON document of `content_bytes`.
size_t write_json_head(MutableBytes to, Reuse reuse, uint64_t content_bytes);

struct LogAnswer {
  log::Position first;         // Cwtch-First: of the first record sent
  log::Position end;           // Cwtch-End: one behind the last; with follow, the committed position at the request
  bool follow = false;         // chunked, no Content-Length
  uint64_t content_bytes = 0;  // without follow
};
size_t write_log_head(MutableBytes to, Reuse reuse, const LogAnswer& answer);

// 200, 206 or 304, as resolve() chose.
size_t write_segment_head(MutableBytes to, Reuse reuse, const Selection& selection, uint64_t size,
                          const ByteArray<32>& sha256);

// 200 or 304 of a whole immutable blob.
size_t write_blob_head(MutableBytes to, Reuse reuse, bool not_modified, uint64_t content_bytes,
                       const ByteArray<32>& sha256);

// Head of an answer of private retrieval.
size_t write_bytes_head(MutableBytes to, Reuse reuse, uint64_t content_bytes);

// 201, or 200 for a record that was there already; with its body {"position":N}.
size_t write_posted(MutableBytes to, Reuse reuse, log::Position position, bool repeated);

// The whole answer, application/problem+json; without its body if `head_only`. Says "Connection: close" if the problem
// closes or `reuse` does not keep.
size_t write_problem(MutableBytes to, Reuse reuse, const Problem& problem, bool head_only = false);

// ---- chunked transfer coding, for follow ----
// A chunk is write_chunk_head(), `bytes` bytes, kChunkEnd. Send kChunkEnd with the bytes, not with the next chunk's
// head: some clients (Python's urllib3 among them) hand a chunk on only when they have seen its end.
constexpr size_t kChunkHeadBytesMax = 18;
size_t write_chunk_head(MutableBytes to, uint64_t bytes);  // REQUIRES: bytes > 0, a chunk of 0 would end the body
constexpr std::string_view kChunkEnd = "\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace cwtch::http
