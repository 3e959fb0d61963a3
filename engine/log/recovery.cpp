#include "engine/log/recovery.hpp"

#include <algorithm>
#include <optional>

#include "engine/log/mutant.hpp"

namespace cwtch::log {
namespace {

struct Found {
  GroupHeader header;
  uint32_t file;
  uint64_t offset;
  bool intact;

  Position end() const { return {header.first.value + header.records_count}; }
};

// Every frame of a group, from its first record on: are they what the header promises?
bool verify_group(ByteView group, const GroupHeader& header) {
  FrameWalker walker(group.subspan(GroupHeader::kFrameBytes), header.first, header.chain_before);
  uint32_t records = 0;
  while (true) {
    const Result<std::optional<Frame>> frame = walker.next();
    if (!frame) return false;
    if (!*frame) break;
    if ((*frame)->kind == FrameKind::anchor) return false;
    records += (*frame)->kind == FrameKind::record ? 1 : 0;
  }
  return walker.rest().empty() && records == header.records_count;
}

// Takes the group's records at or above *next; false when its chain does not lead to *next with *chain.
bool take_records(ByteView group, const GroupHeader& header, Position* next, uint32_t* chain,
                  std::vector<ByteView>* records) {
  FrameWalker walker(group.subspan(GroupHeader::kFrameBytes), header.first, header.chain_before);
  while (true) {
    const bool here = walker.position() == *next;
    if (here && walker.chain() != *chain) return false;
    const Result<std::optional<Frame>> frame = walker.next();
    CHECK(frame);  // verified before
    if (!*frame) return true;
    if ((*frame)->kind != FrameKind::record || !here) continue;
    records->push_back((*frame)->payload);
    next->value += 1;
    *chain = walker.chain();
  }
}

// The planted bug: whatever intact groups lie behind the last one belong to the log, also those of an earlier lap.
void take_stale_tail(const std::vector<Found>& groups, Recovered* recovered) {
  const auto lies_there = [&](const Found& found) {
    return found.intact && found.file == recovered->place.file && found.offset == recovered->place.offset;
  };
  for (auto found = groups.begin(); found != groups.end();) {
    found = std::find_if(groups.begin(), groups.end(), lies_there);
    if (found == groups.end()) return;
    const ByteView bytes = recovered->memory[found->file].bytes();
    Position next = found->header.first;
    uint32_t chain = found->header.chain_before;
    take_records(bytes.subspan(found->offset, found->header.group_bytes), found->header, &next, &chain,
                 &recovered->records);
    recovered->place.offset += found->header.group_bytes;
  }
}

}  // namespace

Result<Recovered> recover_journal(io::Files& files, const std::string& directory, const Settings& settings,
                                  const std::vector<io::OpenFile>& journal, const ManifestState& manifest,
                                  std::string* damage, uint64_t* bytes_read) {
  Recovered recovered;
  recovered.place.ends.resize(journal.size());
  std::vector<Found> groups;    // intact or not, those that matter: behind the manifest's end
  std::optional<Found> newest;  // by sequence, intact
  recovered.memory.resize(journal.size());

  for (uint32_t f = 0; f < journal.size(); ++f) {
    AlignedMemory memory(settings.journal_file_bytes);
    const MutableBytes bytes = memory.bytes().first(settings.journal_file_bytes);
    const Result<size_t> got = files.read(journal[f].get(), bytes, 0);
    if (!got || *got != bytes.size()) {
      *damage = journal_path(directory, f);
      return got ? Result<Recovered>(fail(Errc::corrupt, "journal: file ends early", *got)) : fail(got.error());
    }
    *bytes_read += *got;
    bool needed = false;
    for (uint64_t at = 0; at + kBlockBytes <= bytes.size();) {
      const std::optional<GroupHeader> header = read_group(ByteView(bytes).subspan(at, kBlockBytes), settings.secret);
      if (!header || header->group_bytes > bytes.size() - at) {
        at += kBlockBytes;
        continue;
      }
      Found found{*header, f, at, true};
      if (found.end() > manifest.end() || mutant(Mutant::stale_tail)) {
        found.intact = verify_group(ByteView(bytes).subspan(at, header->group_bytes), *header);
        groups.push_back(found);
        needed = true;
      }
      // The newest group, whole or torn: sequence numbers go on behind it.
      recovered.place.sequence = std::max(recovered.place.sequence, header->sequence + 1);
      if (found.intact) {
        recovered.place.ends[f] = std::max(recovered.place.ends[f], found.end());
        if (!newest || newest->header.sequence < header->sequence) newest = found;
      }
      at += found.intact ? header->group_bytes : kBlockBytes;
    }
    if (needed) recovered.memory[f] = std::move(memory);
  }
  // Without a group behind the manifest's end, the ring goes on behind its newest group.
  if (newest) {
    recovered.place.file = newest->file;
    recovered.place.offset = newest->offset + newest->header.group_bytes;
  }

  // By position; of two for the same position the later written first.
  std::sort(groups.begin(), groups.end(), [](const Found& a, const Found& b) {
    return a.header.first != b.header.first ? a.header.first < b.header.first : a.header.sequence > b.header.sequence;
  });
  Position next = manifest.end();
  uint32_t chain = manifest.chain();
  const Found* torn = nullptr;
  for (const Found& found : groups) {
    if (found.header.first > next) break;
    if (!found.intact) {
      torn = &found;
      continue;
    }
    if (found.end() <= next) continue;
    const ByteView group =
        ByteView(recovered.memory[found.file].bytes()).subspan(found.offset, found.header.group_bytes);
    const size_t records_before = recovered.records.size();
    const uint32_t chain_before = chain;
    if (!take_records(group, found.header, &next, &chain, &recovered.records)) continue;
    recovered.uncertain_count = recovered.records.size() - records_before;
    recovered.uncertain_chain = chain_before;
    recovered.place.file = found.file;
    recovered.place.offset = found.offset + found.header.group_bytes;
  }
  if (mutant(Mutant::stale_tail)) take_stale_tail(groups, &recovered);
  const auto later =
      std::find_if(groups.begin(), groups.end(), [&](const Found& found) { return found.header.first > next; });
  if (later != groups.end()) {
    const Found& place = torn != nullptr ? *torn : *later;
    *damage = journal_path(directory, place.file);
    return fail(Errc::corrupt, "journal: acknowledged records are missing before a later group", place.offset);
  }
  return recovered;
}

Status commit_again(io::Files& files, const std::string& directory, const Settings& settings,
                    const std::vector<io::OpenFile>& journal, const ManifestState& manifest, Recovered* recovered,
                    std::string* damage) {
  if (recovered->uncertain_count == 0) return {};
  const std::span<const ByteView> records = std::span(recovered->records).last(recovered->uncertain_count);
  const Position first{manifest.end().value + recovered->records.size() - records.size()};
  const Position end{first.value + records.size()};
  size_t used = GroupHeader::kFrameBytes;
  for (const ByteView record : records) used += frame_bytes(record.size());
  const size_t size = round_up(used, kBlockBytes);

  JournalPlace& place = recovered->place;
  if (place.offset + size > settings.journal_file_bytes) {
    const uint32_t next = (place.file + 1) % settings.journal_files;
    if (place.ends[next] > manifest.end()) return {};
    place.file = next;
    place.offset = 0;
  }
  const AlignedMemory memory(size);
  const MutableBytes group = memory.bytes().first(size);
  size_t at = GroupHeader::kFrameBytes;
  uint32_t chain = recovered->uncertain_chain;
  for (size_t i = 0; i < records.size(); ++i)
    at += write_record(group.subspan(at), {first.value + i}, records[i], &chain);
  if (at < size) write_filler(group.subspan(at), end, size - at);
  write_group(group,
              {.sequence = place.sequence,
               .first = first,
               .records_count = static_cast<uint32_t>(records.size()),
               .chain_before = recovered->uncertain_chain,
               .group_bytes = static_cast<uint32_t>(size)},
              settings.secret);
  *damage = journal_path(directory, place.file);
  const io::File file = journal[place.file].get();
  if (const Status written = files.write(file, group, place.offset); !written) return written;
  if (const Status synced = files.sync(file); !synced) return synced;
  place.offset += size;
  place.ends[place.file] = end;
  place.sequence += 1;
  return {};
}

}  // namespace cwtch::log
