// The native API as its user sees it: one kept connection, documents parsed, refusals turned into Errors.
//
// Thread: one; cancel() may come from any.
#pragma once

#include <functional>

#include "engine/client/http_client.hpp"
#include "engine/client/record_stream.hpp"
#include "engine/client/server_documents.hpp"

namespace cwtch::client {

class ServerLink {
 public:
  ServerLink(Dialer& dialer, const Endpoint& endpoint) : http_(dialer, endpoint) {}

  // What the server says of itself. unsupported when what answers is no cwtchd.
  Result<ServerFacts> facts();
  // The same of a server that is known. denied: it is another one.
  Result<ServerFacts> facts_of(std::string_view host);
  Result<SegmentList> segments();

  Result<OfferList> offers();
  // A static blob of `bytes` bytes, checked against its hash.
  Result<Bytes> blob(const ByteArray<32>& sha256, uint64_t bytes);
  // A sealed file, whole. `visitor` sees its records as they come; that they are those of the listed file is known only
  // at the end. corrupt: they are not. REQUIRES: the stream is where the segment begins.
  Status segment(const SealedSegment& segment, RecordStream& stream, RecordStream::Visitor& visitor,
                 const std::function<void(size_t bytes)>& on_bytes);
  // The answer to a query of private retrieval, of at most `answer_bytes_max` bytes. `payment`: see payer.hpp.
  Result<Bytes> query(std::string_view scheme, std::string_view database, ByteView request, uint64_t answer_bytes_max,
                      std::string_view payment = {});

  // The content, whole; refused unless the answer is 200. too_large: beyond `bytes_max`.
  Result<Bytes> document(const std::string& target, size_t bytes_max);
  // Content to be read with read(); refused unless the answer is 200.
  Status get(const std::string& target);
  Result<size_t> read(MutableBytes to) { return http_.read(to); }

  // The position of the record. May be repeated without harm: the same bytes get the same answer.
  Result<uint64_t> post(ByteView record);

  void disconnect() { http_.disconnect(); }
  void cancel() { http_.cancel(); }
  const HttpTraffic& traffic() const { return http_.traffic(); }

 private:
  Failure refused(const HttpAnswer& answer);

  HttpClient http_;
};

}  // namespace cwtch::client
