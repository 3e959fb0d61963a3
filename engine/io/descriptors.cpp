#include "engine/io/descriptors.hpp"

#include <sys/resource.h>

#include "engine/core/check.hpp"

namespace cwtch::io {

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  rlimit raised = limit;
  raised.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace cwtch::io
