#include "tools/simulate/log_life.hpp"

#include <algorithm>

#include "tools/simulate/log_walk.hpp"

namespace cwtch::simulate {
namespace {

std::string number(uint64_t value) { return std::to_string(value); }

}  // namespace

LogLife::LogLife(sim::World& world, const Workload& workload, Truth& truth, uint64_t seed)
    : world_(world),
      workload_(workload),
      truth_(truth),
      dice_(seed),
      image_dice_(dice_.split(1)),
      check_(workload.log, world.clock().wall_hour_s()),
      io_(world.make_io()) {}

LogLife::~LogLife() {
  if (log_ != nullptr) wind_up();
  world_.disk().on_boundary({});
}

void LogLife::fail(const std::string& what) {
  if (failure_.empty()) failure_ = what;
}

bool LogLife::open() {
  world_.disk().on_boundary([this] { at_boundary(); });
  std::string damage;
  auto opened = log::Log::open(world_.files(), world_.clock(), world_.random(), kDirectory, workload_.log, &damage);
  if (!opened) {
    fail("open: " + opened.error().message() + " " + damage);
    return false;
  }
  log_ = std::move(*opened);
  // What survived is what everybody sees from now on: it must never change again.
  const log::Shared& shared = *log_->shared();
  const uint64_t first = shared.layout()->first_retained.value;
  std::vector<AlignedMemory> memory;
  std::vector<ByteView> found;
  std::string wrong =
      walk_log(world_.files(), shared, &memory, [&](uint64_t, ByteView record) { found.push_back(record); });
  if (wrong.empty()) wrong = truth_.compare(truth_.promise, first, found);
  if (!wrong.empty()) {
    fail("open: " + wrong);
    return false;
  }
  truth_.known.resize(first + found.size());
  for (uint64_t i = 0; i < found.size(); ++i)
    truth_.known[first + i] = std::make_shared<Bytes>(found[i].begin(), found[i].end());
  truth_.promise = {{}, truth_.known.size(), first};
  published();

  log_->on_published([](void* owner) { static_cast<LogLife*>(owner)->published(); }, this);
  at_boundary();  // what a recovery shows, it must have made durable
  check_images();
  world_.disk().faults() = workload_.disk_faults;
  log_->start(*io_);
  return true;
}

// ---- posts ----

void LogLife::start(std::unique_ptr<Post> made) {
  Post& post = *made;
  post.life = this;
  posts_.push_back(std::move(made));
  log_->append(
      post, *post.record,
      [](void* owner, log::Append&) {
        Post& self = *static_cast<Post*>(owner);
        self.life->answered(self);
      },
      &post);
  post.started = true;
}

void LogLife::post_fresh() {
  auto post = std::make_unique<Post>();
  // The number is drawn, not counted: a record that was lost and the one that takes its place differ.
  Bytes record = make_record(dice_.next(), workload_.record_bytes);
  if (record.size() > 2000 && !truth_.known.empty() && dice_.below(16) == 0) {
    // A hostile record: it carries another one, frame header and all, where a careless recovery might find it.
    if (const Record inner = truth_.known[dice_.below(truth_.known.size())]; inner != nullptr) {
      const size_t at = log::kSignatureBytes + log::kEntryBytes + 32;
      const uint32_t size_kind = static_cast<uint32_t>(inner->size()) | 1u << 24;
      std::memcpy(record.data() + at, &size_kind, sizeof size_kind);
      std::memcpy(record.data() + at + 16, inner->data(), std::min(record.size() - at - 16, inner->size()));
    }
  }
  post->record = std::make_shared<Bytes>(std::move(record));
  truth_.promise.maybe.push_back(post->record);
  start(std::move(post));
}

void LogLife::post_again(bool conflict) {
  // What retention has removed is new again.
  if (truth_.known.empty() || workload_.log.retain_records_max != 0) return;
  auto post = std::make_unique<Post>();
  post->repeats = dice_.below(truth_.known.size());
  post->record = truth_.known[post->repeats];
  post->kind = conflict ? Post::Kind::conflict : Post::Kind::repeat;
  if (conflict) {
    // Other bytes under the same two keys, or another signature over the same nonce.
    Bytes changed = *post->record;
    changed[dice_.below(2) == 0 ? changed.size() - 1 : 3] ^= 1;
    post->record = std::make_shared<Bytes>(std::move(changed));
  }
  start(std::move(post));
}

void LogLife::answered(Post& post) {
  CHECK(!post.answered);
  post.answered = true;
  if (post.result) return acknowledged(post);
  switch (post.result.error().code) {
    case Errc::conflict:
      if (post.kind != Post::Kind::conflict) fail("a record was refused as a conflict, and is none");
      ++counts.conflicts;
      break;
    case Errc::busy:
      ++counts.busy;
      break;
    case Errc::read_only:
      ++counts.read_only;
      break;
    default:
      fail("a post was answered with " + post.result.error().message());
  }
  // An error at once means: never placed. Later, it may have been written, and may come back.
  if (!post.started && post.kind == Post::Kind::fresh) std::erase(truth_.promise.maybe, post.record);
}

void LogLife::acknowledged(Post& post) {
  const uint64_t position = post.result->position.value;
  if (off_) fail("a post was acknowledged after the power had gone");
  switch (post.kind) {
    case Post::Kind::fresh:
      if (post.result->repeated) fail("a new record was called repeated");
      if (position != truth_.known.size())
        fail("position " + number(position) + " was acknowledged, expected " + number(truth_.known.size()));
      if (log_->poisoned()) fail("a post was acknowledged after an I/O error");
      truth_.known.push_back(post.record);
      std::erase(truth_.promise.maybe, post.record);
      truth_.promise.at_least = std::max<uint64_t>(truth_.promise.at_least, truth_.known.size());
      ++counts.acknowledged;
      break;
    case Post::Kind::repeat:
      if (!post.result->repeated || position != post.repeats)
        fail("the record at " + number(post.repeats) + " was accepted again at " + number(position));
      ++counts.repeats;
      break;
    case Post::Kind::conflict:
      fail("other bytes under the keys of the record at " + number(post.repeats) + " were accepted");
  }
}

void LogLife::published() {
  const log::Shared& shared = *log_->shared();
  const auto layout = shared.layout();
  Promise& promise = truth_.promise;
  // Whoever looks now sees these records, so they must survive.
  promise.at_least = std::max(promise.at_least, shared.committed().end.value);
  // Segments that the limit says are to go may be gone from here on.
  promise.first_max = std::max(promise.first_max, layout->first_retained.value);
  const uint64_t keep = workload_.log.retain_records_max;
  if (keep == 0 || layout->segments.empty()) return;
  for (const auto& segment : layout->segments) {
    if (layout->segments.back()->end.value - segment->first.value > keep)
      promise.first_max = std::max(promise.first_max, segment->end.value);
  }
}

void LogLife::turn(bool wait) {
  log_->turn_end();
  io_->turn(wait && !log_->idle());  // turn_end() may have finished what was waited for
  std::erase_if(posts_, [](const auto& post) { return post->answered && post->started; });
  check_images();
}

void LogLife::post(uint32_t records, bool settle) {
  for (uint32_t posted = 0; posted < records && failure_.empty() && !log_->poisoned();) {
    for (uint64_t burst = dice_.between(1, 6); burst > 0 && posted < records; --burst, ++posted) post_fresh();
    if (dice_.chance(workload_.repeat)) post_again(false);
    if (dice_.chance(workload_.conflict)) post_again(true);
    switch (dice_.below(8)) {
      case 0:  // quiet: everything is answered before the next post
        while (!posts_.empty() && failure_.empty()) turn(true);
        break;
      case 1:
        world_.advance_by(dice_.below(2 * 3600) * kSecond);
        log_->tick();
        break;
      case 2:
        log_->tick();
        break;
      case 3:
      case 4:  // workers get on with sealing and merging
        for (uint64_t turns = dice_.below(20); turns > 0 && failure_.empty(); --turns) {
          world_.advance_by(dice_.below(2 * kMillisecond));
          turn(false);
        }
        break;
      default:
        break;
    }
    turn(dice_.below(4) == 0 && !posts_.empty());
  }
  while (settle && !posts_.empty() && failure_.empty()) turn(true);
  if (!log_->poisoned() || !failure_.empty()) return;
  // Closed to posts, still open to readers.
  for (int i = 0; i < 3; ++i) post_fresh();
  turn(false);
  const std::string wrong = read_all();
  if (!wrong.empty()) fail("after an I/O error: " + wrong);
}

void LogLife::rest(uint64_t duration_ns) {
  for (uint64_t rested = 0; rested < duration_ns && failure_.empty(); rested += 5 * kMillisecond) {
    world_.advance_by(5 * kMillisecond);
    turn(false);
  }
}

// ---- the end of a life ----

std::string LogLife::read_all() {
  const log::Shared& shared = *log_->shared();
  std::vector<AlignedMemory> memory;
  std::vector<ByteView> found;
  std::string wrong =
      walk_log(world_.files(), shared, &memory, [&](uint64_t, ByteView record) { found.push_back(record); });
  if (wrong.empty()) wrong = truth_.compare(truth_.promise, shared.layout()->first_retained.value, found);
  return wrong;
}

void LogLife::wind_up() {
  log_->drain();
  while (!log_->idle()) {
    log_->turn_end();
    io_->turn(!log_->idle());
  }
  for (const auto& post : posts_) {
    if (!post->answered) fail("a post was never answered");
  }
  posts_.clear();
  log_.reset();
}

void LogLife::close() {
  log_->drain();
  while (!log_->idle() && failure_.empty()) turn(true);
  if (failure_.empty()) {
    const std::string wrong = read_all();
    if (!wrong.empty()) fail("at the end of a life: " + wrong);
  }
  wind_up();
}

sim::Disk LogLife::cut(uint64_t seed) { return end_now(world_.disk().power_cut(seed)); }

sim::Disk LogLife::kill(uint64_t seed) { return end_now(world_.disk().process_crash(seed)); }

// What the log does from here on happens to nobody: `left` is what remains.
sim::Disk LogLife::end_now(sim::Disk left) {
  const Promise then = truth_.promise;
  world_.disk().on_boundary({});
  images_.clear();
  world_.switch_off();
  off_ = true;
  wind_up();
  truth_.promise = then;
  return left;
}

// ---- images ----

// Runs inside a call of the disk: only sets aside.
void LogLife::at_boundary() {
  ++counts.boundaries;
  for (uint64_t i = image_dice_.below(workload_.images_per_boundary_max + 1); i > 0; --i) {
    const uint64_t seed = image_dice_.next();
    const bool killed = image_dice_.below(4) == 0;
    images_.push_back({killed ? world_.disk().process_crash(seed) : world_.disk().power_cut(seed), truth_.promise,
                       counts.boundaries, seed, killed});
  }
}

void LogLife::check_images() {
  for (Image& image : std::exchange(images_, {})) {
    if (!failure_.empty()) return;
    const uint32_t every = workload_.recovery_cuts_every;
    const std::string wrong = every != 0 && ++images_seen_ % every == 0
                                  ? check_.check_with_recovery_cuts(std::move(image.disk), truth_, image.promise,
                                                                    image.seed, workload_.recovery_images_per_boundary)
                                  : check_.check(std::move(image.disk), truth_, image.promise, image.seed,
                                                 image.killed || images_seen_ % 4 == 0);
    if (!wrong.empty()) {
      fail("boundary " + number(image.boundary) + (image.killed ? ", program killed, image " : ", image ") +
           number(image.seed) + ": " + wrong);
    }
  }
  counts.images = check_.images();
}

}  // namespace cwtch::simulate
