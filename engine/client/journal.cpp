#include "engine/client/journal.hpp"

#include <algorithm>

#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"

namespace cwtch::client {
namespace {

constexpr std::string_view kMagic = "cwtchpj1";
constexpr size_t kAlign = 16;
constexpr size_t kReadBytes = 1 << 20;

Bytes header_block(uint64_t generation) {
  Bytes block(Journal::kBlockBytes);
  Writer writer(block);
  writer.put(bytes_of(kMagic));
  writer.put(generation);
  writer.put(crc32c(0, ByteView(block).first(kMagic.size() + sizeof generation)));
  return block;
}

// `content`: payload and padding.
uint32_t frame_crc(uint64_t generation, uint64_t offset, uint32_t size, uint64_t durable, ByteView content) {
  ByteArray<28> context;
  Writer writer(context);
  writer.put(generation);
  writer.put(offset);
  writer.put(size);
  writer.put(durable);
  return crc32c(crc32c(0, context), content);
}

}  // namespace

Journal::Journal(io::Files& files, std::string directory, std::string name)
    : files_(files), directory_(std::move(directory)), name_(std::move(name)) {}

void Journal::append_frame(Bytes& to, uint64_t offset, uint64_t durable, uint32_t flag, ByteView payload) const {
  CHECK(payload.size() <= kPayloadBytesMax);
  const size_t at = to.size();
  to.resize(at + round_up(sizeof(FrameHeader) + payload.size(), kAlign));
  const uint32_t size = static_cast<uint32_t>(payload.size()) | flag;
  const MutableBytes frame = MutableBytes(to).subspan(at);
  if (!payload.empty()) std::memcpy(frame.data() + sizeof(FrameHeader), payload.data(), payload.size());
  Writer writer(frame);
  writer.put(size);
  writer.put(frame_crc(generation_, offset, size, durable, frame.subspan(sizeof(FrameHeader))));
  writer.put(durable);
}

void Journal::append_filler(Bytes& to, uint64_t offset, uint64_t durable) const {
  const size_t room = round_up(offset, kBlockBytes) - offset;
  static_assert(sizeof(FrameHeader) == kAlign, "every rest of a block has room for a filler");
  if (room > 0) append_frame(to, offset, durable, kFiller, Bytes(room - sizeof(FrameHeader)));
}

size_t Journal::valid(ByteView bytes, uint64_t offset) const {
  if (bytes.size() < sizeof(FrameHeader)) return 0;
  const auto header = load_le<FrameHeader>(bytes.data());
  const size_t payload = header.size & ~kFiller;
  const size_t whole = round_up(sizeof header + payload, kAlign);
  if (payload > kPayloadBytesMax || whole > bytes.size()) return 0;
  const ByteView content = bytes.first(whole).subspan(sizeof header);
  return header.crc == frame_crc(generation_, offset, header.size, header.durable, content) ? whole : 0;
}

// Under a temporary name, synced, renamed: whoever opens the journal finds a whole file or none.
Status Journal::make_file(uint64_t generation, ByteView frames) {
  const std::string fresh = path() + ".new";
  if (const Status removed = files_.unlink(fresh); !removed && removed.error().code != Errc::not_found) return removed;
  Result<io::File> opened = files_.open(fresh, {.write = true, .create = true});
  if (!opened) return fail(opened.error());
  const io::OpenFile file(files_, *opened);
  if (const Status s = files_.write(file.get(), header_block(generation), 0); !s) return s;
  if (!frames.empty()) {
    if (const Status s = files_.write(file.get(), frames, kBlockBytes); !s) return s;
  }
  if (const Status s = files_.sync(file.get()); !s) return s;
  if (const Status s = files_.rename(fresh, path()); !s) return s;
  return files_.sync_directory(directory_);
}

Status Journal::create(Random& random) { return make_file(random.next(), {}); }

Status Journal::begin(const std::function<void()>& on_reset, const OnFrame& on_frame) {
  gathered_.clear();
  Result<io::File> opened = files_.open(path(), {.write = true});
  if (!opened) return fail(opened.error());
  file_ = io::OpenFile(files_, *opened);
  Bytes block(kBlockBytes);
  const Result<size_t> read = files_.read(file_.get(), block, 0);
  if (!read) return fail(read.error());
  const auto generation = load_le<uint64_t>(block.data() + kMagic.size());
  if (block != header_block(generation)) return fail(Errc::corrupt, "profile journal: its header is damaged", 0);
  if (size_ == 0 || generation != generation_) {
    generation_ = generation;
    size_ = durable_ = kBlockBytes;
    on_reset();
  }
  return read_frames(on_frame);
}

Status Journal::read_frames(const OnFrame& on_frame) {
  const Result<uint64_t> file_size = files_.size(file_.get());
  if (!file_size) return fail(file_size.error());
  if (*file_size < size_) return fail(Errc::corrupt, "profile journal: it is shorter than before", *file_size);

  // A window that begins at `size_` and holds at least one frame of any size, or the rest of the file.
  Bytes window(std::min<uint64_t>(*file_size - size_, kPayloadBytesMax + kReadBytes));
  while (size_ < *file_size) {
    const Result<size_t> got = files_.read(file_.get(), window, size_);
    if (!got) return fail(got.error());
    ByteView rest = ByteView(window).first(*got);
    const uint64_t before = size_;
    while (const size_t whole = valid(rest, size_)) {
      const auto header = load_le<FrameHeader>(rest.data());
      if ((header.size & kFiller) == 0) {
        if (const Status taken = on_frame(rest.subspan(sizeof header, header.size)); !taken) return taken;
      }
      durable_ = std::max(durable_, header.durable);
      size_ += whole;
      rest = rest.subspan(whole);
    }
    if (size_ == before) return cut(*file_size);
  }
  return {};
}

// Something behind `size_` does not verify. Unless a frame further on proves that it had been synced, it is what a
// crash left of a write: it goes.
Status Journal::cut(uint64_t file_size) {
  uint64_t proven = durable_;
  Bytes window;
  for (uint64_t from = size_; from < file_size; from += kReadBytes) {
    window.resize(std::min<uint64_t>(file_size - from, kReadBytes + kPayloadBytesMax + kAlign));
    const Result<size_t> got = files_.read(file_.get(), window, from);
    if (!got) return fail(got.error());
    for (size_t i = 0; i < kReadBytes && i + sizeof(FrameHeader) <= *got; i += kAlign) {
      const auto header = load_le<FrameHeader>(window.data() + i);
      // The cheap test first: what is not a frame rarely names a plausible place.
      if (header.durable <= proven || header.durable > from + i) continue;
      if (valid(ByteView(window).first(*got).subspan(i), from + i) != 0) proven = header.durable;
    }
  }
  if (proven > size_) return fail(Errc::corrupt, "profile journal: a frame that was synced is damaged", size_);
  // Synced, so that nothing of what is cut can come back behind what will be written here.
  if (const Status shortened = files_.truncate(file_.get(), size_); !shortened) return shortened;
  return files_.sync(file_.get());
}

void Journal::append(ByteView payload) { append_frame(gathered_, size_ + gathered_.size(), durable_, 0, payload); }

Status Journal::write(bool durable) {
  CHECK(file_);
  Bytes frames = std::exchange(gathered_, {});
  if (durable) append_filler(frames, size_ + frames.size(), durable_);
  Status done;
  if (!frames.empty()) done = files_.write(file_.get(), frames, size_);
  if (done && durable) done = files_.sync(file_.get());
  if (!done) {
    suspect_ = true;
    return done;
  }
  size_ += frames.size();
  if (durable) durable_ = size_;
  return {};
}

Status Journal::rewrite(Random& random, const std::vector<Bytes>& payloads) {
  CHECK(file_);
  const uint64_t before = std::exchange(generation_, random.next());
  Bytes frames;
  for (const Bytes& payload : payloads) append_frame(frames, kBlockBytes + frames.size(), kBlockBytes, 0, payload);
  append_filler(frames, kBlockBytes + frames.size(), kBlockBytes);
  if (const Status made = make_file(generation_, frames); !made) {
    generation_ = before;
    return made;
  }
  Result<io::File> opened = files_.open(path(), {.write = true});
  if (!opened) return fail(opened.error());
  file_ = io::OpenFile(files_, *opened);
  size_ = durable_ = kBlockBytes + frames.size();
  suspect_ = false;
  return {};
}

}  // namespace cwtch::client
