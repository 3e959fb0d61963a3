// RFC 9110 sections 13 and 14 for the one kind of resource that needs them: an immutable segment.
#pragma once

#include "engine/http/routes.hpp"

namespace cwtch::http {

// What to send of a segment whose file has `size` bytes.
struct Selection {
  uint16_t status;  // 200, 206 or 304
  uint64_t offset;
  uint64_t bytes;
};

// Precedence as in RFC 9110 section 13.2.2: If-None-Match, then If-Range, then Range. 416 for a range that lies behind
// the end, and for one that is malformed or not a single range. A unit other than bytes is ignored, as is any range
// with HEAD.
tl::expected<Selection, Problem> resolve(const GetSegment& request, bool head_only, uint64_t size,
                                         const ByteArray<32>& sha256);

// Whether If-None-Match names what has this hash: the answer is 304.
bool none_match_hits(std::string_view if_none_match, const ByteArray<32>& sha256);

}  // namespace cwtch::http
