// An audit of what a server gives to those who fetch privately. Statics are a function of the log's rows and of public
// numbers alone: whoever has the log computes what an honest server has, and compares, byte for byte.
//
//   a connection per scheme   what a newcomer's fetch by it begins with: /v1/server, /v1/shards, /v1/segments, the
//                             index of all that is sealed, every static blob of the history; then the blobs of the
//                             databases of polls. The list of the first connection counts for all: a server has named
//                             the statics of every scheme before it can tell an audit from a newcomer
//   one more                  every sealed segment with rows of these databases, whole, checked against its hash
//   none                      the statics of one database after the other, computed from the rows
//
// No profile is read or changed, and nothing that is asked depends on one.
//
// Bound:   nothing is downloaded of which the list says that it is too large: a blob of another size than the scheme's,
//          statics of more than 4 GB, databases that a server holds in more than 4 GiB each, rows or segments of more
//          than options.bytes_max.
// Memory:  that of pir::Scheme::statics() for one database: with rows of 3,072 bytes 60 MB for simplepir, the rows and
//          100 MB for ring32 (300 MB for 65,536 of them), 0.7 GB for ring32's databases of polls.
// Disk:    the rows of all databases, in a file without a name in options.directory.
#pragma once

#include <functional>
#include <map>

#include "engine/client/databases.hpp"
#include "engine/client/index_stream.hpp"
#include "engine/client/row_file.hpp"

namespace cwtch::client {

enum class AuditVerdict : uint8_t {
  matches,         // what is listed and what is served are of the log's rows
  retired,         // the server took it back meanwhile, as it may: nothing is known of it
  listed_differs,  // the list names other statics than the rows have
  served_differs,  // the list names the right ones, other bytes came
  not_served,      // the list names the right ones, none came, and it goes on naming them
};
const char* name(AuditVerdict verdict);
// Whether an honest server may be the cause.
bool harmless(AuditVerdict verdict);

struct AuditedDatabase {
  const pir::Scheme* scheme;
  std::string name;
  uint64_t rows;
  uint64_t statics_bytes;
  AuditVerdict verdict;
};

struct AuditReport {
  std::string host;  // of whom
  std::vector<AuditedDatabase> databases;
  std::vector<const pir::Scheme*> not_offered;  // no databases of these now
  uint64_t records = 0;                         // of the log, read
  uint64_t bytes = 0;                           // on the wire, with headers
};

struct AuditOptions {
  std::vector<const pir::Scheme*> schemes;
  std::string directory;  // for the temporary file
  uint64_t bytes_max = uint64_t{256} << 30;
  pir::Parallel parallel = pir::run_serially;
};

// Done and to do, of bytes to be received or, later, of transforms to be computed.
struct AuditProgress {
  bool computing;
  uint64_t done, total;
};

class Audit {
 public:
  // `host`: the server that must answer there; "": whichever does. Public randomness is derived from it.
  Audit(io::Files& files, Random& random, Dialer& dialer, const Endpoint& endpoint, std::string host,
        const AuditOptions& options);

  std::function<void(const AuditProgress&)> on_progress;
  // corrupt: what the server says of its log contradicts itself or its bytes, so that nothing can be compared with it.
  Result<AuditReport> run();

 private:
  struct Served {
    enum class Kind : uint8_t { bytes, none, retired } kind;
    ByteArray<32> sha256{};  // of the bytes
  };
  struct Target {
    const pir::Scheme* scheme;
    OfferedDatabase offered;
    std::vector<Served> statics;
  };
  class Writer;

  Status ask(const pir::Scheme& scheme);
  Result<std::vector<OfferedDatabase>> offered(const pir::Scheme& scheme) const;
  Status check_sizes(const pir::Scheme& scheme, const std::vector<OfferedDatabase>& databases);
  Status read_index(ServerLink& link);
  Status add(ServerLink& link, const pir::Scheme& scheme, OfferedDatabase offered);
  Result<Served> fetch(ServerLink& link, const pir::Scheme& scheme, const DatabaseOffer::Static& blob);
  Status read_rows();
  Status read_segments(ServerLink& link, Writer& writer);
  Result<AuditVerdict> judge(const Target& target) const;

  io::Files& files_;
  Random& random_;
  Dialer& dialer_;
  const Endpoint endpoint_;
  std::string host_;
  const AuditOptions options_;

  std::optional<ServerFacts> facts_;  // of the first connection that got so far, as the next
  OfferList list_;
  std::vector<Target> targets_;
  SegmentList segments_;                           // the newest list
  std::map<uint64_t, uint64_t> rows_at_;           // row by position, wherever a block of the index begins or ends
  uint64_t first_row_ = UINT64_MAX, end_row_ = 0;  // of all targets
  double statics_bytes_ = 0;                       // likewise
  std::unique_ptr<RowFile> rows_;
  AuditProgress progress_{};
  AuditReport report_;
};

}  // namespace cwtch::client
