#include "engine/client/server_link.hpp"

#include "engine/core/sha256.hpp"

namespace cwtch::client {
namespace {

constexpr size_t kPostedBytesMax = 4096;

}  // namespace

// The server's own words are not repeated: they are not ours to vouch for.
Failure ServerLink::refused(const HttpAnswer& answer) {
  const HttpProblem problem = http_.read_problem(answer);
  const bool api = !problem.type.empty();
  switch (answer.status) {
    case 400:
    case 422:
      return fail(Errc::malformed, "server: it calls our request malformed");
    case 401:
      return fail(Errc::denied, "server: it wants a token for this");
    case 403:
      if (problem.type == "position-not-served")
        return fail(Errc::denied, "server: it serves from public positions only (leaky modes are off there)");
      return fail(Errc::denied, "server: it refuses this request");
    case 404:
      return api ? fail(Errc::not_found, "server: it does not have this")
                 : fail(Errc::unsupported, "server: what answers there is no cwtchd");
    case 409:
      return fail(Errc::conflict, "server: another record has this signature or nonce");
    case 410:
      if (problem.type == "retired")
        return fail(Errc::gone, "server: another database has replaced this one; the next time that one is asked");
      return fail(Errc::gone, "server: retention has just removed this");
    case 413:
      return fail(Errc::too_large, "server: it takes no records of this size");
    case 429:
    case 503:
      if (problem.type == "read-only") return fail(Errc::read_only, "server: its log accepts no posts now");
      return fail(Errc::busy, "server: it is busy");
    default:
      return fail(Errc::io, "server: it failed to answer");
  }
}

Status ServerLink::get(const std::string& target) {
  const Result<HttpAnswer> answer = http_.request({.target = target, .content_type = {}, .body = {}});
  if (!answer) return fail(answer.error());
  if (answer->status != 200) return refused(*answer);
  return {};
}

Result<Bytes> ServerLink::document(const std::string& target, size_t bytes_max) {
  if (const Status got = get(target); !got) return fail(got.error());
  return http_.read_all(bytes_max);
}

Result<ServerFacts> ServerLink::facts() {
  const Result<Bytes> document = this->document("/v1/server", kServerDocumentBytesMax);
  if (!document) return fail(document.error());
  return parse_server(text_of(*document));
}

Result<ServerFacts> ServerLink::facts_of(std::string_view host) {
  Result<ServerFacts> facts = this->facts();
  if (facts && facts->host != host) return fail(Errc::denied, "server: another server answers at this address");
  return facts;
}

Result<SegmentList> ServerLink::segments() {
  const Result<Bytes> document = this->document("/v1/segments", kSegmentListBytesMax);
  if (!document) return fail(document.error());
  return parse_segments(text_of(*document));
}

Result<OfferList> ServerLink::offers() {
  const Result<Bytes> document = this->document("/v1/shards", kSegmentListBytesMax);
  if (!document) return fail(document.error());
  return parse_offers(text_of(*document));
}

Result<Bytes> ServerLink::blob(const ByteArray<32>& sha256, uint64_t bytes) {
  Result<Bytes> blob = document("/v1/blobs/" + to_hex(sha256), bytes);
  if (!blob) return blob;
  Sha256 hash;
  hash.add(*blob);
  if (blob->size() != bytes || hash.finish() != sha256) {
    return fail(Errc::corrupt, "server: a static blob is not the one it listed");
  }
  return blob;
}

Status ServerLink::segment(const SealedSegment& segment, RecordStream& stream, RecordStream::Visitor& visitor,
                           const std::function<void(size_t bytes)>& on_bytes) {
  CHECK(stream.position().value == segment.first);
  if (const Status got = get("/v1/segments/" + segment.name()); !got) return got;
  Sha256 hash;
  uint64_t bytes = 0;
  Bytes rest(64 * 1024);  // the table and footer behind the records are for mirrors, not for us
  while (true) {
    const bool records_left = stream.position().value <= segment.last;
    const MutableBytes room = records_left ? stream.room() : MutableBytes(rest);
    const Result<size_t> got = read(room);
    if (!got) return fail(got.error());
    if (*got == 0) break;
    bytes += *got;
    on_bytes(*got);
    if (bytes > segment.bytes) return fail(Errc::corrupt, "server: a segment is longer than it was listed");
    hash.add(room.first(*got));
    if (!records_left) continue;
    if (const Status read = stream.received(*got, visitor, log::Position{segment.last + 1}); !read) return read;
  }
  stream.drop_rest();
  if (stream.position().value != segment.last + 1) return fail(Errc::corrupt, "server: a segment lacks records");
  if (bytes != segment.bytes || hash.finish() != segment.sha256)
    return fail(Errc::corrupt, "server: a segment is not the one it listed");
  return {};
}

Result<Bytes> ServerLink::query(std::string_view scheme, std::string_view database, ByteView request,
                                uint64_t answer_bytes_max, std::string_view payment) {
  const std::string target = "/v1/pir/" + std::string(scheme) + "/" + std::string(database);
  const Result<HttpAnswer> answer = http_.request({.method = "POST",
                                                   .target = target,
                                                   .content_type = "application/octet-stream",
                                                   .body = request,
                                                   .authorization = payment});
  if (!answer) return fail(answer.error());
  if (answer->status != 200) return refused(*answer);
  return http_.read_all(answer_bytes_max);
}

Result<uint64_t> ServerLink::post(ByteView record) {
  const Result<HttpAnswer> answer = http_.request(
      {.method = "POST", .target = "/v1/records", .content_type = "application/octet-stream", .body = record});
  if (!answer) return fail(answer.error());
  if (answer->status != 200 && answer->status != 201) return refused(*answer);
  const Result<Bytes> body = http_.read_all(kPostedBytesMax);
  if (!body) return fail(body.error());
  return parse_posted(text_of(*body));
}

}  // namespace cwtch::client
