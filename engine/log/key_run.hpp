// One immutable, sorted run of keys: a file, of which only the Bloom filter and the fences are in memory.
//
//   page ... page | filter | fences | zeros | footer        in blocks of 4096 bytes; docs/log_format.md has every byte
//
// A page holds up to 313 keys, ascending by fingerprint and then position: 8 bytes of fingerprint and 5 of position
// each. A fence is the first fingerprint of its page, so a question costs the read of one page. The CRC-32C of a page
// covers its number and the run's name, so that a page from elsewhere does not pass for it; the footer has the CRC of
// filter and fences, and one of its own.
//
// Thread:  a KeyRun is immutable: any. Opening and building block: workers and start-up.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/core/aligned_memory.hpp"
#include "engine/io/files.hpp"
#include "engine/log/bloom.hpp"
#include "engine/log/key_index.hpp"

namespace cwtch::log {

constexpr size_t kKeyPageHeaderBytes = 16;  // crc u32, page number u32, keys u16, zeros
constexpr size_t kKeyDiskBytes = 13;
constexpr size_t kKeysPerPage = (kBlockBytes - kKeyPageHeaderBytes) / kKeyDiskBytes;
static_assert(kKeysPerPage == 313);
constexpr uint64_t kKeyPositionsMax = uint64_t{1} << 40;

class KeyRun {
 public:
  struct PageRange {
    uint64_t first;
    uint64_t last;  // inclusive; beyond `first` only when the fingerprint is itself a fence
  };

  // *bytes_read grows by what was read: footer, filter and fences. corrupt when they are damaged, not_found without a
  // file.
  static Result<std::shared_ptr<const KeyRun>> open(io::Files& files, const std::string& directory, const RunName& name,
                                                    uint64_t* bytes_read);

  const RunName& name() const { return name_; }
  uint64_t keys_count() const { return keys_count_; }
  uint64_t pages_count() const { return pages_count_; }
  size_t memory_bytes() const { return memory_.size() + sizeof *this; }
  io::File file() const { return file_.get(); }

  void prefetch(uint64_t fingerprint) const { bloom::prefetch(blocks_, blocks_count_, fingerprint); }
  bool may_contain(uint64_t fingerprint) const {
    return keys_count_ > 0 && bloom::may_contain(blocks_, blocks_count_, fingerprint);
  }
  // The pages that would hold it. REQUIRES: keys_count() > 0
  PageRange pages_of(uint64_t fingerprint) const;
  static uint64_t offset_of(uint64_t page) { return page * kBlockBytes; }
  // Adds the positions of `fingerprint` in the page just read. corrupt when the page is not what was written.
  Status search(ByteView bytes, uint64_t page, uint64_t fingerprint, std::vector<Position>& positions) const;

  // For merging: the page's keys, all of them. corrupt as above.
  Status keys_of_page(ByteView bytes, uint64_t page, std::vector<Key>& keys) const;

 private:
  KeyRun() = default;
  Status check_page(ByteView bytes, uint64_t page, size_t* keys_count) const;

  RunName name_{};
  uint64_t keys_count_ = 0;
  uint64_t pages_count_ = 0;
  uint64_t blocks_count_ = 0;
  const BloomBlock* blocks_ = nullptr;
  const uint64_t* fences_ = nullptr;
  AlignedMemory memory_;  // filter and fences, as they lie in the file
  io::OpenFile file_;
};

// Writes a run, key by key, in ascending order. Blocking: for workers.
class KeyRunWriter {
 public:
  // Starts "NAME.new"; one that a crash left behind is replaced. `keys_max`: the filter is made for so many.
  static Result<KeyRunWriter> start(io::Files& files, const std::string& directory, const RunName& name,
                                    uint64_t keys_max);
  KeyRunWriter(KeyRunWriter&&) = default;
  ~KeyRunWriter();  // removes what finish() has not
  // REQUIRES: not below the last one, in the run's positions. corrupt beyond keys_max.
  Status add(const Key& key);
  // Writes the rest, syncs, renames, syncs the directory, opens the result (which reads and checks what was written).
  Result<std::shared_ptr<const KeyRun>> finish();

 private:
  KeyRunWriter() = default;
  void close_page();
  Status write_buffer();

  io::Files* files_ = nullptr;
  std::string directory_;
  RunName name_{};
  io::OpenFile file_;
  uint64_t file_bytes_ = 0;
  uint64_t keys_max_ = 0;
  uint64_t keys_count_ = 0;
  Key last_{0, 0};
  AlignedMemory buffer_;  // pages not written yet; the last one is open
  size_t buffer_pages_ = 0;
  size_t page_keys_ = 0;
  uint64_t blocks_count_ = 0;
  AlignedMemory filter_;
  std::vector<uint64_t> fences_;
};

Result<std::shared_ptr<const KeyRun>> merge_runs(io::Files& files, const std::string& directory,
                                                 const std::vector<RunName>& from, const RunName& to,
                                                 Position first_retained);

}  // namespace cwtch::log
