#include "tools/simulate/workload.hpp"

#include <algorithm>

#include "engine/log/format.hpp"

namespace cwtch::simulate {

Workload Workload::draw(uint64_t seed, Focus focus) {
  sim::Dice dice(seed ^ 0x70AD);
  Workload one;
  one.log.chunk_bytes = 8192u << dice.below(2);
  one.log.journal_files = static_cast<uint32_t>(dice.between(3, 4));
  one.log.journal_file_bytes = 64 * 1024;
  one.log.group_bytes_max = 16 * 1024u << dice.below(2);
  one.log.sync_with_fdatasync = dice.below(3) == 0;
  one.log.seal_records = static_cast<uint32_t>(dice.between(4, 12));
  one.log.seal_records_hour_min = static_cast<uint32_t>(dice.between(2, 6));
  one.log.merge_factor = static_cast<uint32_t>(dice.between(2, 4));
  one.log.merged_bytes_max = 128 * 1024u << dice.below(3);
  if (dice.below(4) == 0) one.log.retain_records_max = dice.between(20, 60);
  one.disk_faults.short_write = dice.below(2) == 0 ? 0.2 : 0;
  one.disk_faults.short_read = dice.below(2) == 0 ? 0.2 : 0;
  if (dice.below(4) == 0) {  // the log is poisoned somewhere in its life
    one.disk_faults.write_error = 0.01 * static_cast<double>(dice.below(3));
    one.disk_faults.sync_error = 0.02 * static_cast<double>(dice.below(3));
    one.disk_faults.name_error = 0.01 * static_cast<double>(dice.below(3));
  }
  one.disk_faults.buffered = dice.below(3) == 0;
  one.lives = static_cast<uint32_t>(dice.between(1, 4));
  one.records_per_life = static_cast<uint32_t>(dice.between(5, 100));
  one.record_bytes = dice.below(3) == 0 ? 0 : 2800;
  switch (focus) {
    case Focus::all:
      break;
    case Focus::one_length:
      one.record_bytes = 2800;
      one.lives = 5;
      break;
    case Focus::recovery_steps:
      one.records_per_life = 20;
      one.recovery_cuts_every = 1;
      one.recovery_images_per_boundary = 3;
  }
  return one;
}

Bytes make_record(uint64_t seed, uint32_t bytes_wanted) {
  sim::Dice dice(seed);
  size_t size = bytes_wanted;
  if (size == 0) {
    size = dice.below(4) == 0 ? dice.between(log::kRecordBytesMin, log::kRecordBytesMax)
                              : dice.between(log::kRecordBytesMin, 1500);
  }
  Bytes record(size);
  for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
    const uint64_t word = dice.next();
    std::memcpy(record.data() + at, &word, std::min(sizeof word, size - at));
  }
  std::fill_n(record.begin() + log::kSignatureBytes, log::kEntryBytes, 0);
  return record;
}

}  // namespace cwtch::simulate
