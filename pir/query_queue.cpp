#include "pir/query_queue.hpp"

#include <algorithm>

namespace cwtch::pir {

size_t QueryQueue::batch_size() const {
  const auto same = [&](const Waiting& waiting) { return waiting.database == waiting_.front().database; };
  return static_cast<size_t>(std::count_if(waiting_.begin(), waiting_.end(), same));
}

std::vector<void*> QueryQueue::take(uint64_t now_ns) {
  std::vector<void*> batch;
  if (waiting_.empty()) return batch;
  if (now_ns - waiting_.front().since_ns < options_.window_ns && batch_size() < options_.batch_max) return batch;
  const void* const database = waiting_.front().database;
  std::deque<Waiting> rest;
  for (const Waiting& waiting : waiting_) {
    if (waiting.database == database && batch.size() < options_.batch_max) {
      batch.push_back(waiting.query);
    } else {
      rest.push_back(waiting);
    }
  }
  waiting_ = std::move(rest);
  return batch;
}

std::optional<uint64_t> QueryQueue::due_ns() const {
  if (waiting_.empty()) return {};
  if (batch_size() >= options_.batch_max) return waiting_.front().since_ns;
  return waiting_.front().since_ns + options_.window_ns;
}

}  // namespace cwtch::pir
