// Queries that wait to be answered: bounded, first come first served, taken in batches of one database. Pure: who takes
// brings the time.
//
// A connection has one query at a time, so first come first served is a turn for each. A batch is what waits for the
// oldest query's database, once that query has waited `window_ns` or the batch is full: queries of many clients then
// share one pass over the database.
//
// Thread: one at a time; callers lock.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace cwtch::pir {

class QueryQueue {
 public:
  struct Options {
    size_t queries_max = 256;
    size_t batch_max = 64;
    uint64_t window_ns = 20'000'000;
  };
  struct Waiting {
    const void* database;
    void* query;
    uint64_t since_ns;
  };

  explicit QueryQueue(const Options& options) : options_(options) {}

  bool full() const { return waiting_.size() >= options_.queries_max; }
  size_t size() const { return waiting_.size(); }
  void push(const void* database, void* query, uint64_t now_ns) { waiting_.push_back({database, query, now_ns}); }
  // The oldest query's batch, in order of arrival; empty: wait until due_ns().
  std::vector<void*> take(uint64_t now_ns);
  // When take() will yield something; nothing: never, until there is a push().
  std::optional<uint64_t> due_ns() const;

 private:
  size_t batch_size() const;  // of the oldest query's database

  const Options options_;
  std::deque<Waiting> waiting_;
};

}  // namespace cwtch::pir
