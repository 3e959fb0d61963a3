#include "engine/io/features.hpp"

#include <fcntl.h>
#include <liburing.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace cwtch::io {
namespace {

using Kind = Feature::Kind;

constexpr Feature kFeatures[] = {
    {"NODROP", Kind::feature, IORING_FEAT_NODROP, true, "Linux 5.5", "no completion is lost when many come at once"},
    {"SUBMIT_STABLE", Kind::feature, IORING_FEAT_SUBMIT_STABLE, true, "Linux 5.5",
     "what an entry points to may go once it is submitted"},
    {"FAST_POLL", Kind::feature, IORING_FEAT_FAST_POLL, true, "Linux 5.7",
     "a socket that is not ready costs no thread"},
    {"R_DISABLED", Kind::setup, IORING_SETUP_R_DISABLED, true, "Linux 5.10",
     "a ring is made by one thread and used by another"},
    {"EXT_ARG", Kind::feature, IORING_FEAT_EXT_ARG, true, "Linux 5.11",
     "waiting until the next timer needs no operation for it"},
    {"CQE_SKIP", Kind::feature, IORING_FEAT_CQE_SKIP, true, "Linux 5.17", "cancelling and notifying complete silently"},
    {"SUBMIT_ALL", Kind::setup, IORING_SETUP_SUBMIT_ALL, true, "Linux 5.18",
     "one refused operation does not hold up those behind it"},
    {"PBUF_RING", Kind::buffers, 0, true, "Linux 5.19",
     "a buffer is taken when bytes arrive, not while a client is idle"},
    {"ACCEPT", Kind::operation, IORING_OP_ACCEPT, true, "Linux 5.5", "new connections"},
    {"RECV", Kind::operation, IORING_OP_RECV, true, "Linux 5.6", "requests and posts"},
    {"SEND", Kind::operation, IORING_OP_SEND, true, "Linux 5.6", "answers and streams"},
    {"POLL_ADD", Kind::operation, IORING_OP_POLL_ADD, true, "Linux 5.1",
     "a full socket is waited for without holding bytes"},
    {"CLOSE", Kind::operation, IORING_OP_CLOSE, true, "Linux 5.6",
     "connections end without a system call of their own"},
    {"READ", Kind::operation, IORING_OP_READ, true, "Linux 5.6", "segments, into the chunk cache"},
    {"WRITE", Kind::operation, IORING_OP_WRITE, true, "Linux 5.6", "the journal, durable with RWF_DSYNC"},
    {"FSYNC", Kind::operation, IORING_OP_FSYNC, true, "Linux 5.1", "whatever was written without RWF_DSYNC"},
    {"ASYNC_CANCEL", Kind::operation, IORING_OP_ASYNC_CANCEL, true, "Linux 5.5", "an operation can be called back"},
    {"COOP_TASKRUN", Kind::setup, IORING_SETUP_COOP_TASKRUN, false, "Linux 5.19",
     "stands in for DEFER_TASKRUN: a completion does not interrupt the thread; without either, each one does"},
    {"SINGLE_ISSUER", Kind::setup, IORING_SETUP_SINGLE_ISSUER, false, "Linux 6.0", "needed by DEFER_TASKRUN"},
    {"DEFER_TASKRUN", Kind::setup, IORING_SETUP_DEFER_TASKRUN, false, "Linux 6.1",
     "completions are worked off in one batch per turn; without it they are spread over all system calls"},
    {"SEND_ZC", Kind::operation, IORING_OP_SEND_ZC, false, "Linux 6.0",
     "large sends to other machines are not copied; without it they are"},
    {"MSG_RING", Kind::operation, IORING_OP_MSG_RING, false, "Linux 5.18",
     "a shard signals another along with what it submits; without it, by a system call (eventfd)"},
    {"REG_REG_RING", Kind::feature, kFeatureRegRegRing, false, "Linux 6.3",
     "marks the kernels whose MSG_RING is right for a ring with DEFER_TASKRUN; older ones use the eventfd"},
};

// Cause and cure in one literal too, since an Error owns no memory.
struct Refusal {
  const char* cause;
  const char* cure;
  const char* context;
};
#define CWTCH_REFUSAL(cause, cure) \
  Refusal { cause, cure, "io_uring: " cause "; cure: " cure }

constexpr Refusal kTooOld =
    CWTCH_REFUSAL("this kernel has no io_uring, or it was compiled out or filtered away",
                  "run Linux 5.19 or newer (6.1 is better), allow the io_uring_* system calls in "
                  "the container's seccomp profile, or use --io=epoll");
constexpr Refusal kSysctl = CWTCH_REFUSAL("the sysctl kernel.io_uring_disabled forbids it",
                                          "run `sysctl -w kernel.io_uring_disabled=0` as root, or use --io=epoll");
constexpr Refusal kSysctlGroup =
    CWTCH_REFUSAL("the sysctl kernel.io_uring_disabled is 1: only the group of kernel.io_uring_group may use it",
                  "add the server's user to that group, run `sysctl -w kernel.io_uring_disabled=0` as root, or use "
                  "--io=epoll");
constexpr Refusal kSeccomp = CWTCH_REFUSAL(
    "a seccomp filter or security module forbids it (containers often do)",
    "allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp profile (Docker: "
    "--security-opt seccomp=PROFILE.json), or use --io=epoll");
constexpr Refusal kMemlock =
    CWTCH_REFUSAL("not enough memory, or the limit on locked memory (RLIMIT_MEMLOCK) is too low",
                  "raise it (`ulimit -l`, systemd: LimitMEMLOCK=64M), or use --io=epoll");
constexpr Refusal kDescriptors =
    CWTCH_REFUSAL("the process has no file descriptor left",
                  "raise the limit (`ulimit -n`, systemd: LimitNOFILE=), or use --io=epoll");
constexpr Refusal kIncomplete =
    CWTCH_REFUSAL("this kernel's io_uring lacks a feature that is needed (`cwtchd doctor` lists them)",
                  "run Linux 5.19 or newer (6.1 is better), or use --io=epoll");
constexpr Refusal kOther = CWTCH_REFUSAL("the kernel refuses a ring", "use --io=epoll, and report this error");

// 0, 1 or 2; 0 where there is no such sysctl (before 6.6).
char sysctl_disabled() {
  char value = '0';
  const int file = ::open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
  if (file < 0) return '0';
  if (::read(file, &value, 1) != 1) value = '0';
  ::close(file);
  return value;
}

Refusal refusal_for(int sys) {
  switch (sys) {
    case ENOSYS:
      return kTooOld;
    case EPERM:
    case EACCES:
      if (sysctl_disabled() == '2') return kSysctl;
      if (sysctl_disabled() == '1') return kSysctlGroup;
      return kSeccomp;
    case ENOMEM:
      return kMemlock;
    case EMFILE:
    case ENFILE:
      return kDescriptors;
    default:
      return kOther;
  }
}

UringReport refuse(const Refusal& refusal, int sys) {
  UringReport report;
  report.cause = refusal.cause;
  report.cure = refusal.cure;
  report.refusal = Error{Errc::unsupported, sys, refusal.context};
  return report;
}

bool has_setup_flag(uint32_t flag) {
  io_uring_params params{};
  params.flags = flag;
  if (flag == IORING_SETUP_DEFER_TASKRUN) params.flags |= IORING_SETUP_SINGLE_ISSUER;
  io_uring ring;
  if (io_uring_queue_init_params(1, &ring, &params) != 0) return false;
  io_uring_queue_exit(&ring);
  return true;
}

bool has_buffer_ring(io_uring& ring) {
  void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uintptr_t>(page);
  registration.ring_entries = 1;
  const bool present = io_uring_register_buf_ring(&ring, &registration, 0) == 0;
  if (present) io_uring_unregister_buf_ring(&ring, 0);
  ::munmap(page, 4096);
  return present;
}

}  // namespace

std::span<const Feature> uring_features() { return kFeatures; }

bool UringReport::has(Feature::Kind kind, uint32_t bit) const {
  for (size_t index = 0; index < features.size(); ++index) {
    if (kFeatures[index].kind == kind && kFeatures[index].bit == bit) return features[index].present;
  }
  return false;
}

UringReport refused_uring(int sys) { return refuse(refusal_for(sys), sys); }

UringReport probe_uring() {
  io_uring_params params{};
  io_uring ring;
  if (const int error = io_uring_queue_init_params(1, &ring, &params); error != 0) return refused_uring(-error);
  io_uring_probe* const operations = io_uring_get_probe_ring(&ring);

  UringReport report;
  report.usable = true;
  for (const Feature& feature : kFeatures) {
    bool present = false;
    switch (feature.kind) {
      case Kind::setup:
        present = has_setup_flag(feature.bit);
        break;
      case Kind::feature:
        present = (params.features & feature.bit) != 0;
        break;
      case Kind::operation:
        present = operations != nullptr && io_uring_opcode_supported(operations, static_cast<int>(feature.bit)) != 0;
        break;
      case Kind::buffers:
        present = has_buffer_ring(ring);
        break;
    }
    report.features.push_back({feature.name, feature.needs, feature.reason, feature.required, present});
    if (feature.required && !present) report.usable = false;
  }
  if (operations != nullptr) io_uring_free_probe(operations);
  io_uring_queue_exit(&ring);
  if (!report.usable) {
    UringReport refused = refuse(kIncomplete, 0);
    refused.features = std::move(report.features);
    return refused;
  }
  return report;
}

}  // namespace cwtch::io
