// One fetch by private retrieval: the server sees what it costs and over which public ranges, and not what was wanted.
//
//   the list of databases, checked against the public grid
//   the list of segments, and the index stream from the boundary where it was left: which records are ours, and in
//   which rows
//   the static blobs of every database, whole
//   `rounds` rounds: one query of every database in each, dummies where nothing is wanted
//   the records behind the last database, in full
//
// Every request, its size and its order follow from the server's public documents and `rounds`, which is the same for
// whoever asks alike: never from groups, wants, or what came back. What came is opened behind the last query, so that
// the time between two of them tells nothing. A query has a connection of its own. One that fails is lost: its rows
// wait for another one, and nothing is asked again because of it.
#pragma once

#include <functional>

#include "engine/client/databases.hpp"
#include "engine/client/fetched.hpp"
#include "engine/client/index_pull.hpp"
#include "engine/client/row_collector.hpp"
#include "pir/scheme.hpp"

namespace cwtch::client {

struct RetrieveOptions {
  std::string scheme;
  uint32_t rounds = 16;
  bool allow_relaxed_trust = false;  // schemes that need trust in the server, or leak more
};

struct RetrieveProgress {
  uint64_t queries_done = 0, queries_total = 0;
};

struct RetrieveReport : FetchTally {
  uint64_t records = 0;  // in the index
  uint64_t wanted = 0;   // of our groups, in databases and not here yet
  uint64_t waiting = 0;  // still wanted after the last round
  uint64_t outside = 0;  // wanted, but older than what the server offers
  uint64_t failed_queries = 0;
  // On the wire, with headers.
  uint64_t index_bytes = 0, statics_bytes = 0, query_bytes = 0, tail_bytes = 0;
  uint64_t bytes() const { return index_bytes + statics_bytes + query_bytes + tail_bytes; }
};

class Retrieve {
 public:
  Retrieve(Store& store, Random& random, Dialer& dialer, const Endpoint& endpoint, std::string host,
           const RetrieveOptions& options);

  std::function<void(const RetrieveProgress&)> on_progress;
  Result<RetrieveReport> run(ServerLink& link, const ServerFacts& facts);

 private:
  struct Database {
    std::string name;
    std::unique_ptr<pir::Client> client;
  };

  Status check_offer(const OfferList& list);
  Status read_statics(ServerLink& link);
  Status read_index(ServerLink& link, const ServerFacts& facts);
  void query_all();
  void query(const Database& database);
  Status read_tail(ServerLink& link);
  void keep(size_t group, uint64_t position, ByteView record);

  Store& store_;
  Random& random_;
  Dialer& dialer_;
  const Endpoint endpoint_;
  const std::string host_;
  const RetrieveOptions options_;
  const pir::Scheme* scheme_ = nullptr;
  Keyring keyring_;
  std::vector<GroupId> groups_;  // as the keyring numbers them
  SchemeOffer offer_;
  uint32_t row_bytes_ = 0;
  std::vector<pir::Geometry> geometries_;
  std::vector<Database> databases_;
  SegmentList list_;
  std::optional<RowCollector> collector_;
  std::vector<RowCollector::Whole> fetched_;
  uint64_t tail_position_ = 0;  // of the first record that is not wholly in the databases' rows
  std::vector<Event> events_;
  RetrieveReport report_;
};

}  // namespace cwtch::client
