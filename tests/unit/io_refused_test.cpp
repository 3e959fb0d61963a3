// Kernels and containers that refuse io_uring: a seccomp filter in a child process plays them.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "engine/io/features.hpp"
#include "tests/unit/io_test.hpp"

namespace cwtch::io::test {
namespace {

bool refuse_io_uring(uint32_t error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = 4, .filter = filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// What make_io says under such a filter, as text from the child: "name|message".
std::string make_io_refused(Backend backend, uint32_t error) {
  int pipe_ends[2];
  EXPECT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string text = "no seccomp";
    if (refuse_io_uring(error)) {
      const Result<std::unique_ptr<Io>> made = make_io({.backend = backend});
      text = made ? (*made)->name() : made.error().message();
      if (made) {  // and it works
        Pending<Timer> timer;
        (*made)->timer(timer.operation, 0, timer.callback());
        while (!timer.done()) (*made)->turn(true);
      }
    }
    static_cast<void>(!::write(pipe_ends[1], text.data(), text.size()));
    ::_exit(0);
  }
  ::close(pipe_ends[1]);
  std::string text;
  char bytes[512];
  for (ssize_t count; (count = ::read(pipe_ends[0], bytes, sizeof bytes)) > 0;) {
    text.append(bytes, static_cast<size_t>(count));
  }
  ::close(pipe_ends[0]);
  ::waitpid(child, nullptr, 0);
  return text;
}

TEST(IoRefused, AutomaticFallsBackToEpoll) {
  const std::string text = make_io_refused(Backend::automatic, EPERM);
  if (text == "no seccomp") GTEST_SKIP() << "this system forbids seccomp filters";
  EXPECT_EQ(text, "epoll");
  EXPECT_EQ(make_io_refused(Backend::automatic, ENOSYS), "epoll");
}

TEST(IoRefused, AskedForItNamesCauseAndCure) {
  const std::string forbidden = make_io_refused(Backend::uring, EPERM);
  if (forbidden == "no seccomp") GTEST_SKIP() << "this system forbids seccomp filters";
  EXPECT_THAT(forbidden, testing::HasSubstr("seccomp filter or security module forbids it"));
  EXPECT_THAT(forbidden, testing::HasSubstr("cure: allow io_uring_setup"));
  EXPECT_THAT(forbidden, testing::HasSubstr("--io=epoll"));

  const std::string missing = make_io_refused(Backend::uring, ENOSYS);
  EXPECT_THAT(missing, testing::HasSubstr("no io_uring"));
  EXPECT_THAT(missing, testing::HasSubstr("cure: run Linux 5.19 or newer"));

  const std::string memory = make_io_refused(Backend::uring, ENOMEM);
  EXPECT_THAT(memory, testing::HasSubstr("RLIMIT_MEMLOCK"));
  EXPECT_THAT(memory, testing::HasSubstr("ulimit -l"));
}

TEST(IoFeatures, EveryFeatureHasAVersionAndAReason) {
  for (const Feature& feature : uring_features()) {
    EXPECT_THAT(feature.needs, testing::MatchesRegex("Linux [5-6]\\.[0-9]+")) << feature.name;
    EXPECT_GT(std::strlen(feature.reason), 5u) << feature.name;
  }
}

TEST(IoFeatures, ProbeReportsEveryFeature) {
  const UringReport report = probe_uring();
  if (!report.usable) GTEST_SKIP() << report.refusal.message();
  EXPECT_EQ(report.features.size(), uring_features().size());
  for (const FeatureReport& line : report.features) {
    EXPECT_TRUE(line.present || !line.required) << line.name;
  }
}

TEST(IoFeatures, RefusalsNameCauseAndCure) {
  for (const int sys : {ENOSYS, EPERM, EACCES, ENOMEM, EMFILE, ENFILE, EINVAL}) {
    const UringReport report = refused_uring(sys);
    EXPECT_FALSE(report.usable);
    EXPECT_EQ(report.refusal.code, Errc::unsupported);
    EXPECT_EQ(report.refusal.sys, sys);
    EXPECT_THAT(report.refusal.context, testing::HasSubstr(report.cause));
    EXPECT_THAT(report.refusal.context, testing::HasSubstr(report.cure));
    EXPECT_THAT(report.cure, testing::HasSubstr("--io=epoll"));
  }
}

}  // namespace
}  // namespace cwtch::io::test
