#include "engine/core/sha256.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/index_file.hpp"
#include "engine/log/key_run.hpp"
#include "engine/log/log.hpp"
#include "engine/log/recovery.hpp"
#include "engine/log/segment_file.hpp"

namespace cwtch::log {
namespace {

// The whole file against the hash that the manifest has: what the chunks' checksums cannot tell, a file that was
// replaced.
Status check_hash(io::Files& files, const Segment& segment) {
  const AlignedMemory memory(1 << 20);
  Sha256 hash;
  for (uint64_t at = 0; at < segment.file_bytes; at += memory.size()) {
    const Result<size_t> got = files.read(segment.file.get(), memory.bytes(), at);
    if (!got) return fail(got.error());
    hash.add(memory.bytes().first(*got));
  }
  if (hash.finish() != segment.sha256) return fail(Errc::corrupt, "segment: hash differs from the manifest's");
  return {};
}

Status check_run(io::Files& files, const std::string& directory, const RunName& name) {
  uint64_t bytes = 0;
  const Result<std::shared_ptr<const KeyRun>> run = KeyRun::open(files, directory, name, &bytes);
  if (!run) return fail(run.error());
  const AlignedMemory page(kBlockBytes);
  for (uint64_t i = 0; i < (*run)->pages_count(); ++i) {
    const Result<size_t> got = files.read((*run)->file(), page.bytes().first(kBlockBytes), KeyRun::offset_of(i));
    if (!got) return fail(got.error());
    std::vector<Key> keys;
    if (const Status s = (*run)->keys_of_page(page.bytes().first(kBlockBytes), i, keys); !s)
      return fail(s.error().code, s.error().context, KeyRun::offset_of(i));
  }
  return {};
}

}  // namespace

Result<std::vector<Damage>> verify(io::Files& files, const std::string& directory,
                                   const std::function<void(const VerifyProgress&)>& progress) {
  const Result<io::File> lock = files.lock(directory + "/lock");
  if (!lock) return fail(lock.error());
  const io::OpenFile held(files, *lock);
  const Result<Settings> settings = read_settings(files, directory);
  if (!settings) return fail(settings.error());
  std::vector<Damage> damage;
  uint64_t bytes_read = 0;
  const Result<Manifest> manifest = Manifest::open(files, directory, &bytes_read);
  if (!manifest) {
    damage.push_back({directory + "/manifest", manifest.error()});
    return damage;  // without it nothing else has a meaning
  }
  const ManifestState& state = manifest->state();
  VerifyProgress done{0, settings->journal_files * settings->journal_file_bytes};
  for (const SegmentEntry& entry : state.segments) done.bytes_total += 2 * entry.file_bytes;
  progress(done);

  for (const SegmentEntry& entry : state.segments) {
    const std::string path = directory + "/segments/" + entry.name();
    const Result<std::shared_ptr<const Segment>> segment = open_segment(files, directory, entry);
    const uint64_t before = done.bytes_done;
    Status status;
    if (!segment) {
      status = fail(segment.error());
    } else {
      status = for_each_chunk(files, **segment, [&](const ChunkPlace& place, ByteView) -> Status {
        done.bytes_done += place.bytes;
        progress(done);
        return {};
      });
      if (status) status = check_hash(files, **segment);
    }
    if (!status) {
      damage.push_back({path, status.error()});
    } else if (const Status index = check_index(files, **segment, settings->row_bytes); !index) {
      damage.push_back({(*segment)->index_path, index.error()});
    }
    done.bytes_done = before + 2 * entry.file_bytes;
    progress(done);
  }
  for (const RunName& run : state.runs) {
    if (const Status status = check_run(files, directory + "/keys", run); !status)
      damage.push_back({directory + "/keys/" + run.file(), status.error()});
  }
  const Result<std::vector<io::OpenFile>> journal = Journal::open_files(files, directory, *settings);
  std::string file = journal_path(directory, 0);
  if (!journal) {
    damage.push_back({file, journal.error()});
  } else if (const Result<Recovered> recovered =
                 recover_journal(files, directory, *settings, *journal, state, &file, &bytes_read);
             !recovered) {
    damage.push_back({file, recovered.error()});
  }
  done.bytes_done = done.bytes_total;
  progress(done);
  return damage;
}

}  // namespace cwtch::log
