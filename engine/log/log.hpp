// The writer of the log: accepts records, makes them durable in groups, seals, merges and retires segments.
//
// Order:    records get positions in the order of append(); completions come in that order, after the group is on
// stable
//           storage. Nothing that is not durable is ever published to readers or acknowledged.
// Thread:   one shard's. Sealing, merging and key-index runs are made on worker threads through Io::work.
// Failure:  the first write or sync error poisons the log: every post in flight and all later ones fail with read_only,
// reading
//           goes on, nothing is retried; a restart re-verifies from the medium. A full medium while sealing is not
//           poison: posts fail with read_only once the journal ring is full, and go on when sealing succeeds again.
// Format:   docs/log_format.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/core/clock.hpp"
#include "engine/core/random.hpp"
#include "engine/io/files.hpp"
#include "engine/io/io.hpp"
#include "engine/log/index_block.hpp"
#include "engine/log/layout.hpp"

namespace cwtch::log {

struct Options {
  uint32_t chunk_bytes = 256 * 1024;          // fixed when the log is made; a multiple of 4096
  uint32_t journal_files = 4;                 // ring size; fixed when the log is made
  uint64_t journal_file_bytes = 16ull << 20;  // fixed when the log is made
  uint32_t row_bytes = kRowBytesDefault;      // of private retrieval; fixed when the log is made
  uint32_t group_bytes_max = 1 << 20;         // what one write holds at most
  bool sync_with_fdatasync = false;           // write + fdatasync instead of RWF_DSYNC
  uint32_t seal_records = 4096;               // seal when so many lie in the open tail segment
  uint32_t seal_records_hour_min = 64;        // at the full hour, seal if there are at least so many
  uint32_t merge_factor = 8;                  // so many neighbours of one level become one of the next
  uint64_t merged_bytes_max = 1ull << 30;     // no merging beyond this file size
  uint64_t retain_bytes_max = 0;              // 0: no limit. Whole segments go, oldest first
  uint64_t retain_records_max = 0;
  uint32_t retain_days_max = 0;
};

// What recovery and the running log tell the operator; counters only.
struct Statistics {
  uint64_t records_appended = 0, groups_written = 0, group_bytes_written = 0, duplicates = 0, conflicts = 0;
  uint64_t segments_sealed = 0, segments_merged = 0, segments_retired = 0;
  uint64_t index_memory_bytes = 0, index_keys = 0, index_disk_reads = 0;
  uint64_t start_bytes_read = 0;  // by open()
  uint64_t damage_found = 0;      // by merging: segments and key runs that did not verify
  std::optional<Error> poison;    // why posts are refused
};

// One append in flight; a member of whoever waits for it.
class Append : public ListLink {
 public:
  // Set when the callback runs.
  struct Done {
    Position position;
    bool repeated;  // the identical record was there already, at `position`
  };
  Result<Done> result = fail(Errc::busy, "append: not started");

  // ---- for Log ----
  void (*callback)(void* owner, Append& append) = nullptr;
  void* owner = nullptr;
  bool in_flight = false;
  ~Append() { CHECK(!in_flight); }
};

class Log {
 public:
  // Makes an empty log in `directory` (which exists). Fails if there is one.
  static Status create(io::Files& files, Random& random, const std::string& directory, const Options& options);

  // Recovers the log: reads the manifest, the key index's filters and the journal, not the segments. Locks the
  // directory. corrupt, with the file named in `*damage`, when acknowledged bytes are missing or changed.
  static Result<std::unique_ptr<Log>> open(io::Files& files, const Clock& clock, Random& random,
                                           const std::string& directory, const Options& options, std::string* damage);

  virtual ~Log() = default;  // REQUIRES: idle() or never started

  virtual const std::shared_ptr<Shared>& shared() const = 0;
  virtual const Options& options() const = 0;
  virtual Statistics statistics() const = 0;
  virtual bool poisoned() const = 0;

  // From here on the log uses `io`, on the thread that calls this.
  virtual void start(io::Io& io) = 0;

  // Checks both keys, places the record in the open group, calls back when it is durable. `record` is copied before
  // return. Errors: malformed, too_large, conflict (same signature or nonce, other bytes), busy (ring or groups full),
  // read_only. The callback may run before append() returns only for errors known at once.
  virtual void append(Append& append, ByteView record, void (*callback)(void* owner, Append&), void* owner) = 0;

  // Call at the end of each turn of the shard's loop: starts writing the open group if no write is in flight.
  virtual void turn_end() = 0;
  // Call about once a second: hour seals, retention, retry of sealing after a full medium.
  virtual void tick() = 0;

  // Called on the writer's thread after each publication of committed records or layout: wake the readers.
  virtual void on_published(void (*function)(void* owner), void* owner) = 0;

  // No new appends are accepted; idle() becomes true when all in flight are done and workers are back.
  virtual void drain() = 0;
  virtual bool idle() const = 0;
};

// What `cwtchd verify` reports while it re-reads everything.
struct VerifyProgress {
  uint64_t bytes_done, bytes_total;
};
struct Damage {
  std::string file;
  Error error;
};
// Reads every byte of the log in `directory` and checks every checksum; returns what is damaged, in order of position.
Result<std::vector<Damage>> verify(io::Files& files, const std::string& directory,
                                   const std::function<void(const VerifyProgress&)>& progress);

}  // namespace cwtch::log
