#include "engine/log/key_run.hpp"

#include <algorithm>

#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"

namespace cwtch::log {
namespace {

constexpr uint64_t kMagic = 0x3179656B68637763;  // "cwchkey1"
constexpr size_t kBufferPages = 256;
constexpr size_t kFingerprintsOffset = kKeyPageHeaderBytes;
constexpr size_t kPositionsOffset = kFingerprintsOffset + 8 * kKeysPerPage;

struct Footer {  // little-endian, at the start of the last block; zeros behind it, and the block's CRC-32C at its end
  uint64_t magic;
  uint64_t first;
  uint64_t end;
  uint64_t keys_count;
  uint64_t pages_count;
  uint64_t blocks_count;
  uint64_t memory_crc;  // of filter, fences and the zeros behind them
};
static_assert(sizeof(Footer) == 56);
constexpr size_t kFooterCrcOffset = kBlockBytes - 4;

// A smaller run's filter is finer: it costs little, and each run that is asked adds its share of false positives. See
// bloom.hpp for what the bits buy.
constexpr uint64_t tenths_of_bits_for(uint64_t keys) {
  if (keys <= 1 << 14) return 160;
  if (keys <= 1 << 17) return 120;
  return 98;
}

constexpr uint64_t memory_bytes_for(uint64_t blocks_count, uint64_t pages_count) {
  return round_up(blocks_count * sizeof(BloomBlock) + pages_count * sizeof(uint64_t), kBlockBytes);
}

// Every page's checksum starts from the run's name, so that pages of two runs cannot be taken for each other.
uint32_t page_crc(const RunName& name, ByteView page) {
  uint8_t seed[16];
  store_le(seed, name.first.value);
  store_le(seed + 8, name.end.value);
  return crc32c(crc32c(0, seed), page.subspan(4));
}

uint64_t position_at(const uint8_t* page, size_t index) {
  const uint8_t* const p = page + kPositionsOffset + 5 * index;
  return load_le<uint32_t>(p) | uint64_t{p[4]} << 32;
}

bool ascending(const Key& a, const Key& b) {
  return a.fingerprint != b.fingerprint ? a.fingerprint < b.fingerprint : a.position < b.position;
}

}  // namespace

std::string RunName::file() const { return std::to_string(first.value) + "-" + std::to_string(end.value) + ".keys"; }

// ---- reading

Result<std::shared_ptr<const KeyRun>> KeyRun::open(io::Files& files, const std::string& directory, const RunName& name,
                                                   uint64_t* bytes_read) {
  const auto opened = files.open(directory + "/" + name.file(), {.direct = true});
  if (!opened) return fail(opened.error());
  std::shared_ptr<KeyRun> run(new KeyRun);
  run->name_ = name;
  run->file_ = io::OpenFile(files, *opened);

  const auto file_bytes = files.size(*opened);
  if (!file_bytes) return fail(file_bytes.error());
  if (*file_bytes < kBlockBytes || *file_bytes % kBlockBytes != 0) return fail(Errc::corrupt, "key run: size");
  const uint64_t footer_offset = *file_bytes - kBlockBytes;

  const AlignedMemory block(kBlockBytes);
  const auto footer_read = files.read(*opened, block.bytes(), footer_offset);
  if (!footer_read) return fail(footer_read.error());
  *bytes_read += *footer_read;
  if (*footer_read != kBlockBytes) return fail(Errc::corrupt, "key run: file ends early", footer_offset);
  const auto footer = load_le<Footer>(block.data());
  const uint32_t crc = crc32c(0, block.bytes().first(kFooterCrcOffset));
  if (footer.magic != kMagic || crc != load_le<uint32_t>(block.data() + kFooterCrcOffset) ||
      footer.first != name.first.value || footer.end != name.end.value) {
    return fail(Errc::corrupt, "key run: footer", footer_offset);
  }
  // The counts are believed only if they add up to the file's size: memory is bounded by it.
  const uint64_t blocks_in_file = *file_bytes / kBlockBytes;
  if (footer.pages_count >= blocks_in_file || footer.blocks_count > *file_bytes / sizeof(BloomBlock) ||
      footer.keys_count > footer.pages_count * kKeysPerPage || footer.keys_count < footer.pages_count ||
      footer.blocks_count == 0 ||
      footer.pages_count * kBlockBytes + memory_bytes_for(footer.blocks_count, footer.pages_count) != footer_offset) {
    return fail(Errc::corrupt, "key run: footer's counts", footer_offset);
  }

  run->keys_count_ = footer.keys_count;
  run->pages_count_ = footer.pages_count;
  run->blocks_count_ = footer.blocks_count;
  const uint64_t memory_offset = footer.pages_count * kBlockBytes;
  run->memory_ = AlignedMemory(footer_offset - memory_offset);
  const auto memory_read = files.read(*opened, run->memory_.bytes(), memory_offset);
  if (!memory_read) return fail(memory_read.error());
  *bytes_read += *memory_read;
  if (*memory_read != run->memory_.size() || crc32c(0, run->memory_.bytes()) != footer.memory_crc)
    return fail(Errc::corrupt, "key run: filter", memory_offset);
  run->blocks_ = reinterpret_cast<const BloomBlock*>(run->memory_.data());
  run->fences_ = reinterpret_cast<const uint64_t*>(run->memory_.data() + footer.blocks_count * sizeof(BloomBlock));
  return run;
}

KeyRun::PageRange KeyRun::pages_of(uint64_t fingerprint) const {
  CHECK(pages_count_ > 0);
  const uint64_t* const end = fences_ + pages_count_;
  // The first page whose fence is not below the fingerprint may start with it; the page before may end with it.
  const uint64_t* const not_below = std::lower_bound(fences_, end, fingerprint);
  const uint64_t* above = not_below;
  while (above != end && *above == fingerprint) ++above;
  const auto page_before = [this](const uint64_t* fence) {
    return fence == fences_ ? 0 : static_cast<uint64_t>(fence - fences_) - 1;
  };
  return {page_before(not_below), page_before(above)};
}

Status KeyRun::check_page(ByteView bytes, uint64_t page, size_t* keys_count) const {
  CHECK(page < pages_count_);
  if (bytes.size() != kBlockBytes) return fail(Errc::corrupt, "key run: file ends early", offset_of(page));
  const auto count = load_le<uint16_t>(bytes.data() + 8);
  if (load_le<uint32_t>(bytes.data()) != page_crc(name_, bytes) || load_le<uint32_t>(bytes.data() + 4) != page ||
      count == 0 || count > kKeysPerPage) {
    return fail(Errc::corrupt, "key run: page", offset_of(page));
  }
  *keys_count = count;
  return {};
}

Status KeyRun::search(ByteView bytes, uint64_t page, uint64_t fingerprint, std::vector<Position>& positions) const {
  size_t count = 0;
  if (const Status checked = check_page(bytes, page, &count); !checked) return checked;
  size_t low = 0;
  for (size_t high = count; low < high;) {
    const size_t middle = (low + high) / 2;
    if (load_le<uint64_t>(bytes.data() + kFingerprintsOffset + 8 * middle) < fingerprint)
      low = middle + 1;
    else
      high = middle;
  }
  for (; low < count && load_le<uint64_t>(bytes.data() + kFingerprintsOffset + 8 * low) == fingerprint; ++low)
    positions.push_back({position_at(bytes.data(), low)});
  return {};
}

Status KeyRun::keys_of_page(ByteView bytes, uint64_t page, std::vector<Key>& keys) const {
  size_t count = 0;
  if (const Status checked = check_page(bytes, page, &count); !checked) return checked;
  for (size_t i = 0; i < count; ++i)
    keys.push_back({load_le<uint64_t>(bytes.data() + kFingerprintsOffset + 8 * i), position_at(bytes.data(), i)});
  return {};
}

// ---- writing

Result<KeyRunWriter> KeyRunWriter::start(io::Files& files, const std::string& directory, const RunName& name,
                                         uint64_t keys_max) {
  CHECK(name.first < name.end);
  CHECK(name.end.value <= kKeyPositionsMax);
  KeyRunWriter writer;
  writer.files_ = &files;
  writer.directory_ = directory;
  writer.name_ = name;
  writer.keys_max_ = keys_max;

  const std::string path = directory + "/" + name.file() + ".new";
  if (const Status removed = files.unlink(path); !removed && removed.error().code != Errc::not_found)
    return fail(removed.error());
  const auto opened = files.open(path, {.write = true, .create = true, .direct = true});
  if (!opened) return fail(opened.error());
  writer.file_ = io::OpenFile(files, *opened);

  writer.buffer_ = AlignedMemory(kBufferPages * kBlockBytes);
  writer.blocks_count_ = bloom::blocks_for(keys_max, tenths_of_bits_for(keys_max));
  // Fences go behind the filter when their number is known; this is room for the most there can be.
  const uint64_t pages_max = (keys_max + kKeysPerPage - 1) / kKeysPerPage;
  writer.filter_ = AlignedMemory(memory_bytes_for(writer.blocks_count_, pages_max));
  std::memset(writer.filter_.data(), 0, writer.filter_.size());
  writer.fences_.reserve(pages_max);
  return writer;
}

KeyRunWriter::~KeyRunWriter() {
  if (!file_) return;
  file_.reset();
  // Room is what a failure may be about. If this fails too, the next start of the same run removes it.
  (void)files_->unlink(directory_ + "/" + name_.file() + ".new");
}

Status KeyRunWriter::add(const Key& key) {
  if (keys_count_ == keys_max_) return fail(Errc::corrupt, "key run: more keys than records");
  CHECK(key.position >= name_.first.value);
  CHECK(key.position < name_.end.value);
  CHECK(!ascending(key, last_));
  last_ = key;
  ++keys_count_;
  bloom::add(reinterpret_cast<BloomBlock*>(filter_.data()), blocks_count_, key.fingerprint);

  if (page_keys_ == kKeysPerPage) {
    close_page();
    if (buffer_pages_ == kBufferPages) {
      if (const Status written = write_buffer(); !written) return written;
    }
  }
  uint8_t* const page = buffer_.data() + buffer_pages_ * kBlockBytes;
  if (page_keys_ == 0) {
    std::memset(page, 0, kBlockBytes);
    fences_.push_back(key.fingerprint);
  }
  store_le(page + kFingerprintsOffset + 8 * page_keys_, key.fingerprint);
  uint8_t* const position = page + kPositionsOffset + 5 * page_keys_;
  store_le(position, static_cast<uint32_t>(key.position));
  position[4] = static_cast<uint8_t>(key.position >> 32);
  ++page_keys_;
  return {};
}

void KeyRunWriter::close_page() {
  uint8_t* const page = buffer_.data() + buffer_pages_ * kBlockBytes;
  store_le(page + 4, static_cast<uint32_t>(fences_.size() - 1));
  store_le(page + 8, static_cast<uint16_t>(page_keys_));
  store_le(page, page_crc(name_, {page, kBlockBytes}));
  ++buffer_pages_;
  page_keys_ = 0;
}

Status KeyRunWriter::write_buffer() {
  if (buffer_pages_ == 0) return {};
  const ByteView bytes(buffer_.data(), buffer_pages_ * kBlockBytes);
  if (const Status written = files_->write(file_.get(), bytes, file_bytes_); !written) return written;
  file_bytes_ += bytes.size();
  buffer_pages_ = 0;
  return {};
}

Result<std::shared_ptr<const KeyRun>> KeyRunWriter::finish() {
  if (page_keys_ > 0) close_page();
  if (const Status written = write_buffer(); !written) return fail(written.error());

  const ByteView memory(filter_.data(), memory_bytes_for(blocks_count_, fences_.size()));
  if (!fences_.empty()) {
    std::memcpy(filter_.data() + blocks_count_ * sizeof(BloomBlock), fences_.data(), fences_.size() * sizeof(uint64_t));
  }
  if (const Status written = files_->write(file_.get(), memory, file_bytes_); !written) return fail(written.error());
  file_bytes_ += memory.size();

  const Footer footer{.magic = kMagic,
                      .first = name_.first.value,
                      .end = name_.end.value,
                      .keys_count = keys_count_,
                      .pages_count = fences_.size(),
                      .blocks_count = blocks_count_,
                      .memory_crc = crc32c(0, memory)};
  uint8_t* const block = buffer_.data();
  std::memset(block, 0, kBlockBytes);
  store_le(block, footer);
  store_le(block + kFooterCrcOffset, crc32c(0, {block, kFooterCrcOffset}));
  if (const Status written = files_->write(file_.get(), {block, kBlockBytes}, file_bytes_); !written)
    return fail(written.error());
  if (const Status synced = files_->sync(file_.get()); !synced) return fail(synced.error());
  file_.reset();

  const std::string path = directory_ + "/" + name_.file();
  if (const Status renamed = files_->rename(path + ".new", path); !renamed) return fail(renamed.error());
  if (const Status synced = files_->sync_directory(directory_); !synced) return fail(synced.error());
  uint64_t bytes_read = 0;
  return KeyRun::open(*files_, directory_, name_, &bytes_read);
}

}  // namespace cwtch::log
