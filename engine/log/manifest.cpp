#include "engine/log/manifest.hpp"

#include <algorithm>
#include <cstdio>

#include "engine/core/aligned_memory.hpp"
#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"

namespace cwtch::log {
namespace {

constexpr uint32_t kMagic = 0x464D5743;  // "CWMF"
constexpr uint64_t kBlocksBeforeCompaction = 32;
constexpr size_t kCrcOffset = kBlockBytes - 4;

enum Part : uint32_t { kSegment = 1, kRun = 2, kRetained = 4, kBase = 8 };

// What a block says: a change, or, as the first of a file, where an empty log begins.
struct Block {
  Change change;
  bool base = false;
  uint64_t stream_start = 0;
  uint32_t chain_start = 0;
  uint64_t row_start = 0;
  uint64_t index_start = 0;
};

void encode(MutableBytes to, uint64_t sequence, uint32_t previous_crc, const Block& block) {
  Writer writer(to);
  const Change& change = block.change;
  writer.put(kMagic);
  writer.put(previous_crc);
  writer.put(sequence);
  writer.put((change.segment ? kSegment : 0u) | (change.run ? kRun : 0u) | (change.first_retained ? kRetained : 0u) |
             (block.base ? kBase : 0u));
  writer.put(block.chain_start);
  writer.put(block.stream_start);
  const SegmentEntry s = change.segment.value_or(SegmentEntry{});
  writer.put(s.first.value);
  writer.put(s.end.value);
  writer.put(s.stream_offset);
  writer.put(s.stream_bytes);
  writer.put(s.file_bytes);
  writer.put(s.chain_before);
  writer.put(s.chain_after);
  writer.put(s.hour_s);
  writer.put(s.sha256);
  const RunName run = change.run.value_or(RunName{});
  writer.put(run.first.value);
  writer.put(run.end.value);
  writer.put(change.first_retained.value_or(Position{}).value);
  writer.put(s.index.first_row);
  writer.put(s.index.rows);
  writer.put(s.index.offset);
  writer.put(s.index.bytes);
  writer.put(s.index.sha256);
  writer.put(block.row_start);
  writer.put(block.index_start);
  writer.zeros(kCrcOffset - writer.size());
  writer.put(crc32c(0, to.first(kCrcOffset)));
}

// Nothing unless it is block `sequence`, whole, behind a block with `previous_crc`.
std::optional<Block> decode(ByteView bytes, uint64_t sequence, uint32_t previous_crc) {
  if (load_le<uint32_t>(bytes.data() + kCrcOffset) != crc32c(0, bytes.first(kCrcOffset))) return std::nullopt;
  Reader reader(bytes);
  if (reader.get<uint32_t>() != kMagic) return std::nullopt;
  if (reader.get<uint32_t>() != previous_crc) return std::nullopt;
  if (reader.get<uint64_t>() != sequence) return std::nullopt;
  const auto parts = reader.get<uint32_t>();
  Block block;
  block.base = (parts & kBase) != 0;
  block.chain_start = reader.get<uint32_t>();
  block.stream_start = reader.get<uint64_t>();
  SegmentEntry s;
  s.first = {reader.get<uint64_t>()};
  s.end = {reader.get<uint64_t>()};
  s.stream_offset = reader.get<uint64_t>();
  s.stream_bytes = reader.get<uint64_t>();
  s.file_bytes = reader.get<uint64_t>();
  s.chain_before = reader.get<uint32_t>();
  s.chain_after = reader.get<uint32_t>();
  s.hour_s = reader.get<uint64_t>();
  std::memcpy(s.sha256.data(), reader.take(32).data(), 32);
  RunName run;
  run.first = {reader.get<uint64_t>()};
  run.end = {reader.get<uint64_t>()};
  const Position retained{reader.get<uint64_t>()};
  s.index.first_row = reader.get<uint64_t>();
  s.index.rows = reader.get<uint64_t>();
  s.index.offset = reader.get<uint64_t>();
  s.index.bytes = reader.get<uint64_t>();
  std::memcpy(s.index.sha256.data(), reader.take(32).data(), 32);
  block.row_start = reader.get<uint64_t>();
  block.index_start = reader.get<uint64_t>();
  if ((parts & kSegment) != 0) block.change.segment = s;
  if ((parts & kRun) != 0) block.change.run = run;
  if ((parts & kRetained) != 0) block.change.first_retained = retained;
  return block;
}

std::string path_of(const std::string& directory) { return directory + "/manifest"; }

// Takes `entry` into a list ordered by position, in place of those it covers from `retained` on. False: it overlaps one
// in part.
template <class Entry>
bool place(std::vector<Entry>& list, const Entry& entry, Position retained) {
  std::erase_if(list,
                [&](const Entry& old) { return entry.first <= std::max(old.first, retained) && old.end <= entry.end; });
  size_t at = 0;
  while (at < list.size() && list[at].first < entry.first) ++at;
  if (at > 0 && list[at - 1].end > entry.first) return false;
  if (at < list.size() && entry.end > list[at].first) return false;
  list.insert(list.begin() + static_cast<ptrdiff_t>(at), entry);
  return true;
}

}  // namespace

std::string name_of(Position first, Position end, const char* kind) {
  char text[64];
  std::snprintf(text, sizeof text, "%020llu-%020llu.%s", static_cast<unsigned long long>(first.value),
                static_cast<unsigned long long>(end.value - 1), kind);
  return text;
}

Status ManifestState::apply(const Change& change) {
  if (change.segment) {
    const SegmentEntry& s = *change.segment;
    if (s.end <= s.first || s.first > end() || s.first < first_retained)
      return fail(Errc::corrupt, "manifest: segment out of order");
    if (s.first == end() && (s.stream_offset != stream_end() || s.chain_before != chain() ||
                             s.index.first_row != row_end() || s.index.offset != index_end()))
      return fail(Errc::corrupt, "manifest: segment does not continue the log");
    if (!place(segments, s, first_retained)) return fail(Errc::corrupt, "manifest: segments overlap");
  }
  if (change.run && (change.run->end <= change.run->first || !place(runs, *change.run, first_retained)))
    return fail(Errc::corrupt, "manifest: key runs overlap");
  if (change.first_retained) {
    const Position retained = *change.first_retained;
    if (retained < first_retained || retained > end())
      return fail(Errc::corrupt, "manifest: retained position out of order");
    stream_start = stream_end();
    chain_start = chain();
    row_start = row_end();
    index_start = index_end();
    std::erase_if(segments, [&](const SegmentEntry& s) { return s.end <= retained; });
    std::erase_if(runs, [&](const RunName& run) { return run.end <= retained; });
    first_retained = retained;
    if (!segments.empty() && segments.front().first != retained)
      return fail(Errc::corrupt, "manifest: retained position is inside a segment");
  }
  return {};
}

Status Manifest::create(io::Files& files, const std::string& directory) {
  Manifest manifest(files, directory);
  return manifest.rewrite();
}

Result<Manifest> Manifest::open(io::Files& files, const std::string& directory, uint64_t* bytes_read) {
  Manifest manifest(files, directory);
  Result<io::File> file = files.open(path_of(directory), {.write = true, .direct = true});
  if (!file) return fail(file.error());
  manifest.file_ = io::OpenFile(files, *file);
  if (const Status synced = files.sync(*file); !synced) return fail(synced.error());  // see Log::open()

  const Result<uint64_t> size = files.size(*file);
  if (!size) return fail(size.error());
  const AlignedMemory memory(16 * kBlockBytes);
  for (uint64_t at = 0;; ++at) {
    const size_t slot = static_cast<size_t>(at % 16) * kBlockBytes;
    if (slot == 0) {
      const Result<size_t> got = files.read(*file, memory.bytes(), at * kBlockBytes);
      if (!got) return fail(got.error());
      *bytes_read += *got;
      if (*got < memory.size()) std::memset(memory.data() + *got, 0, memory.size() - *got);
    }
    if (at * kBlockBytes >= *size) break;
    const ByteView bytes = ByteView(memory.bytes()).subspan(slot, kBlockBytes);
    const std::optional<Block> block = decode(bytes, at, manifest.crc_);
    if (!block) {
      // Blocks are appended one at a time, each after the one before it is durable: only the last can be torn.
      if (at == 0 || (at + 1) * kBlockBytes < *size)
        return fail(Errc::corrupt, "manifest: damaged block", at * kBlockBytes);
      break;
    }
    if (block->base != (at == 0)) return fail(Errc::corrupt, "manifest: base out of place", at * kBlockBytes);
    if (block->base) {
      manifest.state_.stream_start = block->stream_start;
      manifest.state_.chain_start = block->chain_start;
      manifest.state_.row_start = block->row_start;
      manifest.state_.index_start = block->index_start;
      manifest.state_.first_retained = block->change.first_retained.value_or(Position{});
    } else if (const Status applied = manifest.state_.apply(block->change); !applied) {
      return fail(Errc::corrupt, applied.error().context, at * kBlockBytes);
    }
    manifest.crc_ = load_le<uint32_t>(bytes.data() + kCrcOffset);
    manifest.blocks_ = at + 1;
  }
  if (manifest.blocks_ == 0) return fail(Errc::corrupt, "manifest: empty", 0);
  return manifest;
}

Status Manifest::append(const Change& change) {
  ManifestState next = state_;
  if (const Status applied = next.apply(change); !applied) return applied;
  const AlignedMemory block(kBlockBytes);
  encode(block.bytes().first(kBlockBytes), blocks_, crc_, {.change = change});
  if (const Status written = files_->write(file_.get(), block.bytes().first(kBlockBytes), blocks_ * kBlockBytes);
      !written)
    return written;
  if (const Status synced = files_->sync(file_.get()); !synced) return synced;
  state_ = std::move(next);
  crc_ = load_le<uint32_t>(block.data() + kCrcOffset);
  blocks_ += 1;
  return {};
}

Status Manifest::compact_if_worth() {
  const uint64_t live = 1 + state_.segments.size() + state_.runs.size();
  if (blocks_ < kBlocksBeforeCompaction || blocks_ < 2 * live) return {};
  return rewrite();
}

Status Manifest::settle() {
  const Status written = rewrite();
  // Without room for a second one, the sync in open() must do.
  return !written && written.error().code == Errc::no_space ? Status() : written;
}

Status Manifest::rewrite() {
  std::vector<Block> blocks;
  const uint64_t stream_start = state_.segments.empty() ? state_.stream_start : state_.segments.front().stream_offset;
  const uint32_t chain_start = state_.segments.empty() ? state_.chain_start : state_.segments.front().chain_before;
  const uint64_t row_start = state_.segments.empty() ? state_.row_start : state_.segments.front().index.first_row;
  const uint64_t index_start = state_.segments.empty() ? state_.index_start : state_.segments.front().index.offset;
  blocks.push_back({.change = {.segment = {}, .run = {}, .first_retained = state_.first_retained},
                    .base = true,
                    .stream_start = stream_start,
                    .chain_start = chain_start,
                    .row_start = row_start,
                    .index_start = index_start});
  for (const SegmentEntry& segment : state_.segments)
    blocks.push_back({.change = {.segment = segment, .run = {}, .first_retained = {}}});
  for (const RunName& run : state_.runs)
    blocks.push_back({.change = {.segment = {}, .run = run, .first_retained = {}}});

  const AlignedMemory memory(blocks.size() * kBlockBytes);
  uint32_t crc = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const MutableBytes to = memory.bytes().subspan(i * kBlockBytes, kBlockBytes);
    encode(to, i, crc, blocks[i]);
    crc = load_le<uint32_t>(to.data() + kCrcOffset);
  }
  const std::string path = path_of(directory_);
  const std::string fresh = path + ".new";
  (void)files_->unlink(fresh);  // of a rewrite that a crash cut off
  Result<io::File> file = files_->open(fresh, {.write = true, .create = true, .direct = true});
  if (!file) return fail(file.error());
  io::OpenFile opened(*files_, *file);
  if (const Status s = files_->write(*file, memory.bytes().first(blocks.size() * kBlockBytes), 0); !s) return s;
  if (const Status s = files_->sync(*file); !s) return s;
  if (const Status s = files_->rename(fresh, path); !s) return s;
  file_ = std::move(opened);
  blocks_ = blocks.size();
  crc_ = crc;
  // From here on the old file has no name, and whether the new one has is not known: no error may be taken lightly.
  const Status named = files_->sync_directory(directory_);
  if (!named) return fail(Error{Errc::io, named.error().sys, "manifest: its name cannot be made durable"});
  return {};
}

}  // namespace cwtch::log
