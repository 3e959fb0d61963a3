#include "engine/http/problem.hpp"

#include <algorithm>
#include <iterator>

#include "engine/core/check.hpp"

namespace cwtch::http {
namespace {

using enum ProblemType;

// In the order of ProblemType.
constexpr ProblemInfo kProblems[] = {
    {malformed_request, 400, "malformed-request", "The bytes are not one well-formed HTTP/1.1 request"},
    {bad_parameter, 400, "bad-parameter", "A query parameter has no usable value"},
    {unknown_parameter, 400, "unknown-parameter", "A query parameter is unknown here"},
    {denied, 403, "denied", "This server does not allow that"},
    {not_found, 404, "not-found", "There is no such resource"},
    {no_such_position, 404, "no-such-position", "The log does not reach that position"},
    {position_not_served, 403, "position-not-served", "Reading may not start or end there"},
    {method_not_allowed, 405, "method-not-allowed", "The resource does not know that method"},
    {request_timeout, 408, "request-timeout", "The request took too long to arrive"},
    {conflict, 409, "conflict", "Another record with that signature or nonce is in the log"},
    {gone, 410, "gone", "Retention has removed that part of the log"},
    {retired, 410, "retired", "That database is not offered any more"},
    {length_required, 411, "length-required", "A request with content needs Content-Length"},
    {content_too_large, 413, "content-too-large", "The content is longer than allowed"},
    {target_too_long, 414, "target-too-long", "The request line is too long"},
    {unsupported_media, 415, "unsupported-media", "The content is not of the expected type"},
    {range_not_satisfiable, 416, "range-not-satisfiable", "No bytes lie in that range"},
    {expectation_failed, 417, "expectation-failed", "The expectation cannot be met"},
    {malformed_record, 422, "malformed-record", "The content is not a record"},
    {malformed_query, 422, "malformed-query", "The content is not a query of that scheme and database"},
    {head_too_large, 431, "head-too-large", "The header fields are too large"},
    {internal, 500, "internal", "The server failed"},
    {damaged, 500, "damaged", "Stored bytes fail their checksum and are not served"},
    {busy, 503, "busy", "The server is busy"},
    {read_only, 503, "read-only", "The log accepts no posts at present"},
    {unsupported_version, 505, "unsupported-version", "Only HTTP/1.1 and HTTP/1.0 are spoken here"},
};

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kProblems); ++i) {
    if (static_cast<size_t>(kProblems[i].type) != i) return false;
  }
  return std::size(kProblems) == static_cast<size_t>(unsupported_version) + 1;
}
static_assert(in_order());

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

constexpr uint32_t kBusyRetryS = 1;
constexpr uint32_t kReadOnlyRetryS = 60;  // an operator or the retry of a seal must act first

}  // namespace

const ProblemInfo& info(ProblemType type) {
  CHECK(static_cast<size_t>(type) < std::size(kProblems));
  return kProblems[static_cast<size_t>(type)];
}

std::span<const ProblemInfo> all_problems() { return kProblems; }

Problem& Problem::about(std::string_view name) {
  const size_t size = std::min(name.size(), sizeof subject - 1);
  for (size_t i = 0; i < size; ++i) subject[i] = plain(name[i]) ? name[i] : '?';
  subject[size] = 0;
  return *this;
}

Problem problem_of_post(const Error& error) {
  Problem problem{.detail = error.context};
  switch (error.code) {
    case Errc::malformed:
      problem.type = malformed_record;
      break;
    case Errc::too_large:
      problem.type = content_too_large;
      break;
    case Errc::conflict:
      problem.type = conflict;
      problem.detail = "signature and nonce are accepted once";
      break;
    case Errc::denied:
      problem.type = denied;
      break;
    case Errc::busy:
    case Errc::closed:
    case Errc::cancelled:
      problem.type = busy;
      problem.detail = "nothing was stored; try again";
      problem.retry_after_s = kBusyRetryS;
      break;
    case Errc::read_only:
    case Errc::no_space:
      problem.type = read_only;
      problem.detail = "nothing was stored; reading goes on";
      problem.retry_after_s = kReadOnlyRetryS;
      break;
    case Errc::not_found:
    case Errc::gone:
    case Errc::corrupt:
    case Errc::io:
    case Errc::timeout:
    case Errc::unsupported:
      problem.type = internal;  // what failed inside is for the operator's log, not for the client
      problem.detail = "whether the record was stored is unknown; post the same bytes again";
      break;
  }
  return problem;
}

Problem problem_of_read(const Error& error) {
  switch (error.code) {
    case Errc::not_found:
      return {.type = not_found};
    case Errc::gone:
      return {.type = gone, .detail = "GET /v1/segments names the first retained position"};
    case Errc::corrupt:
    case Errc::io:
      return {.type = damaged, .detail = "other parts of the log are still served"};
    case Errc::busy:
      return {.type = busy, .detail = "try again", .retry_after_s = kBusyRetryS};
    default:
      return {.type = internal};
  }
}

}  // namespace cwtch::http
