// One fetch by private retrieval: the server sees what it costs and over which public ranges, and not what was wanted.
//
//   one connection   the list of databases, checked against the public grid; the list of segments; the index from the
//                    public boundary where it was left, to the end of what is sealed; the static blobs of every
//                    database, whole
//   at fixed marks   `rounds` queries of every database, each on a connection of its own, dummies where nothing is
//                    wanted; a lap of them is made before its first one goes out, and opened before the next lap
//   one connection   the records behind the last database, in full
//
// Every request, its size, its order and when it begins follow from the server's public documents and from `rounds`,
// which is the same for whoever asks alike: never from groups, wants, or what came back. A member's own work is done
// before marks and behind the last request. A query that fails is lost: its rows wait for another slot, and there is no
// slot more because of it.
#pragma once

#include <functional>

#include "engine/client/databases.hpp"
#include "engine/client/fetched.hpp"
#include "engine/client/index_pull.hpp"
#include "engine/client/marks.hpp"
#include "engine/client/question.hpp"

namespace cwtch::client {

struct RetrieveOptions {
  std::string scheme;
  uint32_t rounds = 16;
  bool allow_relaxed_trust = false;  // schemes that need trust in the server, or leak more
  uint32_t mark_ms = 5'000;          // from mark to mark: more than a member's own work ever takes
  uint64_t lap_bytes = 64 << 20;     // of queries that are made before the first of them goes out
};

struct RetrieveProgress {
  uint64_t queries_done = 0, queries_total = 0;
};

struct RetrieveReport : FetchTally {
  uint64_t records = 0;  // in what was read of the index
  uint64_t wanted = 0;   // of our groups, in databases and not here yet
  uint64_t waiting = 0;  // still wanted after the last round
  uint64_t outside = 0;  // wanted, but older than what the server offers
  bool overran = false;  // a mark was too short for this machine, or this network
  // On the wire, with headers.
  uint64_t documents_bytes = 0, index_bytes = 0, statics_bytes = 0, query_bytes = 0, tail_bytes = 0;
  uint64_t bytes() const { return documents_bytes + index_bytes + statics_bytes + query_bytes + tail_bytes; }
};

class Retrieve {
 public:
  Retrieve(Store& store, Random& random, Dialer& dialer, Payer& payer, MarkClock& clock, const Endpoint& endpoint,
           std::string host, const RetrieveOptions& options);

  std::function<void(const RetrieveProgress&)> on_progress;
  Result<RetrieveReport> run();

 private:
  struct Database {
    OfferedDatabase offered;
    std::unique_ptr<pir::Client> client;
  };

  Status check_offer(const OfferList& list, const pir::Scheme& scheme);
  // What the index says, and which records are wanted because of it.
  Status understand(IndexPull& pull, ByteView index);
  void query_all(const pir::Scheme& scheme, Marks& marks);
  void open_lap();
  Status read_tail(ByteView tail, uint64_t from);
  void keep(size_t group, uint64_t position, ByteView record);

  Store& store_;
  Random& random_;
  Dialer& dialer_;
  Payer& payer_;
  MarkClock& clock_;
  const Endpoint endpoint_;
  const std::string host_;
  const RetrieveOptions options_;
  Keyring keyring_;
  std::vector<GroupId> groups_;           // as the keyring numbers them
  uint64_t first_row_ = 0, end_row_ = 0;  // of the databases
  uint32_t row_bytes_ = 0;
  std::vector<Database> databases_;
  std::optional<RowCollector> collector_;
  std::vector<Question> lap_;  // made, and perhaps asked
  std::vector<RowCollector::Whole> fetched_;
  uint64_t tail_position_ = 0;  // of the first record that is not wholly in the databases' rows
  std::vector<Event> events_;
  RetrieveReport report_;
};

}  // namespace cwtch::client
