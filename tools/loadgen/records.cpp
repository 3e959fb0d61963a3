#include "tools/loadgen/records.hpp"

#include "engine/core/check.hpp"
#include "engine/core/codec.hpp"
#include "engine/core/random.hpp"
#include "engine/log/format.hpp"

namespace cwtch::loadgen {
namespace {
constexpr size_t kPoolBytes = 1 << 20;

uint64_t split_mix(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void fill(MutableBytes to, uint64_t& state) {
  static_assert(log::kSignatureBytes % 8 == 0 && log::kNonceBytes % 8 == 0);
  for (size_t i = 0; i < to.size(); i += 8) store_le(to.data() + i, split_mix(state));
}

}  // namespace

RecordMaker::RecordMaker(uint64_t seed, size_t record_bytes)
    : record_bytes_(record_bytes), state_(seed), pool_(kPoolBytes + log::kRecordBytesMax) {
  CHECK(record_bytes >= log::kRecordBytesMin);
  CHECK(record_bytes <= log::kRecordBytesMax);
  SeededRandom(seed).fill(pool_);
}

void RecordMaker::next(MutableBytes to) {
  CHECK(to.size() == record_bytes_);
  constexpr size_t kHead = log::kSignatureBytes + log::kEntryBytes;
  fill(to.first(log::kSignatureBytes), state_);
  std::memset(to.data() + log::kSignatureBytes, 0, log::kEntryBytes);
  fill(to.subspan(kHead, log::kNonceBytes), state_);
  const MutableBytes rest = to.subspan(kHead + log::kNonceBytes);
  std::memcpy(rest.data(), pool_.data() + split_mix(state_) % kPoolBytes, rest.size());
}

}  // namespace cwtch::loadgen
