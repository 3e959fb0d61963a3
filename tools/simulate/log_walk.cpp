#include "tools/simulate/log_walk.hpp"

#include <algorithm>

#include "engine/core/codec.hpp"

namespace cwtch::simulate {
namespace {

std::string number(uint64_t value) { return std::to_string(value); }

}  // namespace

std::string walk_frames(ByteView bytes, uint64_t* next,
                        const std::function<void(uint64_t position, ByteView record)>& record) {
  while (!bytes.empty()) {
    Reader reader(bytes);
    const uint32_t size_kind = reader.get<uint32_t>();
    reader.get<uint32_t>();
    const uint64_t position = reader.get<uint64_t>();
    const uint32_t size = size_kind & 0xFFFFFF;
    const auto kind = static_cast<log::FrameKind>(size_kind >> 24);
    if (!reader.ok() || log::frame_bytes(size) > bytes.size()) return "a frame passes the end at " + number(*next);
    if (position != *next) return "frame says position " + number(position) + " instead of " + number(*next);
    if (kind == log::FrameKind::record) {
      record(position, bytes.subspan(sizeof(log::FrameHeader), size));
      ++*next;
    } else if (kind != log::FrameKind::filler && kind != log::FrameKind::anchor) {
      return "frame of kind " + number(static_cast<uint64_t>(kind)) + " at position " + number(*next);
    }
    bytes = bytes.subspan(log::frame_bytes(size));
  }
  return {};
}

std::string walk_log(io::Files& files, const log::Shared& shared, std::vector<AlignedMemory>* memory,
                     const std::function<void(uint64_t position, ByteView record)>& record) {
  const auto layout = shared.layout();
  const log::Shared::Committed committed = shared.committed();
  uint64_t next = layout->first_retained.value;
  for (const auto& segment : layout->segments) {
    if (segment->end.value <= layout->first_retained.value) continue;
    if (segment->first.value != next) return "a segment starts at " + number(segment->first.value);
    const MutableBytes chunks = memory->emplace_back(segment->stream_bytes).bytes().first(segment->stream_bytes);
    const Result<size_t> got = files.read(segment->file.get(), chunks, 0);
    if (!got) return segment->path + ": " + got.error().message();
    if (*got < segment->stream_bytes) return segment->path + " is short";
    const std::string wrong = walk_frames(chunks, &next, record);
    if (!wrong.empty()) return segment->path + ": " + wrong;
    if (segment->end.value != next) return segment->path + " ends at " + number(next);
  }
  for (const auto& tail : layout->tail) {
    if (tail->stream_offset >= committed.offset) break;  // nobody has been shown any of it
    if (tail->first.value != next) return "the tail starts at " + number(tail->first.value);
    const uint32_t chunks_count = tail->chunks_count.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < chunks_count; ++i) {
      const log::TailSegment::Chunk& chunk = tail->chunks[i];
      if (chunk.offset >= committed.offset) break;
      // Whole, unless it is the one that grows; a closed tail's last chunk ends where the next tail begins.
      uint64_t end = committed.offset;
      if (i + 1 < chunks_count) end = std::min(end, tail->chunks[i + 1].offset);
      const auto after = std::find_if(layout->tail.begin(), layout->tail.end(),
                                      [&](const auto& other) { return other->stream_offset > chunk.offset; });
      if (after != layout->tail.end()) end = std::min(end, (*after)->stream_offset);
      const std::string wrong = walk_frames({chunk.memory.data(), end - chunk.offset}, &next, record);
      if (!wrong.empty()) return "tail: " + wrong;
    }
  }
  if (next != committed.end.value)
    return "the log ends at " + number(next) + ", published " + number(committed.end.value);
  return {};
}

}  // namespace cwtch::simulate
