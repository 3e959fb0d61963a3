#include "engine/retrieval/sealed_rows.hpp"

#include <algorithm>

#include "engine/core/clock.hpp"
#include "engine/core/codec.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/index_file.hpp"
#include "engine/log/rows.hpp"
#include "engine/log/segment_file.hpp"

namespace cwtch::retrieval {

SealedRange sealed_range(const log::Layout& layout) {
  if (layout.segments.empty()) return {};
  const log::Segment& last = *layout.segments.back();
  return {layout.segments.front()->index.first_row, last.index.row_end()};
}

Result<pir::WindowList> sealed_windows(io::Files& files, const log::Layout& layout, uint32_t row_bytes) {
  struct Run {
    uint32_t hour;
    uint64_t first_row, end_row;
  };
  std::vector<Run> runs;  // newest first
  bool all = true;
  for (auto segment = layout.segments.rbegin(); segment != layout.segments.rend() && all; ++segment) {
    const auto table = log::read_index(files, **segment, row_bytes);
    if (!table) return fail(table.error());
    const auto& blocks = (*table)->blocks;
    for (auto block = blocks.rbegin(); block != blocks.rend() && all; ++block) {
      if (runs.empty()) {
        runs.push_back({block->hour, block->first_row, (*segment)->index.row_end()});
      } else if (runs.back().hour == block->hour) {
        runs.back().first_row = block->first_row;
      } else if (runs.size() <= pir::kWindowsMax + 1) {
        runs.push_back({block->hour, block->first_row, runs.back().first_row});
      } else {
        all = false;
      }
    }
  }
  // The oldest one may lack what retention took, or what was not looked at.
  if (!runs.empty() && (!all || layout.first_retained.value != 0)) runs.pop_back();
  // The newest one may still grow: its hour runs, or something closed in it is yet to be sealed.
  const auto grows = [&](uint32_t hour) {
    return hour * kHourSeconds == layout.hour_s ||
           std::any_of(layout.tail.begin(), layout.tail.end(), [&](const auto& part) { return part->hour == hour; });
  };
  if (!runs.empty() && grows(runs.front().hour)) runs.erase(runs.begin());
  if (runs.size() > pir::kWindowsMax) runs.resize(pir::kWindowsMax);

  pir::WindowList list;
  if (runs.empty()) return list;
  list.first_row = runs.back().first_row;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) list.windows.push_back({run->hour, run->end_row});
  return list;
}

Result<SealedRows> SealedRows::load(io::Files& files, const log::Layout& layout, uint64_t first_row, uint64_t rows,
                                    uint32_t row_bytes) {
  const SealedRange sealed = sealed_range(layout);
  if (first_row < sealed.first_row || first_row + rows > sealed.end_row) {
    return fail(Errc::not_found, "retrieval: rows that are not sealed");
  }
  SealedRows loaded(first_row, row_bytes, rows * row_bytes);
  for (const auto& segment : layout.segments) {
    if (segment->index.row_end() <= first_row || segment->index.first_row >= first_row + rows) continue;
    if (const Status added = loaded.add(files, *segment); !added) return fail(added.error());
  }
  return loaded;
}

Status SealedRows::add(io::Files& files, const log::Segment& segment) {
  const uint64_t end_row = first_row_ + bytes_.size() / row_bytes_;
  uint64_t row = segment.index.first_row;
  Bytes encoded;
  const auto take = [&](ByteView record) -> Status {
    const uint32_t rows = log::rows_of(record.size(), row_bytes_);
    if (row + rows > first_row_ && row < end_row) {
      // A record may lie across the border of two databases: each holds its own rows of it.
      encoded.resize(size_t{rows} * row_bytes_);
      log::encode_rows(record, row_bytes_, encoded);
      for (uint64_t r = std::max(row, first_row_); r < std::min(row + rows, end_row); ++r) {
        std::copy_n(encoded.begin() + static_cast<ptrdiff_t>((r - row) * row_bytes_), row_bytes_,
                    bytes_.begin() + static_cast<ptrdiff_t>((r - first_row_) * row_bytes_));
      }
    }
    row += rows;
    return {};
  };
  const Status read = log::for_each_chunk(files, segment, [&](const log::ChunkPlace& place, ByteView chunk) {
    return log::for_each_record(log::FrameWalker(chunk, place.first, place.chain), take);
  });
  if (!read) return read;
  if (row != segment.index.row_end()) return fail(Errc::corrupt, "retrieval: a segment's number of rows");
  return {};
}

void SealedRows::read(uint64_t row, MutableBytes to) const {
  std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>((row - first_row_) * row_bytes_), row_bytes_, to.begin());
}

}  // namespace cwtch::retrieval
