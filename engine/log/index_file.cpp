#include "engine/log/index_file.hpp"

#include <algorithm>

#include "engine/log/frame.hpp"
#include "engine/log/segment_file.hpp"

namespace cwtch::log {
namespace {

// What a file that is read lacks, or has too much, is not for the caller to mend: too few descriptors.
bool mendable(Errc code) { return code != Errc::busy; }

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// The whole file, block by block, against what the segment and the manifest say.
Result<std::shared_ptr<IndexTable>> scan(io::Files& files, const Segment& segment, uint32_t row_bytes) {
  const Result<io::File> file = files.open(segment.index_path, {});
  if (!file) return fail(file.error());
  auto table = std::make_shared<IndexTable>();
  table->file = io::OpenFile(files, *file);
  const Result<uint64_t> size = files.size(*file);
  if (!size) return fail(size.error());
  if (*size != segment.index.bytes) return fail(Errc::corrupt, "index: size differs from the manifest's", *size);

  Bytes buffer;
  Position next = segment.first;
  uint64_t row = segment.index.first_row;
  for (uint64_t at = 0; at < *size;) {
    buffer.resize(std::min<uint64_t>(std::max<uint64_t>(kIndexPieceBytes, buffer.size()), *size - at));
    Result<size_t> got = files.read(*file, buffer, at);
    if (!got) return fail(got.error());
    if (*got != buffer.size()) return fail(Errc::corrupt, "index: file ends early", at + *got);
    size_t used = 0;
    while (used < buffer.size()) {
      const ByteView rest = ByteView(buffer).subspan(used);
      // The front of a block that the buffer cuts off is read again, at the buffer's beginning.
      if (rest.size() < kIndexHeaderBytes && at + buffer.size() < *size) break;
      const Result<IndexHeader> header = read_index_header(rest);
      if (!header) return fail(Errc::corrupt, header.error().context, at + used);
      const uint64_t bytes = header->block_bytes();
      if (bytes > *size - at - used) return fail(Errc::corrupt, "index: a block passes the end", at + used);
      if (bytes > rest.size()) {
        if (used == 0) buffer.resize(bytes);  // one that is longer than a piece
        break;
      }
      const Result<IndexBlock> block = IndexBlock::parse(rest.first(bytes));
      if (!block) return fail(Errc::corrupt, block.error().context, at + used);
      if (header->first != next || header->first_row != row || header->row_bytes != row_bytes || header->records == 0)
        return fail(Errc::corrupt, "index: a block of another place", at + used);
      if (table->pieces.empty() || at + used + bytes - table->pieces.back() > kIndexPieceBytes)
        table->pieces.push_back(at + used);
      table->blocks.push_back({header->first, at + used, header->first_row, header->hour});
      next.value += header->records;
      row += header->rows;
      used += bytes;
    }
    at += used;
  }
  if (next != segment.end || row != segment.index.row_end())
    return fail(Errc::corrupt, "index: does not reach the segment's end", *size);
  return table;
}

Status mend(io::Files& files, const Segment& segment, uint32_t row_bytes) {
  IndexWriter writer(files, segment.index_path + "." + std::to_string(segment.index_mends.fetch_add(1)));
  if (const Status started = writer.start(); !started) return started;
  IndexBlocks blocks(segment.index.first_row, row_bytes, [&](ByteView block) { return writer.add(block); });
  if (const Status read = for_each_chunk(
          files, segment, [&](const ChunkPlace& place, ByteView chunk) { return blocks.add(place, chunk); });
      !read)
    return read;
  if (const Status finished = blocks.finish(); !finished) return finished;
  // A file that nobody lists any more, made while its segment was merged or retired, goes at the next start.
  IndexPlace made;
  if (const Status named = writer.finish(segment.index_path, segment.hour_s, &made); !named) return named;
  if (const Status synced = files.sync_directory(directory_of(segment.index_path)); !synced) return synced;
  if (made.bytes != segment.index.bytes || made.sha256 != segment.index.sha256)
    return fail(Errc::corrupt, "index: made anew, and differs from the manifest's");
  return {};
}

void forget(const Segment& segment, const std::shared_ptr<const IndexTable>& table) {
  const std::lock_guard lock(segment.end_mutex);
  if (segment.index_read == table) segment.index_read = nullptr;
}

Result<std::shared_ptr<const IndexPiece>> read_piece(io::Files& files, const Segment& segment, const IndexTable& table,
                                                     uint64_t offset) {
  CHECK(offset < segment.index.bytes);
  const auto after = std::upper_bound(table.pieces.begin(), table.pieces.end(), offset);
  const uint64_t start = *(after - 1);
  const uint64_t end = after == table.pieces.end() ? segment.index.bytes : *after;
  auto piece = std::make_shared<IndexPiece>(IndexPiece{segment.index.offset + start, Bytes(end - start)});
  const Result<size_t> got = files.read(table.file.get(), piece->bytes, start);
  if (!got) return fail(got.error());
  if (*got != piece->bytes.size()) return fail(Errc::corrupt, "index: file ends early", start + *got);
  auto block = std::upper_bound(table.blocks.begin(), table.blocks.end(), start,
                                [](uint64_t at, const IndexTable::Block& b) { return at < b.offset; });
  for (--block; block != table.blocks.end() && block->offset < end; ++block) {
    const uint64_t block_end = block + 1 == table.blocks.end() ? segment.index.bytes : (block + 1)->offset;
    const ByteView bytes = ByteView(piece->bytes).subspan(block->offset - start, block_end - block->offset);
    const Result<IndexBlock> parsed = IndexBlock::parse(bytes);
    if (!parsed) return fail(Errc::corrupt, parsed.error().context, block->offset);
    if (parsed->header().first != block->first)
      return fail(Errc::corrupt, "index: a block of another place", block->offset);
  }
  return piece;
}

}  // namespace

// ---- making ----

Status IndexBlocks::add(const ChunkPlace& place, ByteView chunk) {
  if (place.border) {
    if (const Status done = finish(); !done) return done;
    builder_.emplace(place.first, next_row_, row_bytes_, place.hour);
  }
  if (!builder_) return fail(Errc::corrupt, "index: a segment that does not begin with a range");
  return for_each_record(FrameWalker(chunk, place.first, place.chain), [this](ByteView record) -> Status {
    if (builder_->records() == kIndexRecordsMax) return fail(Errc::corrupt, "index: a range of too many records");
    builder_->add(record);
    return {};
  });
}

Status IndexBlocks::finish() {
  if (!builder_) return {};
  next_row_ += builder_->rows();
  const Bytes block = builder_->bytes();
  builder_.reset();
  return emit_(block);
}

IndexWriter::~IndexWriter() {
  file_.reset();
  if (started_) (void)files_.unlink(temporary_);
}

Status IndexWriter::start() {
  (void)files_.unlink(temporary_);  // what a crash left
  const Result<io::File> file = files_.open(temporary_, {.write = true, .create = true});
  if (!file) return fail(file.error());
  started_ = true;
  file_ = io::OpenFile(files_, *file);
  return {};
}

Status IndexWriter::add(ByteView blocks) {
  buffer_.insert(buffer_.end(), blocks.begin(), blocks.end());
  return buffer_.size() < kIndexPieceBytes ? Status() : flush();
}

Status IndexWriter::flush() {
  if (buffer_.empty()) return {};
  if (const Status written = files_.write(file_.get(), buffer_, written_.bytes); !written) return written;
  hash_.add(buffer_);
  written_.bytes += buffer_.size();
  buffer_.clear();
  return {};
}

Status IndexWriter::finish(const std::string& path, uint64_t hour_s, IndexPlace* place) {
  if (const Status written = flush(); !written) return written;
  if (const Status synced = files_.sync(file_.get()); !synced) return synced;
  if (const Status set = files_.set_times(temporary_, hour_s); !set) return set;
  if (const Status named = files_.rename(temporary_, path); !named) return named;
  started_ = false;
  place->bytes = written_.bytes;
  place->sha256 = hash_.finish();
  return {};
}

// ---- reading ----

Result<std::shared_ptr<const IndexTable>> read_index(io::Files& files, const Segment& segment, uint32_t row_bytes) {
  if (std::shared_ptr<const IndexTable> known = segment.known_index()) return known;
  Result<std::shared_ptr<IndexTable>> table = scan(files, segment, row_bytes);
  if (!table && mendable(table.error().code)) {
    if (const Status mended = mend(files, segment, row_bytes); !mended) return fail(mended.error());
    table = scan(files, segment, row_bytes);
  }
  if (!table) return fail(table.error());
  const std::lock_guard lock(segment.end_mutex);
  segment.index_read = *table;
  return table;
}

Result<std::shared_ptr<const IndexPiece>> read_index_piece(io::Files& files, const Segment& segment, uint32_t row_bytes,
                                                           uint64_t offset) {
  Result<std::shared_ptr<const IndexTable>> table = read_index(files, segment, row_bytes);
  if (!table) return fail(table.error());
  Result<std::shared_ptr<const IndexPiece>> piece = read_piece(files, segment, **table, offset);
  if (piece) return piece;
  // It was sound before. The file is looked at anew, and made anew if it is damaged.
  forget(segment, *table);
  table = read_index(files, segment, row_bytes);
  if (!table) return fail(table.error());
  return read_piece(files, segment, **table, offset);
}

Status check_index(io::Files& files, const Segment& segment, uint32_t row_bytes) {
  const Result<std::shared_ptr<IndexTable>> table = scan(files, segment, row_bytes);
  if (!table) return fail(table.error());
  Bytes found;
  uint64_t at = 0;
  IndexBlocks blocks(segment.index.first_row, row_bytes, [&](ByteView block) -> Status {
    found.resize(block.size());
    const Result<size_t> got = files.read((*table)->file.get(), found, at);
    if (!got) return fail(got.error());
    if (*got != block.size() || !equal_vartime(found, block))
      return fail(Errc::corrupt, "index: differs from the segment's records", at);
    at += block.size();
    return {};
  });
  if (const Status read = for_each_chunk(
          files, segment, [&](const ChunkPlace& place, ByteView chunk) { return blocks.add(place, chunk); });
      !read)
    return read;
  if (const Status finished = blocks.finish(); !finished) return finished;
  return at == segment.index.bytes ? Status() : fail(Errc::corrupt, "index: more than the segment's records", at);
}

}  // namespace cwtch::log
