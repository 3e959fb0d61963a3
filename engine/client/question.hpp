// One query of a database. It is made, sent and opened in three steps, because when each of them happens must not
// depend on what it asks for: that is for whoever asks to see to.
#pragma once

#include <span>

#include "engine/client/payer.hpp"
#include "engine/client/row_collector.hpp"
#include "engine/client/server_link.hpp"
#include "pir/scheme.hpp"

namespace cwtch::client {

// Where questions go, and who pays for them. All of it outlives them.
struct Desk {
  const pir::Scheme& scheme;
  Dialer& dialer;
  const Endpoint& endpoint;
  Payer& payer;
};

class Question {
 public:
  // For these rows of `client`'s database, which the server calls `database`. REQUIRES: both outlive it.
  Question(const pir::Client& client, const std::string& database, std::span<const uint64_t> rows, Random& random)
      : client_(client), database_(database), idle_(rows.empty()), query_(client.query(rows, random)) {}

  // Once, on a connection of its own. A question that fails is lost, and says so when it is opened. Bytes on the wire.
  uint64_t ask(const Desk& desk);
  // Gives the rows that came to `collector`, and to `whole` the records that have them all now. Once; an error: none
  // came, and why.
  Status open(RowCollector& collector, std::vector<RowCollector::Whole>& whole);
  bool failed() const { return !answer_; }

 private:
  const pir::Client& client_;
  const std::string& database_;
  const bool idle_;  // asks for nothing: for Mutant::close_when_idle alone
  pir::Query query_;
  Result<Bytes> answer_ = fail(Errc::busy, "query: not asked yet");
};

}  // namespace cwtch::client
