// One profile on one server: posts its messages and finds those of its groups, without the server learning which.
//
// The server is not trusted: every byte it sends is checked, memory is bounded, and what cannot be true is an error
// that says so. Errors of the network are closed, timeout or denied; corrupt means that the server breaks its promises.
// Thread: one; cancel() may come from any.
#pragma once

#include <functional>
#include <string>

#include "engine/client/http_client.hpp"
#include "engine/client/keyring.hpp"
#include "engine/client/message.hpp"
#include "engine/client/server_documents.hpp"
#include "engine/client/store.hpp"
#include "engine/log/format.hpp"

namespace cwtch::client {

// How to fetch what is new. docs/client.md says what each tells the server.
enum class Scheme : uint8_t {
  full,      // from a public boundary to the end, in one answer
  segments,  // whole sealed files, then the tail
  cursor,    // from where we stopped: links sessions, so both sides must allow it
};

struct Progress {
  uint64_t records_done = 0, records_total = 0;
  uint64_t bytes = 0;
};

struct SyncReport {
  uint64_t records = 0;     // looked at
  uint64_t messages = 0;    // of our groups, new to us
  uint64_t unreadable = 0;  // opened with a group's key, and yet no message: a member's fault, not the server's
  uint64_t bytes = 0;       // received
  uint64_t own_bytes = 0;   // of records that were ours to read
};

class Client {
 public:
  struct Options {
    bool allow_leaky = false;
    uint64_t (*now_s)() = nullptr;  // seconds since 1970, for timestamps
  };

  // `host`: of a server that the profile knows.
  Client(Store& store, Random& random, Dialer& dialer, const Endpoint& endpoint, std::string host,
         const Options& options);

  // What the server says of itself. denied when it is not the one the profile knows by this host.
  Result<ServerFacts> facts();
  // The same, for a server that is met for the first time.
  static Result<ServerFacts> meet(Dialer& dialer, const Endpoint& endpoint);

  Result<SyncReport> sync(Scheme scheme, const std::function<void(const Progress&)>& progress);
  // Everything that is known so far, and then whatever arrives, until cancel() or an error.
  Status watch(const std::function<void(const MessageStored&)>& on_message);

  // Posts a text to a group, in parts if it is long; the positions of its messages.
  Result<std::vector<uint64_t>> post(const GroupId& group, std::string_view text, Form form);
  // Messages that were composed and not acknowledged (the program or the connection ended) go out again.
  Status post_outbox();

  void cancel() { http_.cancel(); }
  const HttpTraffic& traffic() const { return http_.traffic(); }

 private:
  struct Pull;

  Result<HttpAnswer> get(const std::string& target);
  Status refused(const HttpAnswer& answer);
  Result<SegmentList> segment_list();
  Result<uint64_t> post_record(ByteView record);
  // Where to begin, and with which keys. `from_reached`: not at a boundary, but where we stopped.
  Pull make_pull(SegmentList list, bool from_reached);
  Status visit(Pull& pull, log::Position position, ByteView record);
  Status take(Pull& pull, ByteView record, log::Position position);
  Status pull_log(Pull& pull, const std::string& target, bool follow);
  Status pull_segment(Pull& pull, const SealedSegment& segment);
  Status pull_segments(Pull& pull);
  Status save(Pull& pull, bool final);

  Store& store_;
  Random& random_;
  Dialer& dialer_;
  HttpClient http_;
  const std::string host_;
  const Options options_;
};

}  // namespace cwtch::client
