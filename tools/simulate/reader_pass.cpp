#include "tools/simulate/reader_pass.hpp"

#include "engine/core/codec.hpp"
#include "tools/simulate/log_walk.hpp"

namespace cwtch::simulate {
namespace {

struct Place {
  uint64_t first, offset, bytes;
};

// The table behind a segment's chunks (docs/log_format.md, section 2). Asked for again when the disk fails: what is
// tested is what the reader serves.
std::vector<Place> chunks_of(io::Files& files, const log::Segment& segment) {
  const size_t table_bytes = segment.file_bytes - segment.stream_bytes - log::kBlockBytes;
  const AlignedMemory memory(table_bytes + log::kBlockBytes);
  const MutableBytes end = memory.bytes().first(table_bytes + log::kBlockBytes);
  Result<size_t> got = files.read(segment.file.get(), end, segment.stream_bytes);
  for (int tries = 0; !got && tries < 100; ++tries) got = files.read(segment.file.get(), end, segment.stream_bytes);
  CHECK(got.has_value());
  CHECK(*got == end.size());
  const uint32_t count = load_le<uint32_t>(end.data() + table_bytes + 12);
  std::vector<Place> places;
  Reader table(end.first(table_bytes));
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t first = table.get<uint64_t>(), offset = table.get<uint64_t>();
    const uint32_t bytes = table.get<uint32_t>() & 0x7FFFFFFF;
    table.get<uint32_t>();
    places.push_back({first, offset, bytes});
  }
  return places;
}

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

PassReport read_all_chunks(io::Io& io, io::Files& files, log::Reader& reader, const Truth& truth) {
  PassReport report;
  reader.refresh();
  const std::vector<std::shared_ptr<const log::Segment>> segments = reader.layout().segments;
  for (const auto& segment : segments) {
    for (const Place& place : chunks_of(files, *segment)) {
      const Result<log::View> view = wait_for(io, reader, place.offset, place.bytes);
      if (!view) {
        report.chunks_failed += 1;
        continue;
      }
      report.chunks_served += 1;
      uint64_t next = place.first;
      if (view->bytes().size() != place.bytes) report.wrong = "a chunk is served in part";
      const std::string wrong = walk_frames(view->bytes(), &next, [&](uint64_t position, ByteView record) {
        report.records_served += 1;
        if (position >= truth.known.size() || !equal_vartime(*truth.known[position], record))
          report.wrong = "position " + std::to_string(position) + " is served with other bytes";
      });
      if (report.wrong.empty()) report.wrong = wrong;
      if (!report.wrong.empty()) return report;
    }
  }
  while (!reader.idle()) io.turn(true);
  return report;
}

}  // namespace cwtch::simulate
