#include "bench/day/strangers.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "engine/client/message.hpp"
#include "engine/log/format.hpp"

namespace cwtch::bench {
namespace {

constexpr size_t kConnections = 16;  // so that one write to the medium holds several records

// Its hash is right, which the server checks; its tag is nobody's.
Bytes tagged_record(Random& random) {
  Bytes record(log::kSignatureBytes + log::kEntryBytes + client::kTaggedCiphertextBytes);
  random.fill(record);
  const ByteView bytes(record);
  const auto hash = log::record_hash(bytes.first(log::kSignatureBytes), bytes.last(client::kTaggedCiphertextBytes));
  std::copy(hash.begin(), hash.end(), record.begin() + log::kSignatureBytes);
  return record;
}

}  // namespace

Strangers::Strangers(const client::Endpoint& endpoint, uint64_t seed) {
  for (size_t i = 0; i < kConnections; ++i)
    posters_.push_back(std::make_unique<Poster>(dialer_, endpoint, seed * kConnections + i));
}

void Strangers::post(uint64_t records) {
  std::atomic<uint64_t> begun = 0;
  std::mutex mutex;
  std::string failure;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min<uint64_t>(records, posters_.size()); ++i) {
    threads.emplace_back([&, &poster = *posters_[i]] {
      while (begun++ < records) {
        const Result<uint64_t> posted = poster.link.post(tagged_record(poster.random));
        if (posted) continue;
        const std::lock_guard lock(mutex);
        failure = posted.error().message();
        return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (!failure.empty()) throw std::runtime_error("posting: " + failure);
}

}  // namespace cwtch::bench
