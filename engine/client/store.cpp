#include "engine/client/store.hpp"

#include "engine/core/codec.hpp"

namespace cwtch::client {
namespace {

constexpr const char* kIdentityFile = "identity.key";
constexpr const char* kJournalFile = "journal";
constexpr const char* kLockFile = "lock";
constexpr uint64_t kObsoleteBytesMin = 4 << 20;  // less is not worth rewriting

std::string parent_of(const std::string& directory) {
  const size_t slash = directory.find_last_of('/', directory.find_last_not_of('/'));
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : directory.substr(0, slash);
}

Status write_identity(io::Files& files, const std::string& directory, const Identity& identity) {
  const std::string path = directory + "/" + kIdentityFile;
  const std::string fresh = path + ".new";
  if (const Status removed = files.unlink(fresh); !removed && removed.error().code != Errc::not_found) return removed;
  Result<io::File> opened = files.open(fresh, {.write = true, .create = true});
  if (!opened) return fail(opened.error());
  const io::OpenFile file(files, *opened);
  std::string text = to_hex(identity.seed().view()) + "\n";
  const Status written = files.write(file.get(), bytes_of(text), 0);
  explicit_bzero(text.data(), text.size());
  if (!written) return written;
  if (const Status s = files.sync(file.get()); !s) return s;
  if (const Status s = files.rename(fresh, path); !s) return s;
  return files.sync_directory(directory);
}

Result<Identity> read_identity(io::Files& files, const std::string& directory) {
  Result<io::File> opened = files.open(directory + "/" + kIdentityFile, {});
  if (!opened) return fail(opened.error());
  const io::OpenFile file(files, *opened);
  ByteArray<2 * Seed::size() + 1> text;
  const Result<size_t> size = files.read(file.get(), text, 0);
  if (!size) return fail(size.error());
  Result<Bytes> bytes = fail(Errc::malformed, "");
  if (*size >= 2 * Seed::size()) bytes = from_hex(text_of(text).substr(0, 2 * Seed::size()));
  explicit_bzero(text.data(), text.size());
  if (!bytes) return fail(Errc::corrupt, "identity.key: not 64 hex digits");
  const Seed seed(ByteView(*bytes).first<Seed::size()>());
  explicit_bzero(bytes->data(), bytes->size());
  return Identity::from_seed(seed);
}

// Events as frames: as many in one as it holds, each behind its size, since a frame is there as a whole or not at all.
std::vector<Bytes> frames_of(const std::vector<Bytes>& events) {
  std::vector<Bytes> frames;
  for (const Bytes& event : events) {
    const size_t size = sizeof(uint32_t) + event.size();
    if (frames.empty() || frames.back().size() + size > Journal::kPayloadBytesMax) frames.emplace_back();
    Bytes& frame = frames.back();
    frame.resize(frame.size() + sizeof(uint32_t));
    store_le(frame.data() + frame.size() - sizeof(uint32_t), static_cast<uint32_t>(event.size()));
    frame.insert(frame.end(), event.begin(), event.end());
  }
  return frames;
}

Status apply_frame(Profile& profile, ByteView frame) {
  Reader reader(frame);
  while (!reader.rest().empty()) {
    const ByteView bytes = reader.take(reader.get<uint32_t>());
    if (!reader.ok()) return fail(Errc::corrupt, "profile journal: a frame ends inside an event");
    const Result<Event> event = decode_event(bytes);
    if (!event) return fail(event.error());
    profile.apply(*event);
  }
  return {};
}

}  // namespace

// The lock, and the journal open and read up to its end.
class Store::Locked {
 public:
  explicit Locked(Store& store) : store_(store) {
    const std::string path = store.directory_ + "/" + kLockFile;
    Result<io::File> lock = store.files_.lock(path);
    while (!lock && lock.error().code == Errc::busy && store.wait_ && store.wait_()) lock = store.files_.lock(path);
    if (!lock) {
      status_ = lock.error().code == Errc::busy ? fail(Errc::busy, "profile: another process is changing it")
                                                : Status(fail(lock.error()));
      return;
    }
    lock_ = io::OpenFile(store.files_, *lock);
    status_ = store.begin();
  }
  ~Locked() { store_.journal_.end(); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

  const Status& status() const { return status_; }

 private:
  Store& store_;
  io::OpenFile lock_;
  Status status_;
};

Store::Store(io::Files& files, Random& random, std::string directory, Identity identity)
    : files_(files),
      random_(random),
      directory_(std::move(directory)),
      identity_(std::move(identity)),
      journal_(files, directory_, kJournalFile) {}

Result<std::unique_ptr<Store>> Store::create(io::Files& files, Random& random, std::string directory) {
  if (const Status made = files.make_directory(directory); !made) return fail(made.error());
  if (const Status kept = files.sync_directory(parent_of(directory)); !kept) return fail(kept.error());
  std::unique_ptr<Store> store(new Store(files, random, std::move(directory), Identity::create(random)));
  // The journal comes last: a directory without one is no profile, and a crash before it leaves none.
  Result<io::File> existing = files.open(store->directory_ + "/" + kJournalFile, {});
  if (existing) {
    files.close(*existing);
    return fail(Errc::conflict, "profile: there is one already");
  }
  if (const Status s = write_identity(files, store->directory_, store->identity_); !s) return fail(s.error());
  if (const Status s = store->journal_.create(random); !s) return fail(s.error());
  if (const Status s = store->refresh(); !s) return fail(s.error());
  return store;
}

Result<std::unique_ptr<Store>> Store::open(io::Files& files, Random& random, std::string directory) {
  Result<Identity> identity = read_identity(files, directory);
  if (!identity) return fail(identity.error());
  std::unique_ptr<Store> store(new Store(files, random, std::move(directory), std::move(*identity)));
  const Locked locked(*store);
  if (!locked.status()) return fail(locked.status().error());
  if (const Status s = store->compact(); !s) return fail(s.error());
  return store;
}

Status Store::begin() {
  const Status read =
      journal_.begin([this] { profile_ = Profile(); }, [this](ByteView frame) { return apply_frame(profile_, frame); });
  if (!read || !journal_.suspect()) return read;
  return journal_.rewrite(random_, frames_of(profile_.events(true)));
}

Status Store::refresh() { return Locked(*this).status(); }

Status Store::commit(const std::vector<Event>& events, Keep keep) {
  const Locked locked(*this);
  if (!locked.status()) return locked.status();
  std::vector<Bytes> encoded;
  encoded.reserve(events.size());
  for (const Event& event : events) encoded.push_back(encode(event));
  for (const Bytes& frame : frames_of(encoded)) journal_.append(frame);
  if (const Status written = journal_.write(keep == Keep::durable); !written) return written;
  for (const Event& event : events) profile_.apply(event);
  return {};
}

Status Store::forget_messages() {
  const Locked locked(*this);
  if (!locked.status()) return locked.status();
  const std::vector<Bytes> frames = frames_of(profile_.events(false));
  if (const Status rewritten = journal_.rewrite(random_, frames); !rewritten) return rewritten;
  profile_ = Profile();
  for (const Bytes& frame : frames) CHECK(apply_frame(profile_, frame));
  return {};
}

Status Store::compact() {
  if (profile_.obsolete_bytes() < kObsoleteBytesMin || profile_.obsolete_bytes() < journal_.size() / 2) return {};
  return journal_.rewrite(random_, frames_of(profile_.events(true)));
}

}  // namespace cwtch::client
