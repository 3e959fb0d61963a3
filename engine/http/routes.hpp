// The table of routes: which requests the native API knows, and what each asks for.
#pragma once

#include <optional>
#include <variant>

#include "engine/http/request.hpp"
#include "engine/log/format.hpp"

namespace cwtch::http {

struct GetServer {};

// Frames [from, to). Without `from`: from the first retained position. Without `to`: up to the committed position at
// the time of the request, or, with `follow`, on and on. `from` and `to` are as the client wrote them: whether they are
// positions that anyone may name is for the reader (log::Reader::boundary) to say.
struct GetLog {
  std::optional<log::Position> from;
  std::optional<log::Position> to;
  bool follow = false;
};

struct GetSegments {};

// Blocks of the index stream, from a boundary or the first retained position to the end, or to where the tail begins.
struct GetIndex {
  std::optional<log::Position> from;
  bool sealed = false;
};

// One sealed segment, or its index file. The texts point into the head: resolve() them (range.hpp) before the next
// feed().
struct GetSegment {
  log::Position first;
  log::Position last;  // inclusive
  bool index = false;
  std::string_view range;
  std::string_view if_range;
  std::string_view if_none_match;
};

// What is offered for private retrieval, and its static blobs by SHA-256.
struct GetDatabases {};
struct GetBlob {
  ByteArray<32> sha256;
  std::string_view if_none_match;  // points into the head
};

// A query of private retrieval: the body is what `scheme` asks of the database `name`. The texts point into the head.
struct PostQuery {
  std::string_view scheme;
  std::string_view name;
  std::string_view credential;
};

// The body is one record. `credential` points into the head.
struct PostRecord {
  std::string_view credential;
};

using Command =
    std::variant<GetServer, GetLog, GetSegments, GetSegment, PostRecord, GetIndex, GetDatabases, GetBlob, PostQuery>;

struct Routed {
  Command command;
  bool head_only = false;       // HEAD: answer as for GET, without the content
  uint64_t body_bytes_max = 0;  // for RequestParser::take_body; of a query whoever knows the database says it
};

// REQUIRES: what RequestParser hands out. No Problem of route() closes the connection by itself; the body that the
// refused request may have decides (RequestParser::discard_body).
tl::expected<Routed, Problem> route(const Head& head);

}  // namespace cwtch::http
