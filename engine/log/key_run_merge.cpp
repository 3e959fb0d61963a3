// Merging runs: each is read once, front to back, through a buffer of a few pages.
#include <algorithm>

#include "engine/log/key_run.hpp"

namespace cwtch::log {
namespace {

constexpr size_t kSourcePages = 32;

// The keys of one run in order.
class Source {
 public:
  Source(io::Files& files, std::shared_ptr<const KeyRun> run)
      : files_(&files), run_(std::move(run)), buffer_(kSourcePages * kBlockBytes) {
    keys_.reserve(kSourcePages * kKeysPerPage);
  }

  bool done() const { return index_ == keys_.size(); }
  const Key& key() const { return keys_[index_]; }
  Status advance() {
    if (++index_ < keys_.size()) return {};
    return fill();
  }
  Status fill() {
    keys_.clear();
    index_ = 0;
    const size_t pages = static_cast<size_t>(std::min<uint64_t>(kSourcePages, run_->pages_count() - next_page_));
    if (pages == 0) return {};
    const MutableBytes to = buffer_.bytes().first(pages * kBlockBytes);
    const auto size = files_->read(run_->file(), to, KeyRun::offset_of(next_page_));
    if (!size) return fail(size.error());
    if (*size != to.size()) return fail(Errc::corrupt, "key run: file ends early", KeyRun::offset_of(next_page_));
    for (size_t page = 0; page < pages; ++page) {
      const ByteView bytes = to.subspan(page * kBlockBytes, kBlockBytes);
      if (const Status added = run_->keys_of_page(bytes, next_page_ + page, keys_); !added) return added;
    }
    next_page_ += pages;
    return {};
  }

 private:
  io::Files* files_;
  std::shared_ptr<const KeyRun> run_;
  AlignedMemory buffer_;
  std::vector<Key> keys_;
  size_t index_ = 0;
  uint64_t next_page_ = 0;
};

}  // namespace

Result<std::shared_ptr<const KeyRun>> merge_runs(io::Files& files, const std::string& directory,
                                                 const std::vector<RunName>& from, const RunName& to,
                                                 Position first_retained) {
  std::vector<Source> sources;
  uint64_t keys_max = 0;
  for (const RunName& name : from) {
    CHECK(name.first >= to.first);
    CHECK(name.end <= to.end);
    uint64_t bytes_read = 0;
    auto run = KeyRun::open(files, directory, name, &bytes_read);
    if (!run) return fail(run.error());
    keys_max += (*run)->keys_count();
    Source source(files, std::move(*run));
    if (const Status filled = source.fill(); !filled) return fail(filled.error());
    if (!source.done()) sources.push_back(std::move(source));
  }
  // Two keys per record: what retention has dropped needs no room in the filter.
  const uint64_t retained = to.end.value - std::min(to.end, std::max(to.first, first_retained)).value;
  auto writer = KeyRunWriter::start(files, directory, to, std::min(keys_max, 2 * retained));
  if (!writer) return fail(writer.error());

  // A heap of the sources by their next key, smallest in front.
  std::vector<Source*> heap;
  for (Source& source : sources) heap.push_back(&source);
  const auto later = [](const Source* a, const Source* b) {
    const Key &x = a->key(), &y = b->key();
    return x.fingerprint != y.fingerprint ? x.fingerprint > y.fingerprint : x.position > y.position;
  };
  std::make_heap(heap.begin(), heap.end(), later);
  Key last{0, 0};
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    Source& source = *heap.back();
    const Key key = source.key();
    // Checksums make this impossible but for a file that was never a run of ours.
    if (key.fingerprint < last.fingerprint || key.position < to.first.value || key.position >= to.end.value)
      return fail(Errc::corrupt, "key run: keys out of order or place");
    last = key;
    if (key.position >= first_retained.value) {
      if (const Status added = writer->add(key); !added) return fail(added.error());
    }
    if (const Status advanced = source.advance(); !advanced) return fail(advanced.error());
    if (source.done())
      heap.pop_back();
    else
      std::push_heap(heap.begin(), heap.end(), later);
  }
  return writer->finish();
}

}  // namespace cwtch::log
