// What an operator may know: counts, rounded and not fresh, so that no single client's doing shows in them.
//
// Rounding: every count of events is rounded down to a multiple of 10, and taken at most once a minute.
// Thread:   the admin thread's.
#pragma once

#include <string>

#include "engine/core/clock.hpp"
#include "engine/server/shard.hpp"

namespace cwtch::server {

class Metrics {
 public:
  Metrics(const ShardContext& context, const Clock& clock) : context_(context), clock_(clock) {}

  std::string prometheus();  // text exposition format 0.0.4
  std::string json();        // the same numbers
  bool healthy() const;      // posts are accepted, as far as the log is concerned

 private:
  // One number with its name (by the Prometheus guide: base units, _total for counters), kind and meaning.
  struct Row {
    const char* name;
    const char* kind;  // "counter" or "gauge"
    const char* help;
    uint64_t value;
  };
  std::vector<Row> rows() const;
  void refresh();

  const ShardContext& context_;
  const Clock& clock_;
  uint64_t taken_ns_ = 0;
  std::vector<Row> taken_;
};

}  // namespace cwtch::server
