// What a log's journal still holds behind the last sealed segment, after whatever happened.
//
// Recovery takes the intact groups that continue the manifest's end, by position and chain. A group that does not
// verify ends the log if no later group is there: a power cut tore it, and it was never acknowledged, since one group
// is in flight at a time. If a later one is there, the medium has lost acknowledged bytes, and the log must not be
// opened.
#pragma once

#include <string>
#include <vector>

#include "engine/core/aligned_memory.hpp"
#include "engine/log/journal.hpp"
#include "engine/log/manifest.hpp"

namespace cwtch::log {

struct Recovered {
  JournalPlace place;                 // where the journal goes on
  std::vector<ByteView> records;      // behind the manifest's end, in order; they lie in `memory`
  std::vector<AlignedMemory> memory;  // one per journal file that holds any of them
  // The last of `records` came in the newest group. Nobody knows whether it was on stable storage when its process
  // ended: it may have been killed before the sync, or stopped because the sync failed.
  size_t uncertain_count = 0;
  uint32_t uncertain_chain = 0;  // before the first of them
};

// corrupt with *damage = "FILE at offset N" when acknowledged records are lost. *bytes_read grows by what was read.
Result<Recovered> recover_journal(io::Files& files, const std::string& directory, const Settings& settings,
                                  const std::vector<io::OpenFile>& journal, const ManifestState& manifest,
                                  std::string* damage, uint64_t* bytes_read);

// Commits the uncertain records once more, behind what is there: a kernel whose sync has failed may show bytes that the
// medium never got, and calls them clean. Afterwards all of `records` may be shown to readers. When the ring has no
// free place, the sync that settle_files() made must do.
Status commit_again(io::Files& files, const std::string& directory, const Settings& settings,
                    const std::vector<io::OpenFile>& journal, const ManifestState& manifest, Recovered* recovered,
                    std::string* damage);

}  // namespace cwtch::log
