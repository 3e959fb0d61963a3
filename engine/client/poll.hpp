// One poll: what is new, without the server learning for whom. docs/client.md has the eight rules that it follows.
//
//   one connection   /v1/server, /v1/shards, /v1/segments; the index from the public boundary where it was left, to the
//                    end of what is sealed; the static blobs of every database that will be asked
//   then             a pause of fixed length, in which the member's own work is done: matching, choosing, encrypting
//   at fixed marks   pir::hot_vectors(slots) queries of the newest two windows, and in the first poll of a day
//                    pir::day_vectors(slots) of the day before, each on a connection of its own, all of them made
//                    before the first one goes out
//   then             decrypting, checking, keeping
//
// What is wanted, found, spoilt, missing or waiting changes nothing of this. A query that fails is lost; an earlier
// failure is the end of the poll. Nothing is asked again, nor by a program that is started again: what was asked and
// read is kept in the profile.
#pragma once

#include "engine/client/databases.hpp"
#include "engine/client/fetched.hpp"
#include "engine/client/index_pull.hpp"
#include "engine/client/marks.hpp"
#include "engine/client/question.hpp"

namespace cwtch::client {

struct PollOptions {
  std::string scheme = "ring32";
  uint32_t slots = 16;               // rows per poll: 8, 16 or 32. Choose it once: it is what the server sees
  bool allow_relaxed_trust = false;  // schemes that need trust in the server, or leak more
  uint32_t every_h = 1;              // hours from poll to poll: 1, or 2, with which every record has one chance less
  uint32_t mark_ms = 20'000;         // from mark to mark: more than a member's own work ever takes
};

struct PollReport : FetchTally {
  uint64_t records = 0;  // in what was read of the index
  uint64_t wanted = 0;   // of our groups, in these databases and not here yet
  uint64_t waiting = 0;  // wanted and still to come by later polls
  uint64_t outside = 0;  // wanted, and out of reach of every later poll
  // Of our groups, in the newest 24 windows; and how many of so many polls do not bring (pir::messages_per_day). More
  // than none: this member should take everything instead.
  uint64_t arrived = 0, overload = 0;
  uint32_t queries = 0;
  bool day = false;      // the day's batch was part of it
  bool overran = false;  // a mark was too short for this machine, or this network
  // On the wire, with headers.
  uint64_t documents_bytes = 0, index_bytes = 0, statics_bytes = 0, query_bytes = 0, day_bytes = 0;
  uint64_t bytes() const { return documents_bytes + index_bytes + statics_bytes + query_bytes + day_bytes; }
};

class Poller {
 public:
  Poller(Store& store, Random& random, Dialer& dialer, Payer& payer, MarkClock& clock, const Endpoint& endpoint,
         std::string host, const PollOptions& options);

  // One poll, begun now; when is PollSchedule's to say. busy: the server has no such databases now.
  Result<PollReport> poll();

 private:
  struct Database {
    OfferedDatabase offered;
    std::unique_ptr<pir::Client> client;
    bool day;
  };
  struct Slot {
    bool day;
    Question question;
  };

  const ServerState& state() const { return *store_.profile().server(host_); }
  Status plan(const OfferList& list, const pir::Scheme& scheme, std::vector<Database>& databases) const;
  std::vector<Slot> fill_slots(const std::vector<Database>& databases, RowCollector& collector, uint64_t batch_row);
  void ask(const Desk& desk, Slot& slot, PollReport& report);
  Status open(std::vector<Slot>& slots, RowCollector& collector, uint32_t row_bytes, PollReport& report);

  Store& store_;
  Random& random_;
  Dialer& dialer_;
  Payer& payer_;
  MarkClock& clock_;
  const Endpoint endpoint_;
  const std::string host_;
  const PollOptions options_;
};

}  // namespace cwtch::client
