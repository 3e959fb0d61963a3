#include "engine/io/features.hpp"

#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace cwtch::io {
namespace {

struct Feature {
  const char* name;
  const char* needs;
  const char* reason;
  bool required;
  int opcode;  // -1: known by the setup flags, which the making of the ring has tested
};

constexpr Feature kFeatures[] = {
    {"deferred task work (SINGLE_ISSUER, DEFER_TASKRUN)", "Linux 6.1",
     "completions are handled when the shard asks for them, in batches, not in the middle of its work", true, -1},
    {"provided-buffer rings", "Linux 5.19", "an idle connection holds no receive buffer", true, -1},
    {"accept", "Linux 5.5", "new connections", true, IORING_OP_ACCEPT},
    {"recv and send", "Linux 5.6", "all traffic", true, IORING_OP_SEND},
    {"poll", "Linux 5.1", "a reader that does not drain costs a poll, not a buffer", true, IORING_OP_POLL_ADD},
    {"read and write", "Linux 5.6", "the journal and the chunk cache", true, IORING_OP_WRITE},
    {"close", "Linux 5.6", "connections end without a blocking call", true, IORING_OP_CLOSE},
    {"cancel", "Linux 5.5", "orderly shutdown", true, IORING_OP_ASYNC_CANCEL},
    {"messages between rings (MSG_RING)", "Linux 5.18", "a shard wakes another without a system call of its own", true,
     IORING_OP_MSG_RING},
    {"zero-copy send (SEND_ZC)", "Linux 6.0", "bulk sends to peers that are not on this machine", true,
     IORING_OP_SEND_ZC},
};

struct FreeProbe {
  void operator()(io_uring_probe* probe) const { ::free(probe); }
};

std::unique_ptr<io_uring_probe, FreeProbe> probe(int descriptor) {
  constexpr unsigned kOperations = 256;
  std::unique_ptr<io_uring_probe, FreeProbe> found(
      static_cast<io_uring_probe*>(::calloc(1, sizeof(io_uring_probe) + kOperations * sizeof(io_uring_probe_op))));
  if (found != nullptr &&
      ::syscall(__NR_io_uring_register, descriptor, IORING_REGISTER_PROBE, found.get(), kOperations) != 0)
    found.reset();
  return found;
}

bool present(const Feature& feature, const io_uring_probe* found) {
  return feature.opcode < 0 || (found != nullptr && io_uring_opcode_supported(found, feature.opcode) != 0);
}

}  // namespace

Error refusal(int sys) {
  const auto context = [sys] {
    switch (sys) {
      case ENOSYS:
        return "io_uring: this kernel lacks it, or a seccomp filter hides it. Allow io_uring_setup, io_uring_enter and "
               "io_uring_register in the container's profile, or run with --io=epoll";
      case EPERM:
      case EACCES:
        return "io_uring: forbidden. Set sysctl kernel.io_uring_disabled=0 (or add the user to kernel.io_uring_group), "
               "allow it in the container's seccomp profile, or run with --io=epoll";
      case EINVAL:
        return "io_uring: this kernel is too old for the way it is used here. Linux 6.1 or later is needed; "
               "run with --io=epoll";
      case ENOMEM:
        return "io_uring: not enough lockable memory. Raise RLIMIT_MEMLOCK (ulimit -l, LimitMEMLOCK= in a unit), or "
               "run "
               "with --io=epoll";
      case EMFILE:
      case ENFILE:
        return "io_uring: no file descriptor left. Raise RLIMIT_NOFILE (ulimit -n, LimitNOFILE= in a unit)";
      default:
        return "io_uring: cannot be set up; run with --io=epoll";
    }
  }();
  return {Errc::unsupported, sys, context};
}

Status check_features(int ring_descriptor) {
  const auto found = probe(ring_descriptor);
  for (const Feature& feature : kFeatures) {
    if (feature.required && !present(feature, found.get())) return fail(refusal(EINVAL));
  }
  return {};
}

std::vector<FeatureReport> probe_features(std::string* refused) {
  io_uring ring{};
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  if (const int error = io_uring_queue_init_params(8, &ring, &parameters); error < 0) {
    *refused = refusal(-error).message();
    return {};
  }
  const auto found = probe(ring.ring_fd);
  std::vector<FeatureReport> reports;
  for (const Feature& feature : kFeatures)
    reports.push_back({feature.name, feature.needs, feature.reason, feature.required, present(feature, found.get())});
  io_uring_queue_exit(&ring);
  return reports;
}

}  // namespace cwtch::io
