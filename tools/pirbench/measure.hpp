// Measures one cell: makes the database, then batches of queries against it, every recovered row compared with the
// truth. CPU seconds of this process, which does nothing else meanwhile.
//
// Thread: one. Nothing is printed or written here.
#pragma once

#include <memory>

#include "tools/pirbench/cells.hpp"
#include "tools/pirbench/rows.hpp"

namespace cwtch::pirbench {

struct Limits {
  uint64_t repetitions = 5;
  double seconds_max = 60;  // no repetition begins later than that
  uint64_t threads = 1;
};

struct SetupFigures {
  std::vector<double> cpu, wall;  // seconds of each repetition
  uint64_t statics_bytes = 0;
  uint64_t server_bytes = 0;
};

struct BatchFigures {
  std::vector<double> answer_cpu, answer_wall;  // of a whole batch
  std::vector<double> query, recover;           // of one query each
  // Means over all queries; the same for all where a scheme hides what is wanted.
  double request_bytes = 0, answer_bytes = 0;
  uint64_t queries = 0;
  uint64_t wrong_rows = 0;  // wanted, and not there or with other bytes
  uint64_t peak_bytes = 0;  // of the process since the database was made
};

// What measuring will hold in memory at once, roughly: the rows, the server, its statics twice, a batch's messages.
double memory_needed(const Cell& cell, uint64_t batch);

class Bench {
 public:
  // Both must outlive it.
  Bench(const Cell& cell, const Rows& rows, const Limits& limits);

  // Makes the server, as often as the limits say, and the client. `stop` is asked between repetitions: when it says so
  // what has been measured is what there is.
  OrText<SetupFigures> set_up(const std::function<bool()>& stop);
  // REQUIRES: set_up() has succeeded
  OrText<BatchFigures> measure(uint64_t batch, const std::function<bool()>& stop);

 private:
  std::vector<uint64_t> draw();
  Status answer_batch(uint64_t batch, BatchFigures& figures);
  uint64_t wrong_rows(std::vector<uint64_t> wanted, const std::vector<pir::Row>& fetched) const;

  const Cell& cell_;
  const Rows& rows_;
  const Limits limits_;
  const pir::Context context_;
  SeededRandom choices_;  // of rows
  SystemRandom random_;   // of the scheme
  std::unique_ptr<pir::Server> server_;
  std::unique_ptr<pir::Client> client_;
};

}  // namespace cwtch::pirbench
