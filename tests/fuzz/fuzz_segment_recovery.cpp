// A log with anything written over any of its files: it opens or says what is wrong, and what it serves is what was
// appended. Input: patches of (file u8, offset u16, length u8, bytes).
#include "engine/core/check.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/log.hpp"
#include "engine/log/segment_file.hpp"
#include "engine/sim/world.hpp"

using namespace cwtch;

namespace {

log::Options small() {
  log::Options options;
  options.chunk_bytes = 8192;
  options.journal_files = 3;
  options.journal_file_bytes = 32768;
  options.group_bytes_max = 16384;
  options.seal_records = 8;
  options.merge_factor = 2;
  options.seal_records_hour_min = 8;
  return options;
}

Bytes record_of(uint64_t position) {
  SeededRandom random(position + 1);
  Bytes record(400);
  random.fill(record);
  return record;
}

constexpr uint64_t kRecords = 29;

// A world whose disk has a small log, closed in order.
sim::World& pristine() {
  static sim::World world(1);
  static const bool made = [] {
    CHECK(world.files().make_directory("log"));
    CHECK(world.files().sync_directory(""));
    CHECK(log::Log::create(world.files(), world.random(), "log", small()));
    std::string damage;
    auto opened = log::Log::open(world.files(), world.clock(), world.random(), "log", small(), &damage);
    CHECK(opened);
    const auto io = world.make_io();
    log::Log& log = **opened;
    log.start(*io);
    for (uint64_t i = 0; i < kRecords;) {
      log::Append append;
      bool done = false;
      log.append(
          append, record_of(i), [](void* owner, log::Append&) { *static_cast<bool*>(owner) = true; }, &done);
      do {  // also after "busy": the small ring needs time to be sealed
        log.turn_end();
        io->turn(!log.idle());
      } while (!done);
      if (append.result) ++i;
    }
    log.drain();
    while (!log.idle()) {
      log.turn_end();
      io->turn(true);
    }
    opened->reset();
    return true;
  }();
  CHECK(made);
  return world;
}

// The records of whole chunks, which follow each other from `next` on.
Status check_chunk(ByteView chunk, log::Position first, uint64_t& next) {
  log::FrameWalker walker(chunk, first);
  while (true) {
    const auto frame = walker.next();
    CHECK(frame);
    if (!*frame) return {};
    if ((*frame)->kind != log::FrameKind::record) continue;
    CHECK((*frame)->position.value == next++);
    CHECK(equal_vartime((*frame)->payload, record_of((*frame)->position.value)));
  }
}

void check_served(sim::World& world, const log::Log& log) {
  const auto layout = log.shared()->layout();
  for (const auto& segment : layout->segments) {
    uint64_t next = segment->first.value;
    (void)log::for_each_chunk(world.files(), *segment, [&](const log::ChunkPlace& place, ByteView chunk) {
      return check_chunk(chunk, place.first, next);
    });
  }
  // What was recovered from the journal.
  const auto committed = log.shared()->committed();
  for (size_t part = 0; part < layout->tail.size(); ++part) {
    const log::TailSegment& tail = *layout->tail[part];
    const uint64_t end = part + 1 < layout->tail.size() ? layout->tail[part + 1]->stream_offset : committed.offset;
    uint64_t next = tail.first.value;
    for (size_t i = 0; i < tail.chunks.size(); ++i) {
      const uint64_t chunk_end = i + 1 < tail.chunks.size() ? tail.chunks[i + 1].offset : end;
      const ByteView bytes = ByteView(tail.chunks[i].memory.bytes()).first(chunk_end - tail.chunks[i].offset);
      CHECK(check_chunk(bytes, tail.chunks[i].first, next));
    }
    CHECK(next == (part + 1 < layout->tail.size() ? layout->tail[part + 1]->first : committed.end).value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sim::World world(2, pristine().disk().power_cut(3));
  std::vector<std::string> names = {"log/settings", "log/manifest", "log/journal.0", "log/journal.1", "log/journal.2"};
  for (const char* const folder : {"log/segments", "log/keys"}) {
    const Result<std::vector<std::string>> listed = world.files().list(folder);
    CHECK(listed);
    for (const std::string& name : *listed) names.push_back(std::string(folder) + "/" + name);
  }
  Reader reader(ByteView(data, size));
  while (!reader.rest().empty()) {
    const auto which = reader.get<uint8_t>();
    const auto offset = reader.get<uint16_t>();
    const auto length = reader.get<uint8_t>();
    const ByteView bytes = reader.take(std::min<size_t>(length, reader.rest().size()));
    const Result<io::File> file = world.files().open(names[which % names.size()], {.write = true});
    CHECK(file);
    if (!bytes.empty()) CHECK(world.files().write(*file, bytes, offset));
    world.files().close(*file);
  }
  std::string damage;
  const auto opened = log::Log::open(world.files(), world.clock(), world.random(), "log", small(), &damage);
  if (opened) {
    CHECK((*opened)->shared()->committed().end.value <= kRecords);
    check_served(world, **opened);
  } else {
    CHECK(!damage.empty());
  }
  (void)log::verify(world.files(), "log", [](const log::VerifyProgress&) {});
  return 0;
}
