// Chunks, tables and index files that could not be read or did not verify, for a while: readers get the error without
// reading again, and a fault that passes is found out about soon enough.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "engine/core/clock.hpp"
#include "engine/log/layout.hpp"

namespace cwtch::log {

class DamageMemory {
 public:
  struct Entry {
    const Segment* table_of = nullptr;  // a segment's table; the pointer is compared only
    uint64_t offset = 0;                // or a chunk, in the stream
    uint64_t bytes = 0;
    Error error{};
    std::string file;
    uint64_t until_ns = 0;
    const Segment* index_of = nullptr;  // or a segment's index file
  };

  void add_chunk(const ChunkPlace& place, const Error& error, const std::string& file, uint64_t now_ns) {
    add({nullptr, place.offset, place.bytes, error, file, now_ns + kRememberedNs, nullptr});
  }
  void add_table(const Segment& segment, const Error& error, uint64_t now_ns) {
    add({&segment, 0, 0, error, segment.path, now_ns + kRememberedNs, nullptr});
  }
  void add_index(const Segment& segment, const Error& error, uint64_t now_ns) {
    add({nullptr, 0, 0, error, segment.index_path, now_ns + kRememberedNs, &segment});
  }
  const Entry* chunk_at(uint64_t offset, uint64_t now_ns) const {
    return find(now_ns, [&](const Entry& e) { return e.table_of == nullptr && offset - e.offset < e.bytes; });
  }
  const Entry* table_of(const Segment& segment, uint64_t now_ns) const {
    return find(now_ns, [&](const Entry& e) { return e.table_of == &segment; });
  }
  const Entry* index_of(const Segment& segment, uint64_t now_ns) const {
    return find(now_ns, [&](const Entry& e) { return e.index_of == &segment; });
  }

 private:
  static constexpr uint64_t kRememberedNs = kSecond;
  static constexpr size_t kEntriesMax = 256;  // on a medium that is dying, the oldest are read again

  void add(Entry entry) {
    std::erase_if(entries_, [&](const Entry& e) {
      return e.until_ns <= entry.until_ns - kRememberedNs ||
             (e.table_of == entry.table_of && e.index_of == entry.index_of && e.offset == entry.offset &&
              e.bytes == entry.bytes);
    });
    if (entries_.size() == kEntriesMax) entries_.erase(entries_.begin());
    entries_.push_back(std::move(entry));
  }
  template <class Predicate>
  const Entry* find(uint64_t now_ns, Predicate predicate) const {
    for (const Entry& entry : entries_)
      if (now_ns < entry.until_ns && predicate(entry)) return &entry;
    return nullptr;
  }

  std::vector<Entry> entries_;
};

}  // namespace cwtch::log
