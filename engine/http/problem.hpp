// Every way in which the native API refuses: RFC 9457 "problem details", with a type that never changes its meaning.
// docs/api.md lists them all; a test compares.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/core/result.hpp"

namespace cwtch::http {

enum class ProblemType : uint8_t {
  malformed_request,      // 400, always closes: the bytes are not one well-formed request
  bad_parameter,          // 400
  unknown_parameter,      // 400
  denied,                 // 403
  not_found,              // 404
  no_such_position,       // 404: beyond the end of the log
  position_not_served,    // 403: inside a segment, and this server does not allow modes that leak
  method_not_allowed,     // 405
  request_timeout,        // 408, always closes
  conflict,               // 409
  gone,                   // 410: retention removed it
  retired,                // 410: a database that others have replaced; the subject names what covers its first row
  length_required,        // 411, always closes
  content_too_large,      // 413
  target_too_long,        // 414, always closes
  unsupported_media,      // 415
  range_not_satisfiable,  // 416
  expectation_failed,     // 417, always closes
  malformed_record,       // 422
  malformed_query,        // 422
  head_too_large,         // 431, always closes
  internal,               // 500
  damaged,                // 500: bytes on the medium fail their checksum
  busy,                   // 503
  read_only,              // 503
  unsupported_version,    // 505, always closes
};

struct ProblemInfo {
  ProblemType type;
  uint16_t status;
  std::string_view name;  // the `type` member of the answer is "urn:cwtch:problem:" and this
  std::string_view title;
};
const ProblemInfo& info(ProblemType type);
std::span<const ProblemInfo> all_problems();

// A refusal on its way to the client. Holds no allocation and nothing of the client's but a parameter's name.
struct Problem {
  ProblemType type = ProblemType::internal;
  const char* detail = "";      // a string literal: what is wrong and what would be right
  bool close = false;           // the connection cannot be used afterwards
  uint32_t retry_after_s = 0;   // 0: no such field
  std::string_view allow = {};  // 405: a string literal
  uint64_t resource_bytes = 0;  // 416: the size that the range missed
  char subject[33] = {};        // what the detail is about: a parameter's name, printable and cut to 32

  // Copies `name`; what is not a letter, a digit or one of "-_." becomes a question mark.
  Problem& about(std::string_view name);
  uint16_t status() const { return info(type).status; }
};

// What the board or the log says about a post: malformed 422, too_large 413, conflict 409, denied 403, busy and
// read_only 503 with Retry-After; everything else is internal.
Problem problem_of_post(const Error& error);
// What the reader says about a position or a segment: not_found 404, gone 410, corrupt and io "damaged".
Problem problem_of_read(const Error& error);

}  // namespace cwtch::http
