// A mailbox that shows a post before its bytes are there is found out: the log then holds something else than what was
// acknowledged. The same run with the sound mailbox finds nothing.
#include <gtest/gtest.h>

#include <map>

#include "engine/log/frame.hpp"
#include "engine/log/mutant.hpp"
#include "engine/log/reader.hpp"
#include "engine/server/mailbox.hpp"
#include "engine/sim/world.hpp"

namespace cwtch::test {
namespace {

struct Handover {
  explicit Handover(uint64_t seed) : world(seed), mailbox(16, 1 << 16) {
    CHECK(world.files().make_directory("log"));
    log::Options options;
    options.chunk_bytes = 16 << 10;
    options.journal_files = 3;
    options.journal_file_bytes = 256 << 10;
    options.group_bytes_max = 64 << 10;
    CHECK(log::Log::create(world.files(), world.random(), "log", options));
    std::string damage;
    log = *log::Log::open(world.files(), world.clock(), world.random(), "log", options, &damage);
    io = world.make_io();
    log->start(*io);
  }

  struct Slot {
    Handover* handover;
    log::Append* theirs;
    log::Append ours;
  };

  // The writer's side, as Shard does it.
  void take() {
    log::Append* theirs = nullptr;
    ByteView record;
    while (mailbox.take(theirs, record)) {
      slots.push_back(std::make_unique<Slot>());
      Slot& slot = *slots.back();
      slot.handover = this;
      slot.theirs = theirs;
      log->append(
          slot.ours, record,
          [](void* owner, log::Append& append) {
            auto& done = *static_cast<Slot*>(owner);
            done.handover->mailbox.reply({done.theirs, append.result});
          },
          &slot);
      mailbox.release();
    }
    log->turn_end();
  }

  // How many acknowledged records the log does not hold.
  uint64_t lost() {
    std::map<log::Append*, Bytes> posted;
    std::vector<log::Append> appends(16);
    uint64_t lost = 0, replies = 0;
    for (log::Append& append : appends) {
      Bytes record(log::kRecordBytesMin + world.dice().below(2000));
      world.random().fill(record);
      posted[&append] = record;
      CHECK(mailbox.send(append, record));
    }
    std::map<uint64_t, Bytes> acknowledged;
    while (replies < appends.size()) {
      take();
      Mailbox::Reply reply;
      while (mailbox.receive(reply)) {
        replies += 1;
        if (reply.result) acknowledged[reply.result->position.value] = posted[reply.append];
      }
      if (replies < appends.size()) io->turn(true);
    }
    const auto layout = log->shared()->layout();
    std::map<uint64_t, Bytes> held;
    const auto reader = log::Reader::make(*io, world.files(), log->shared(), {.cache_bytes = 1 << 20});
    reader->refresh();
    uint64_t offset = 0, position = 0;
    while (offset < reader->committed().offset) {
      const auto view = reader->view(offset, 1 << 20);
      CHECK(view.has_value());
      log::FrameWalker walker(view->bytes(), {position});
      while (true) {
        const auto frame = walker.next();
        CHECK(frame.has_value());
        if (!*frame) break;
        if ((*frame)->kind == log::FrameKind::record)
          held[(*frame)->position.value] = Bytes((*frame)->payload.begin(), (*frame)->payload.end());
      }
      position = walker.position().value;
      offset += view->bytes().size();
    }
    for (const auto& [at, record] : acknowledged) lost += held[at] != record;
    log->drain();
    while (!log->idle()) io->turn(true);
    return lost;
  }

  using Mailbox = server::Mailbox;
  sim::World world;
  std::unique_ptr<io::Io> io;
  std::unique_ptr<log::Log> log;
  Mailbox mailbox;
  std::vector<std::unique_ptr<Slot>> slots;
};

TEST(MailboxMutant, SoundMailboxLosesNothing) {
  planted<log::Mutant> = log::Mutant::none;
  for (uint64_t seed = 1; seed <= 20; ++seed) EXPECT_EQ(Handover(seed).lost(), 0u) << seed;
}

TEST(MailboxMutant, BytesThatComeTooLateAreNoticed) {
  planted<log::Mutant> = log::Mutant::mailbox_out_of_order;
  uint64_t lost = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) lost += Handover(seed).lost();
  planted<log::Mutant> = log::Mutant::none;
  EXPECT_GT(lost, 0u);
}

}  // namespace
}  // namespace cwtch::test
