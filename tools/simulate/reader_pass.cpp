#include "tools/simulate/reader_pass.hpp"

#include "engine/core/codec.hpp"
#include "tools/simulate/log_walk.hpp"

namespace cwtch::simulate {
namespace {

void mark(void* arrived, log::Fetch&) { *static_cast<bool*>(arrived) = true; }

// The bytes at `offset`, waited for.
Result<log::View> wait_for(io::Io& io, log::Reader& reader, uint64_t offset, size_t size_max) {
  while (true) {
    Result<log::View> view = reader.view(offset, size_max);
    if (view || view.error().code != Errc::busy) return view;
    bool arrived = false;
    log::Fetch fetch;
    reader.fetch(fetch, offset, mark, &arrived);
    while (!arrived) io.turn(true);
  }
}

}  // namespace

std::vector<ChunkOnDisk> sealed_chunks(io::Files& files, const log::Layout& layout) {
  std::vector<ChunkOnDisk> chunks;
  for (const auto& segment : layout.segments) {
    const size_t table_bytes = segment->file_bytes - segment->stream_bytes - log::kBlockBytes;
    const AlignedMemory memory(table_bytes + log::kBlockBytes);
    const MutableBytes end = memory.bytes().first(table_bytes + log::kBlockBytes);
    Result<size_t> got = files.read(segment->file.get(), end, segment->stream_bytes);
    for (int i = 0; !got && i < 100; ++i) got = files.read(segment->file.get(), end, segment->stream_bytes);
    CHECK(got.has_value());
    CHECK(*got == end.size());
    const uint32_t count = load_le<uint32_t>(end.data() + table_bytes + 12);
    Reader table(end.first(table_bytes));
    for (uint32_t i = 0; i < count; ++i) {
      const uint64_t first = table.get<uint64_t>(), offset = table.get<uint64_t>();
      const uint32_t bytes = table.get<uint32_t>() & 0x7FFFFFFF;
      table.get<uint32_t>();  // chain
      table.get<uint32_t>();  // hour
      chunks.push_back({first, offset, bytes, segment.get()});
    }
  }
  return chunks;
}

PassReport read_chunks(io::Io& io, log::Reader& reader, const std::vector<ChunkOnDisk>& chunks, const Truth& truth) {
  PassReport report;
  reader.refresh();
  for (const ChunkOnDisk& chunk : chunks) {
    const Result<log::View> view = wait_for(io, reader, chunk.offset, chunk.bytes);
    if (!view) {
      report.chunks_failed += 1;
      report.failed_in.push_back(chunk.segment);
      continue;
    }
    report.chunks_served += 1;
    uint64_t next = chunk.first;
    if (view->bytes().size() != chunk.bytes) report.wrong = "a chunk is served in part";
    const std::string wrong = walk_frames(view->bytes(), &next, [&](uint64_t position, ByteView record) {
      report.records_served += 1;
      if (position >= truth.known.size() || !equal_vartime(*truth.known[position], record))
        report.wrong = "position " + std::to_string(position) + " is served with other bytes";
    });
    if (report.wrong.empty()) report.wrong = wrong;
    if (!report.wrong.empty()) break;
  }
  while (!reader.idle()) io.turn(true);
  return report;
}

}  // namespace cwtch::simulate
