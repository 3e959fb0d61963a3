#include "engine/http/routes.hpp"

#include <algorithm>
#include <charconv>

namespace cwtch::http {
namespace {

using Routing = tl::expected<Routed, Problem>;

constexpr std::string_view kSegmentPrefix = "/v1/segments/";
constexpr std::string_view kBlobPrefix = "/v1/blobs/";
constexpr std::string_view kQueryPrefix = "/v1/pir/";
constexpr std::string_view kIndexSuffix = "/index";

tl::unexpected<Problem> refuse(ProblemType type, const char* detail, std::string_view about = {}) {
  return tl::unexpected(Problem{.type = type, .detail = detail}.about(about));
}

// Plain decimal: no sign, no leading zero, so that a resource has one name.
bool decimal(std::string_view text, uint64_t& value) {
  if (text.empty() || text.front() < '0' || text.front() > '9' || (text.size() > 1 && text.front() == '0'))
    return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

struct Parameter {
  std::string_view name;
  std::string_view value;
};

// Takes the next parameter off `query`.
Parameter take_parameter(std::string_view& query) {
  const std::string_view piece = query.substr(0, query.find('&'));
  query.remove_prefix(std::min(piece.size() + 1, query.size()));
  const size_t equals = piece.find('=');
  if (equals == piece.npos) return {piece, {}};
  return {piece.substr(0, equals), piece.substr(equals + 1)};
}

Routing server(const Head&) { return Routed{.command = GetServer{}}; }
Routing segments(const Head&) { return Routed{.command = GetSegments{}}; }
Routing databases(const Head&) { return Routed{.command = GetDatabases{}}; }

Routing index(const Head& head) {
  GetIndex command;
  for (std::string_view rest = head.query; !rest.empty();) {
    const bool more_after = rest.find('&') != rest.npos;
    const Parameter parameter = take_parameter(rest);
    if (parameter.name == "from") {
      if (command.from) return refuse(ProblemType::bad_parameter, "given twice", parameter.name);
      uint64_t value = 0;
      if (!decimal(parameter.value, value)) {
        return refuse(ProblemType::bad_parameter, "must be a position: a plain decimal number", parameter.name);
      }
      command.from = log::Position{value};
    } else if (parameter.name == "sealed") {
      if (command.sealed) return refuse(ProblemType::bad_parameter, "given twice", parameter.name);
      if (!parameter.value.empty() && parameter.value != "1") {
        return refuse(ProblemType::bad_parameter, "has no value, or 1; leave it out for the tail as well",
                      parameter.name);
      }
      command.sealed = true;
    } else {
      return refuse(ProblemType::unknown_parameter, "known here: from, sealed", parameter.name);
    }
    if (more_after && rest.empty()) return refuse(ProblemType::unknown_parameter, "the query ends in an ampersand");
  }
  return Routed{.command = command};
}

Routing log(const Head& head) {
  GetLog command;
  bool follow_seen = false;
  // "a&" and "&a" are two parameters, one of them without a name; "" is none.
  for (std::string_view rest = head.query; !rest.empty();) {
    const bool more_after = rest.find('&') != rest.npos;
    const Parameter parameter = take_parameter(rest);
    std::optional<log::Position>* position = nullptr;
    if (parameter.name == "from") position = &command.from;
    if (parameter.name == "to") position = &command.to;
    if (position != nullptr) {
      if (position->has_value()) return refuse(ProblemType::bad_parameter, "given twice", parameter.name);
      uint64_t value = 0;
      if (!decimal(parameter.value, value)) {
        return refuse(ProblemType::bad_parameter, "must be a position: a plain decimal number", parameter.name);
      }
      *position = log::Position{value};
    } else if (parameter.name == "follow") {
      if (follow_seen) return refuse(ProblemType::bad_parameter, "given twice", parameter.name);
      if (!parameter.value.empty() && parameter.value != "1") {
        return refuse(ProblemType::bad_parameter, "has no value, or 1; leave it out not to follow", parameter.name);
      }
      command.follow = follow_seen = true;
    } else {
      return refuse(ProblemType::unknown_parameter, "known here: from, to, follow", parameter.name);
    }
    if (more_after && rest.empty()) return refuse(ProblemType::unknown_parameter, "the query ends in an ampersand");
  }
  if (command.follow && command.to) {
    return refuse(ProblemType::bad_parameter, "a followed log has no end: give to or follow, not both", "to");
  }
  if (command.follow && head.http_1_0) {
    return refuse(ProblemType::bad_parameter, "needs HTTP/1.1: the answer is chunked", "follow");
  }
  if (command.from && command.to && *command.from > *command.to) {
    return refuse(ProblemType::bad_parameter, "must not be below from", "to");
  }
  return Routed{.command = command};
}

Routing segment(const Head& head) {
  std::string_view name = head.path.substr(kSegmentPrefix.size());
  GetSegment command{.range = head.range, .if_range = head.if_range, .if_none_match = head.if_none_match};
  if (name.ends_with(kIndexSuffix)) {
    command.index = true;
    name.remove_suffix(kIndexSuffix.size());
  }
  const size_t dash = name.find('-');
  if (dash == name.npos || !decimal(name.substr(0, dash), command.first.value) ||
      !decimal(name.substr(dash + 1), command.last.value) || command.last < command.first) {
    return refuse(ProblemType::not_found, "a segment's name is FIRST-LAST; GET /v1/segments lists them");
  }
  return Routed{.command = command};
}

bool octet_stream(std::string_view type) {
  constexpr std::string_view kType = "application/octet-stream";
  if (type.size() != kType.size()) return false;
  for (size_t i = 0; i < kType.size(); ++i) {
    const char c = type[i] >= 'A' && type[i] <= 'Z' ? static_cast<char>(type[i] + ('a' - 'A')) : type[i];
    if (c != kType[i]) return false;
  }
  return true;
}

Routing record(const Head& head) {
  // Demanded, not assumed: a web page can make a browser send anything else across origins without asking first.
  if (!octet_stream(head.content_type)) {
    return refuse(ProblemType::unsupported_media, "send a record as application/octet-stream");
  }
  return Routed{.command = PostRecord{.credential = head.authorization}, .body_bytes_max = log::kRecordBytesMax};
}

Routing blob(const Head& head) {
  const std::string_view name = head.path.substr(kBlobPrefix.size());
  GetBlob command{.sha256 = {}, .if_none_match = head.if_none_match};
  const Result<Bytes> sha256 = from_hex(name);
  // One spelling only, so that a resource has one name.
  if (!sha256 || sha256->size() != command.sha256.size() || to_hex(*sha256) != name) {
    return refuse(ProblemType::not_found, "a blob's name is its SHA-256: 64 lower-case digits");
  }
  std::copy(sha256->begin(), sha256->end(), command.sha256.begin());
  return Routed{.command = command};
}

Routing query(const Head& head) {
  const std::string_view path = head.path.substr(kQueryPrefix.size());
  const size_t slash = path.find('/');
  if (slash == path.npos) return refuse(ProblemType::not_found, "SCHEME/DATABASE; GET /v1/shards lists them");
  if (!octet_stream(head.content_type)) {
    return refuse(ProblemType::unsupported_media, "send a query as application/octet-stream");
  }
  return Routed{.command = PostQuery{
                    .scheme = path.substr(0, slash), .name = path.substr(slash + 1), .credential = head.authorization}};
}

struct Route {
  std::string_view path;
  bool prefix;  // `path` begins the resource's name; else it is the name
  bool post;    // POST only; else GET and HEAD
  bool query;   // takes parameters
  Routing (*handler)(const Head& head);
};

constexpr Route kRoutes[] = {
    {"/v1/server", false, false, false, server},     {"/v1/log", false, false, true, log},
    {"/v1/segments", false, false, false, segments}, {kSegmentPrefix, true, false, false, segment},
    {"/v1/shards", false, false, false, databases},  {kBlobPrefix, true, false, false, blob},
    {kQueryPrefix, true, true, false, query},        {"/v1/records", false, true, false, record},
    {"/v1/index", false, false, true, index},
};

}  // namespace

Routing route(const Head& head) {
  for (const Route& candidate : kRoutes) {
    const bool match = candidate.prefix ? head.path.starts_with(candidate.path) : head.path == candidate.path;
    if (!match) continue;
    const bool allowed =
        candidate.post ? head.method == Method::post : head.method == Method::get || head.method == Method::head;
    if (!allowed) {
      Problem problem{.type = ProblemType::method_not_allowed, .allow = candidate.post ? "POST" : "GET, HEAD"};
      return tl::unexpected(problem);
    }
    if (!candidate.query && !head.query.empty()) {
      std::string_view rest = head.query;
      return refuse(ProblemType::unknown_parameter, "no parameters are known here", take_parameter(rest).name);
    }
    Routing routed = candidate.handler(head);
    if (routed) routed->head_only = head.method == Method::head;
    return routed;
  }
  return refuse(ProblemType::not_found, "docs/api.md lists the resources");
}

}  // namespace cwtch::http
