// One suite for both back ends: what io.hpp promises, neither more nor less.
#include "engine/io/io.hpp"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "engine/core/aligned_memory.hpp"
#include "engine/core/random.hpp"
#include "engine/io/features.hpp"
#include "engine/io/files.hpp"

namespace cwtch::io {
namespace {

IoOptions options_for(Backend backend, uint32_t buffers = 16) {
  IoOptions options;
  options.backend = backend;
  options.entries = 256;
  options.receive_buffers = buffers;
  return options;
}

std::unique_ptr<Io> make(Backend backend, uint32_t buffers = 16) {
  Result<std::unique_ptr<Io>> io = make_io(options_for(backend, buffers));
  if (!io) std::printf("%s\n", io.error().message().c_str());
  return io ? std::move(*io) : nullptr;
}

// An operation with a flag: the tests wait for it by turning the loop.
template <class Op>
struct Waited {
  Op op;
  int times = 0;
  Callback callback() { return then<&Waited::done>(this); }
  void done(Op&) { ++times; }
};

class IoTest : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    io_ = make(GetParam());
    if (io_ == nullptr) GTEST_SKIP() << "this kernel, or what runs us, forbids it";
  }
  template <class Op>
  void wait(Waited<Op>& waited) {
    const int before = waited.times;
    for (int i = 0; i < 100000 && waited.times == before; ++i) io_->turn(true);
    ASSERT_EQ(waited.times, before + 1);
  }
  void connect_pair(const std::string& address = "127.0.0.1:0") {
    const Result<Socket> listener = io_->listen({address}, {});
    ASSERT_TRUE(listener) << listener.error().message();
    listener_ = *listener;
    Waited<Connect> connect;
    io_->connect(connect.op, *io_->local_address(listener_), connect.callback());
    Waited<Accept> accept;
    io_->accept(accept.op, listener_, accept.callback());
    wait(accept);
    while (connect.times == 0) io_->turn(true);
    ASSERT_TRUE(accept.op.socket());
    ASSERT_TRUE(connect.op.socket());
    server_ = *accept.op.socket();
    client_ = *connect.op.socket();
  }
  void close(Socket socket) {
    Waited<Close> close;
    io_->close(close.op, socket, close.callback());
    wait(close);
  }
  void close_all() {
    close(server_);
    close(client_);
    close(listener_);
  }
  std::unique_ptr<Io> io_;
  Socket listener_, server_, client_;
};
INSTANTIATE_TEST_SUITE_P(Backends, IoTest, testing::Values(Backend::uring, Backend::epoll),
                         [](const auto& backend) { return backend.param == Backend::uring ? "uring" : "epoll"; });

TEST_P(IoTest, BytesArriveAndHalfCloseIsSeen) {
  for (const std::string& address :
       {std::string("127.0.0.1:0"), "unix:" + std::string(testing::TempDir()) + "io_test.sock"}) {
    connect_pair(address);
    EXPECT_TRUE(io_->peer_is_loopback(server_));
    Waited<Recv> recv;
    io_->recv(recv.op, server_, recv.callback());
    Waited<Send> send;
    io_->send(send.op, client_, bytes_of("hello"), {}, send.callback());
    wait(recv);
    EXPECT_EQ(text_of(recv.op.buffer.bytes()), "hello");
    EXPECT_EQ(*recv.op.size(), 5u);
    recv.op.buffer.reset();
    io_->recv(recv.op, server_, recv.callback());
    io_->shutdown(client_);
    wait(recv);
    EXPECT_EQ(*recv.op.size(), 0u);
    EXPECT_FALSE(recv.op.buffer);
    EXPECT_EQ(send.times, 1);
    close_all();
  }
}

// A sender much faster than its reader: partial sends, EAGAIN, polls; nothing is lost or changed.
TEST_P(IoTest, LargeTransferWithBackPressure) {
  connect_pair();
  Bytes sent(24 << 20);
  SeededRandom random(1);
  random.fill(sent);
  Bytes got;
  size_t at = 0;
  int busy = 0;
  Waited<Send> send;
  Waited<Poll> poll;
  Waited<Recv> recv;
  while (got.size() < sent.size()) {
    if (at < sent.size() && !send.op.in_flight() && !poll.op.in_flight()) {
      if (send.times > 0) {
        const Result<size_t> size = send.op.size();
        send.times = 0;
        if (size) {
          at += *size;
        } else {
          ASSERT_EQ(size.error().code, Errc::busy);
          ++busy;
          io_->poll(poll.op, client_, PollFor::writable, poll.callback());
        }
      }
      if (at < sent.size() && !poll.op.in_flight())
        io_->send(send.op, client_, ByteView(sent).subspan(at, std::min<size_t>(256 << 10, sent.size() - at)), {},
                  send.callback());
    }
    // Reads only now and then, so that the socket fills.
    if (!recv.op.in_flight() && (poll.op.in_flight() || at == sent.size())) {
      if (recv.op.buffer) {
        const ByteView bytes = recv.op.buffer.bytes();
        got.insert(got.end(), bytes.begin(), bytes.end());
        recv.op.buffer.reset();
      }
      if (got.size() < sent.size()) io_->recv(recv.op, server_, recv.callback());
    }
    io_->turn(false);
  }
  EXPECT_EQ(got, sent);
  EXPECT_GT(busy, 0);
  while (send.op.in_flight() || poll.op.in_flight()) io_->turn(true);
  close_all();
}

TEST_P(IoTest, ShutdownWakesWhoeverWaits) {
  connect_pair();
  Waited<Recv> recv;
  io_->recv(recv.op, server_, recv.callback());
  io_->turn(false);
  io_->shutdown(server_);
  wait(recv);
  EXPECT_TRUE(!recv.op.size() || *recv.op.size() == 0);
  close_all();
}

TEST_P(IoTest, ReceivesWaitForABufferWhenAllAreOut) {
  io_ = make(GetParam(), 2);
  connect_pair();
  std::vector<Buffer> held;
  Waited<Recv> recv;
  Waited<Send> send;
  for (int i = 0; i < 2; ++i) {
    io_->send(send.op, client_, bytes_of("x"), {}, send.callback());
    wait(send);
    io_->recv(recv.op, server_, recv.callback());
    wait(recv);
    held.push_back(std::move(recv.op.buffer));
  }
  io_->send(send.op, client_, bytes_of("y"), {}, send.callback());
  wait(send);
  io_->recv(recv.op, server_, recv.callback());
  for (int i = 0; i < 20; ++i) io_->turn(false);
  EXPECT_EQ(recv.times, 2);
  held.pop_back();
  wait(recv);
  EXPECT_EQ(text_of(recv.op.buffer.bytes()), "y");
  recv.op.buffer.reset();
  held.clear();
  close_all();
}

TEST_P(IoTest, StarvedReceiveCanBeCancelled) {
  io_ = make(GetParam(), 1);
  connect_pair();
  Waited<Recv> recv, other;
  Waited<Send> send;
  io_->send(send.op, client_, bytes_of("x"), {}, send.callback());
  io_->recv(recv.op, server_, recv.callback());
  wait(recv);
  const Buffer held = std::move(recv.op.buffer);
  io_->send(send.op, client_, bytes_of("y"), {}, send.callback());
  io_->recv(other.op, server_, other.callback());
  for (int i = 0; i < 20; ++i) io_->turn(false);
  io_->cancel(other.op);
  wait(other);
  EXPECT_EQ(other.op.size().error().code, Errc::cancelled);
  close_all();
}

TEST_P(IoTest, TimersComeInOrderAndCanBeCancelled) {
  Waited<Timer> late, early, cancelled;
  io_->timer(late.op, 20 * kMillisecond, late.callback());
  io_->timer(early.op, 1 * kMillisecond, early.callback());
  io_->timer(cancelled.op, 3600 * kSecond, cancelled.callback());
  wait(early);
  EXPECT_EQ(late.times, 0);
  EXPECT_TRUE(early.op.expired());
  io_->cancel(cancelled.op);
  wait(cancelled);
  EXPECT_FALSE(cancelled.op.expired());
  wait(late);
}

TEST_P(IoTest, CancelEndsAnAcceptAndAPoll) {
  connect_pair();
  Waited<Accept> accept;
  io_->accept(accept.op, listener_, accept.callback());
  Waited<Poll> poll;
  io_->poll(poll.op, server_, PollFor::readable, poll.callback());
  io_->turn(false);
  io_->cancel(accept.op);
  io_->cancel(poll.op);
  while (accept.times == 0 || poll.times == 0) io_->turn(true);
  EXPECT_EQ(accept.op.socket().error().code, Errc::cancelled);
  EXPECT_FALSE(poll.op.status());
  close_all();
}

TEST_P(IoTest, NotifyFromAThreadAndFromAnotherIo) {
  std::atomic<int> heard = 0;
  io_->on_notify([](void* owner) { static_cast<std::atomic<int>*>(owner)->fetch_add(1); }, &heard);
  for (int i = 0; i < 100; ++i) {
    const int before = heard;
    std::thread thread([&] { io_->notify(nullptr); });
    while (heard == before) io_->turn(true);
    thread.join();
  }
  // Two loops, each on its thread, that wake each other: what one hears it answers.
  struct Echo {
    Io* mine;
    Io* other;
    std::atomic<bool> stop{false};
  } echo;
  const auto second = make(GetParam());
  echo.mine = second.get();
  echo.other = io_.get();
  second->on_notify(
      [](void* owner) {
        const auto* const e = static_cast<Echo*>(owner);
        e->other->notify(e->mine);
      },
      &echo);
  std::thread thread([&] {
    while (!echo.stop) second->turn(true);
  });
  for (int i = 0; i < 100; ++i) {
    const int before = heard;
    second->notify(io_.get());
    while (heard == before) io_->turn(true);
  }
  echo.stop = true;
  second->notify(nullptr);
  thread.join();
}

TEST_P(IoTest, WorkRunsElsewhereAndEndsHere) {
  struct Job {
    std::thread::id where;
  } job;
  Waited<Work> first, second;
  io_->work(
      first.op, [](void* argument) { static_cast<Job*>(argument)->where = std::this_thread::get_id(); }, &job,
      first.callback());
  wait(first);
  EXPECT_NE(job.where, std::this_thread::get_id());
  // A short job does not queue behind a long one.
  std::atomic<bool> release = false;
  io_->work(
      first.op,
      [](void* argument) {
        while (!*static_cast<std::atomic<bool>*>(argument)) std::this_thread::yield();
      },
      &release, first.callback());
  io_->work(
      second.op, [](void*) {}, nullptr, second.callback());
  wait(second);
  EXPECT_EQ(first.times, 1);
  release = true;
  wait(first);
}

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "io_test.XXXXXX").string();
    CHECK(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST_P(IoTest, FilesReadBackWhatWasWritten) {
  const Directory directory;
  Files& files = system_files();
  for (const bool direct : {false, true}) {
    const std::string path = directory.path + (direct ? "/direct" : "/buffered");
    const Result<File> file = files.open(path, {.write = true, .create = true, .direct = direct});
    ASSERT_TRUE(file) << file.error().message();
    const AlignedMemory memory(16384), back(16384);
    SeededRandom(3).fill(memory.bytes());
    for (const bool durable : {true, false}) {
      Waited<Write> write;
      io_->write(write.op, *file, memory.bytes(), 4096, durable, write.callback());
      wait(write);
      ASSERT_TRUE(write.op.size()) << write.op.size().error().message();
      EXPECT_EQ(*write.op.size(), 16384u);
    }
    Waited<Sync> sync;
    io_->sync(sync.op, *file, sync.callback());
    wait(sync);
    EXPECT_TRUE(sync.op.status());
    Waited<Read> read;
    io_->read(read.op, *file, back.bytes(), 4096, read.callback());
    wait(read);
    EXPECT_EQ(*read.op.size(), 16384u);
    EXPECT_TRUE(equal_vartime(memory.bytes(), back.bytes()));
    io_->read(read.op, *file, back.bytes(), 12288, read.callback());
    wait(read);
    EXPECT_EQ(*read.op.size(), 8192u);  // short: the file ends
    files.close(*file);
    EXPECT_FALSE(files.open(path, {.write = true, .create = true}));  // exclusive
  }
  Waited<Read> read;
  const AlignedMemory back(4096);
  io_->read(read.op, File{9999}, back.bytes(), 0, read.callback());
  wait(read);
  EXPECT_FALSE(read.op.size());
}

TEST_P(IoTest, ManyOperationsAtOnceOverflowNothing) {
  std::vector<std::unique_ptr<Waited<Timer>>> timers;
  for (int i = 0; i < 5000; ++i) {
    timers.push_back(std::make_unique<Waited<Timer>>());
    io_->timer(timers.back()->op, static_cast<uint64_t>(i % 7) * kMillisecond, timers.back()->callback());
  }
  std::vector<std::unique_ptr<Waited<Read>>> reads;
  const Directory directory;
  const File file = *system_files().open(directory.path + "/f", {.write = true, .create = true});
  std::vector<Bytes> memory(2000, Bytes(16));
  for (size_t i = 0; i < memory.size(); ++i) {
    reads.push_back(std::make_unique<Waited<Read>>());
    io_->read(reads.back()->op, file, memory[i], 0, reads.back()->callback());
  }
  for (auto& timer : timers)
    while (timer->times == 0) io_->turn(true);
  for (auto& read : reads)
    while (read->times == 0) io_->turn(true);
  system_files().close(file);
}

TEST(Files, LocksListsRenamesAndSetsTimes) {
  const Directory directory;
  Files& files = system_files();
  const Result<File> lock = files.lock(directory.path + "/lock");
  ASSERT_TRUE(lock);
  EXPECT_EQ(files.lock(directory.path + "/lock").error().code, Errc::busy);
  files.close(*lock);
  ASSERT_TRUE(files.make_directory(directory.path + "/d"));
  ASSERT_TRUE(files.make_directory(directory.path + "/d"));
  files.close(*files.open(directory.path + "/d/a", {.write = true, .create = true}));
  ASSERT_TRUE(files.rename(directory.path + "/d/a", directory.path + "/d/b"));
  ASSERT_TRUE(files.sync_directory(directory.path + "/d"));
  EXPECT_EQ(*files.list(directory.path + "/d"), std::vector<std::string>{"b"});
  ASSERT_TRUE(files.set_times(directory.path + "/d/b", 7200));
  EXPECT_EQ(std::filesystem::last_write_time(directory.path + "/d/b"),
            std::chrono::file_clock::from_sys(std::chrono::sys_seconds(std::chrono::seconds(7200))));
  EXPECT_EQ(files.open(directory.path + "/d/none", {}).error().code, Errc::not_found);
  ASSERT_TRUE(files.unlink(directory.path + "/d/b"));
}

TEST(Addresses, AreParsedStrictly) {
  EXPECT_TRUE(Address{"127.9.9.9:1"}.loopback());
  EXPECT_TRUE(Address{"[::1]:80"}.loopback());
  EXPECT_TRUE(Address{"unix:/x"}.loopback());
  EXPECT_FALSE(Address{"10.0.0.1:80"}.loopback());
  EXPECT_FALSE(Address{"localhost:80"}.loopback());  // names are not resolved
  EXPECT_FALSE(Address{"0.0.0.0:80"}.loopback());
}

// A child in which a seccomp filter hides io_uring, as the default profile of containers does.
TEST(Fallback, RefusedRingFallsBackOrSaysWhy) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{4, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
      _exit(77);
    const auto automatic = make_io(options_for(Backend::automatic));
    if (!automatic || std::string((*automatic)->name()) != "epoll") _exit(1);
    const auto ring = make_io(options_for(Backend::uring));
    if (ring || ring.error().message().find("--io=epoll") == std::string::npos) _exit(2);
    std::string refused;
    if (!probe_features(&refused).empty() || refused.find("io_uring_disabled") == std::string::npos) _exit(3);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "seccomp is not available";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace cwtch::io
