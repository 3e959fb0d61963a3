// Which records are there already: signature and nonce of every retained record, as keyed 64-bit fingerprints.
//
// Keys are chosen by hostile clients, so the fingerprint is SipHash-2-4 under a secret of this log. Fingerprints lie in
// immutable sorted runs on disk (key_run.hpp) whose Bloom filters are in memory; the newest records' keys are in a hash
// table. A match is a candidate only: the caller compares the record itself.
//
// Thread:  the writer's shard; build() and merge() are functions of files, for workers.
// Damage:  every page, filter and footer has a checksum. A run that cannot be read never means "absent": it is listed
//          by damaged(), and what it would have to answer fails with corrupt or io, until runs built anew from the
//          segments have been adopted in its place. Start-up goes on without it, so nothing is lost but time.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/files.hpp"
#include "engine/io/io.hpp"
#include "engine/log/format.hpp"

namespace cwtch::log {

struct KeySecret {
  ByteArray<16> bytes;
};

enum class KeyKind : uint8_t { signature, nonce };
uint64_t fingerprint(const KeySecret& secret, KeyKind kind, ByteView key);  // key: at most 64 bytes

struct Key {
  uint64_t fingerprint;
  uint64_t position;  // < 2^40
};
// Both keys of a record (kRecordBytesMin or more), for insert() and build(): signature, nonce.
std::array<Key, 2> keys_of(const KeySecret& secret, Position position, ByteView record);

struct RunName {  // "FIRST-END.keys": the positions whose keys it has
  Position first;
  Position end;
  std::string file() const;
  friend bool operator==(const RunName&, const RunName&) = default;
};

class KeyRun;

// One question in flight; a member of whoever asks.
class Lookup : public ListLink {
 public:
  // Candidates, newest first; positions below the first retained one are left out. Usually empty or one.
  std::vector<Position> candidates;
  Status result;  // corrupt or io: a run is damaged, and candidates may lack what it knows

  // ---- for KeyIndex ----
  void (*callback)(void* owner, Lookup& lookup) = nullptr;
  void* owner = nullptr;
  bool in_flight = false;
  uint64_t fingerprint = 0;
  uint64_t adoptions = 0;                           // of the index when `runs` was made
  std::vector<std::shared_ptr<const KeyRun>> runs;  // still to be asked; the last one first
  ~Lookup() { CHECK(!in_flight); }
};

class KeyIndex {
 public:
  // Segments merge at powers of 8; a record's keys are a hundredth of its bytes, so their runs can afford 4. Measured
  // at 10^6 records: 9 runs instead of 13, 11 % instead of 19 % of new records need a read, for 3.4 instead of 1.9
  // rewrites.
  static constexpr uint32_t kMergeFactor = 4;

  struct Statistics {
    uint64_t keys = 0;           // in runs and recent
    uint64_t memory_bytes = 0;   // filters, fences and the recent keys' table
    uint64_t disk_reads = 0;     // pages
    uint64_t filter_passes = 0;  // questions that a filter could not answer
    uint64_t runs = 0;
    uint64_t damaged_runs = 0;
  };

  // Opens the runs that the manifest lists, reading their filters only. *bytes_read grows by what was read. A run that
  // is missing, unreadable or corrupt is no error here: see damaged(). Fails when the process may not open files.
  static Result<std::unique_ptr<KeyIndex>> open(io::Files& files, const std::string& directory,
                                                const std::vector<RunName>& runs, uint64_t* bytes_read);
  virtual ~KeyIndex() = default;  // REQUIRES: no Lookup in flight

  virtual void start(io::Io& io) = 0;
  // Keys of a record that has been placed (durable or not yet), until a run holds them.
  virtual void insert(const Key& signature, const Key& nonce) = 0;
  // True: no run's filter and no recent key matches, neither key is there: the common case, no I/O. False: ask
  // lookup().
  virtual bool absent(uint64_t signature, uint64_t nonce) = 0;
  // True: answered at once, from memory. False: the callback brings the answer, from a later turn of the Io; it is
  // complete as of the callback, records inserted in the meantime included.
  virtual bool lookup(Lookup& lookup, uint64_t fingerprint, void (*callback)(void*, Lookup&), void* owner) = 0;
  // Runs that lie below it altogether are dropped; their files are the caller's to remove.
  virtual void set_first_retained(Position position) = 0;

  // Worker side: writes, syncs and opens a new run: under a temporary name, then renamed, then the directory synced. A
  // file of the same name is replaced. `keys` in any order, all of them in the run's positions.
  static Result<std::shared_ptr<const KeyRun>> build(io::Files& files, const std::string& directory,
                                                     const RunName& name, std::vector<Key> keys);
  // Worker side: merges neighbours into one, without keys below `first_retained`. corrupt when one of them is damaged:
  // build it anew first.
  static Result<std::shared_ptr<const KeyRun>> merge(io::Files& files, const std::string& directory,
                                                     const std::vector<RunName>& from, const RunName& to,
                                                     Position first_retained);

  // Back on the shard, after the manifest lists it: takes the run, drops recent keys below its end and the runs whose
  // positions it covers. Touches memory only.
  virtual void adopt(std::shared_ptr<const KeyRun> run) = 0;
  // The neighbours that should be merged next, or empty. Each merge moves every key at least one level up, where level
  // means log(keys) to the base `factor`: a key is rewritten at most once per level.
  virtual std::vector<RunName> merge_candidates(uint32_t factor) const = 0;
  // By position.
  virtual std::vector<RunName> runs() const = 0;
  // Ranges of positions whose keys have to be built anew from the segments, by position. While not empty, lookups that
  // need them fail. A range is gone once adopted runs have covered it.
  virtual std::vector<RunName> damaged() const = 0;
  virtual Statistics statistics() const = 0;
};

}  // namespace cwtch::log
