#include "engine/log/segment_file.hpp"

#include <algorithm>

#include "engine/core/aligned_memory.hpp"
#include "engine/core/crc32c.hpp"
#include "engine/core/sha256.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/index_file.hpp"
#include "engine/log/mutant.hpp"

namespace cwtch::log {
namespace {

constexpr char kMagic[] = "CWTCHSEG";
constexpr uint32_t kVersion = 2;
constexpr size_t kCrcOffset = kBlockBytes - 4;
constexpr uint32_t kBorder = 1u << 31;  // in a table entry's size

void encode_footer(MutableBytes to, const SegmentFooter& footer, uint32_t table_crc) {
  Writer writer(to);
  writer.put(bytes_of(kMagic));
  writer.put(kVersion);
  writer.put(footer.chunks_count);
  writer.put(footer.first.value);
  writer.put(footer.end.value);
  writer.put(footer.stream_offset);
  writer.put(footer.stream_bytes);
  writer.put(footer.chain_before);
  writer.put(footer.chain_after);
  writer.put(table_crc);
  writer.zeros(kCrcOffset - writer.size());
  writer.put(crc32c(0, to.first(kCrcOffset)));
}

Result<SegmentFooter> decode_footer(ByteView block, uint32_t* table_crc) {
  if (load_le<uint32_t>(block.data() + kCrcOffset) != crc32c(0, block.first(kCrcOffset)))
    return fail(Errc::corrupt, "segment: footer's checksum differs");
  Reader reader(block);
  if (!equal_vartime(reader.take(8), bytes_of(kMagic))) return fail(Errc::corrupt, "segment: no footer");
  if (reader.get<uint32_t>() != kVersion) return fail(Errc::unsupported, "segment: made by another version of cwtchd");
  SegmentFooter footer;
  footer.chunks_count = reader.get<uint32_t>();
  footer.first = {reader.get<uint64_t>()};
  footer.end = {reader.get<uint64_t>()};
  footer.stream_offset = reader.get<uint64_t>();
  footer.stream_bytes = reader.get<uint64_t>();
  footer.chain_before = reader.get<uint32_t>();
  footer.chain_after = reader.get<uint32_t>();
  *table_crc = reader.get<uint32_t>();
  return footer;
}

// A segment file on its way: chunks go in, in order; finish() gives it its name.
class SegmentWriter {
 public:
  // `temporary`: sealing and merging run side by side, each under a name of its own.
  SegmentWriter(io::Files& files, const std::string& directory, const char* temporary)
      : files_(files), directory_(directory + "/segments"), temporary_(directory_ + temporary) {}
  ~SegmentWriter() {
    file_.reset();
    if (started_) (void)files_.unlink(temporary_);
  }
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  Status start() {
    (void)files_.unlink(temporary_);  // what a crash left
    const Result<io::File> file = files_.open(temporary_, {.write = true, .create = true, .direct = true});
    if (!file) return fail(file.error());
    started_ = true;
    file_ = io::OpenFile(files_, *file);
    return {};
  }
  // REQUIRES: bytes aligned as direct files want them.
  Status add(const ChunkPlace& place, ByteView bytes) {
    CHECK(bytes.size() == place.bytes && bytes.size() % kBlockBytes == 0);
    if (const Status written = write(bytes); !written) return written;
    table_.push_back(place);
    return {};
  }
  Result<SegmentEntry> finish(Position end, uint32_t chain_after, uint64_t hour_s, const IndexPlace& index) {
    CHECK(!table_.empty());
    SegmentFooter footer{.first = table_.front().first,
                         .end = end,
                         .stream_offset = table_.front().offset,
                         .stream_bytes = size_,
                         .chunks_count = static_cast<uint32_t>(table_.size()),
                         .chain_before = table_.front().chain,
                         .chain_after = chain_after};
    const AlignedMemory memory(footer.table_bytes() + kBlockBytes);
    const MutableBytes table = memory.bytes().first(footer.table_bytes());
    Writer writer(table);
    for (const ChunkPlace& place : table_) {
      writer.put(place.first.value);
      writer.put(place.offset);
      writer.put(place.bytes | (place.border ? kBorder : 0u));
      writer.put(place.chain);
      writer.put(place.hour);
    }
    writer.zeros(table.size() - writer.size());
    encode_footer(memory.bytes().subspan(table.size(), kBlockBytes), footer, crc32c(0, table));
    if (const Status s = write(memory.bytes().first(table.size() + kBlockBytes)); !s) return fail(s.error());
    if (const Status s = files_.sync(file_.get()); !s) return fail(s.error());

    SegmentEntry entry{.first = footer.first,
                       .end = footer.end,
                       .stream_offset = footer.stream_offset,
                       .stream_bytes = footer.stream_bytes,
                       .file_bytes = size_,
                       .chain_before = footer.chain_before,
                       .chain_after = footer.chain_after,
                       .hour_s = hour_s,
                       .sha256 = hash_.finish(),
                       .index = index};
    CHECK(entry.file_bytes == footer.file_bytes());
    const std::string path = directory_ + "/" + entry.name();
    if (const Status s = files_.set_times(temporary_, hour_s); !s) return fail(s.error());
    if (const Status s = files_.rename(temporary_, path); !s) return fail(s.error());
    started_ = false;
    if (!mutant(Mutant::missing_directory_sync)) {
      if (const Status s = files_.sync_directory(directory_); !s) return fail(s.error());
    }
    return entry;
  }

 private:
  Status write(ByteView bytes) {
    if (const Status written = files_.write(file_.get(), bytes, size_); !written) return written;
    hash_.add(bytes);
    size_ += bytes.size();
    return {};
  }

  io::Files& files_;
  std::string directory_;
  std::string temporary_;
  io::OpenFile file_;
  bool started_ = false;
  uint64_t size_ = 0;
  std::vector<ChunkPlace> table_;
  Sha256 hash_;
};

}  // namespace

Result<SegmentEntry> write_segment(io::Files& files, const std::string& directory,
                                   const std::vector<ChunkBytes>& chunks, Position end, uint32_t chain_after,
                                   uint64_t hour_s, const IndexStart& index) {
  // Index first: the segment's finish() makes both names durable.
  IndexWriter index_writer(files, directory + "/segments/sealing.idx");
  if (const Status s = index_writer.start(); !s) return fail(s.error());
  IndexBlocks blocks(index.first_row, index.row_bytes, [&](ByteView block) { return index_writer.add(block); });
  for (const ChunkBytes& chunk : chunks) {
    if (const Status s = blocks.add(chunk.place, chunk.bytes); !s) return fail(s.error());
  }
  if (const Status s = blocks.finish(); !s) return fail(s.error());
  IndexPlace place{.first_row = index.first_row, .rows = blocks.next_row() - index.first_row, .offset = index.offset};
  const std::string name = name_of(chunks.front().place.first, end, "idx");
  if (const Status s = index_writer.finish(directory + "/segments/" + name, hour_s, &place); !s) return fail(s.error());

  SegmentWriter writer(files, directory, "/sealing");
  if (const Status s = writer.start(); !s) return fail(s.error());
  for (const ChunkBytes& chunk : chunks) {
    if (const Status s = writer.add(chunk.place, chunk.bytes); !s) return fail(s.error());
  }
  return writer.finish(end, chain_after, hour_s, place);
}

Result<SegmentEntry> merge_segments(io::Files& files, const std::string& directory,
                                    const std::vector<std::shared_ptr<const Segment>>& parts, uint64_t hour_s,
                                    uint32_t row_bytes, size_t* damaged) {
  SegmentWriter writer(files, directory, "/merging");
  if (const Status s = writer.start(); !s) return fail(s.error());
  for (size_t i = 0; i < parts.size(); ++i) {
    *damaged = i;
    const Status copied = for_each_chunk(
        files, *parts[i], [&](const ChunkPlace& place, ByteView bytes) { return writer.add(place, bytes); });
    if (!copied) return fail(copied.error());
  }

  IndexWriter index_writer(files, directory + "/segments/merging.idx");
  if (const Status s = index_writer.start(); !s) return fail(s.error());
  IndexPlace place = parts.front()->index;
  place.rows = parts.back()->index.row_end() - place.first_row;
  for (size_t i = 0; i < parts.size(); ++i) {
    *damaged = i;
    const Segment& part = *parts[i];
    for (uint64_t at = 0; at < part.index.bytes;) {
      const auto piece = read_index_piece(files, part, row_bytes, at);
      if (!piece) return fail(piece.error());
      if (const Status s = index_writer.add((*piece)->bytes); !s) return fail(s.error());
      at += (*piece)->bytes.size();
    }
  }
  const std::string name = name_of(parts.front()->first, parts.back()->end, "idx");
  if (const Status s = index_writer.finish(directory + "/segments/" + name, hour_s, &place); !s) return fail(s.error());
  return writer.finish(parts.back()->end, parts.back()->chain_after, hour_s, place);
}

Result<std::shared_ptr<const Segment>> open_segment(io::Files& files, const std::string& directory,
                                                    const SegmentEntry& entry) {
  auto segment = std::make_shared<Segment>();
  segment->first = entry.first;
  segment->end = entry.end;
  segment->stream_offset = entry.stream_offset;
  segment->stream_bytes = entry.stream_bytes;
  segment->file_bytes = entry.file_bytes;
  segment->chain_before = entry.chain_before;
  segment->chain_after = entry.chain_after;
  segment->sha256 = entry.sha256;
  segment->hour_s = entry.hour_s;
  segment->index = entry.index;
  segment->path = directory + "/segments/" + entry.name();
  segment->index_path = directory + "/segments/" + entry.index_name();
  const Result<io::File> file = files.open(segment->path, {.direct = true});
  if (!file) return fail(file.error());
  segment->file = io::OpenFile(files, *file);
  const Result<uint64_t> size = files.size(*file);
  if (!size) return fail(size.error());
  if (*size != entry.file_bytes) return fail(Errc::corrupt, "segment: size differs from the manifest's", *size);
  return segment;
}

Result<std::shared_ptr<const Segment::End>> read_end(io::Files& files, const Segment& segment) {
  if (std::shared_ptr<const Segment::End> known = segment.known_end()) return known;
  const uint64_t size = segment.file_bytes - segment.stream_bytes;
  if (size < 2 * kBlockBytes || size > (64u << 20)) return fail(Errc::corrupt, "segment: table of impossible size");
  auto found = std::make_shared<Segment::End>();
  found->bytes = AlignedMemory(size);
  const AlignedMemory& memory = found->bytes;
  const Result<size_t> got = files.read(segment.file.get(), memory.bytes().first(size), segment.stream_bytes);
  if (!got) return fail(got.error());
  if (*got != size) return fail(Errc::corrupt, "segment: file ends early", segment.stream_bytes + *got);
  const ByteView table = memory.bytes().first(size - kBlockBytes);
  uint32_t table_crc = 0;
  const Result<SegmentFooter> footer = decode_footer(memory.bytes().subspan(table.size(), kBlockBytes), &table_crc);
  if (!footer) return fail(footer.error().code, footer.error().context, segment.stream_bytes + table.size());
  if (footer->first != segment.first || footer->end != segment.end || footer->stream_offset != segment.stream_offset ||
      footer->stream_bytes != segment.stream_bytes || footer->chain_before != segment.chain_before ||
      footer->chain_after != segment.chain_after || footer->table_bytes() != table.size())
    return fail(Errc::corrupt, "segment: footer of another segment", segment.stream_bytes + table.size());
  if (crc32c(0, table) != table_crc)
    return fail(Errc::corrupt, "segment: table's checksum differs", segment.stream_bytes);

  std::vector<ChunkPlace>& places = found->table;
  places.reserve(footer->chunks_count);
  Reader reader(table);
  uint64_t offset = segment.stream_offset;
  for (uint32_t i = 0; i < footer->chunks_count; ++i) {
    ChunkPlace place;
    place.first = {reader.get<uint64_t>()};
    place.offset = reader.get<uint64_t>();
    const auto bytes = reader.get<uint32_t>();
    place.bytes = bytes & ~kBorder;
    place.border = (bytes & kBorder) != 0;
    place.chain = reader.get<uint32_t>();
    place.hour = reader.get<uint32_t>();
    if (place.offset != offset || place.bytes == 0 || place.bytes % kBlockBytes != 0)
      return fail(Errc::corrupt, "segment: table has a gap", segment.stream_bytes);
    offset += place.bytes;
    places.push_back(place);
  }
  if (offset != segment.stream_offset + segment.stream_bytes || places.empty())
    return fail(Errc::corrupt, "segment: table does not cover the chunks", segment.stream_bytes);
  const std::lock_guard lock(segment.end_mutex);
  segment.end_read = found;
  return found;
}

Status for_each_chunk(io::Files& files, const Segment& segment,
                      const std::function<Status(const ChunkPlace& place, ByteView bytes)>& visit) {
  const auto end_read = read_end(files, segment);
  if (!end_read) return fail(end_read.error());
  const std::vector<ChunkPlace>& table = (*end_read)->table;
  AlignedMemory memory;
  for (size_t i = 0; i < table.size(); ++i) {
    const ChunkPlace& place = table[i];
    const uint64_t at = place.offset - segment.stream_offset;
    if (memory.size() < place.bytes) memory = AlignedMemory(place.bytes);
    const MutableBytes bytes = memory.bytes().first(place.bytes);
    const Result<size_t> got = files.read(segment.file.get(), bytes, at);
    if (!got) return fail(got.error());
    if (*got != place.bytes) return fail(Errc::corrupt, "segment: file ends early", at + *got);
    const Result<ChunkEnd> end = verify_chunk(bytes, place.first, place.chain);
    if (!end) return fail(Errc::corrupt, end.error().context, at + end.error().offset);
    const bool last = i + 1 == table.size();
    if (end->next != (last ? segment.end : table[i + 1].first) ||
        end->chain != (last ? segment.chain_after : table[i + 1].chain))
      return fail(Errc::corrupt, "segment: chunk does not lead to the next", at);
    if (const Status visited = visit(place, bytes); !visited) return visited;
  }
  return {};
}

}  // namespace cwtch::log
