#include "engine/io/epoll.hpp"
#include "engine/io/uring.hpp"

namespace cwtch::io {

Result<std::unique_ptr<Io>> make_io(const IoOptions& options) {
  if (options.backend != Backend::epoll) {
    Result<std::unique_ptr<Io>> ring = make_uring(options);
    if (ring || options.backend == Backend::uring) return ring;
  }
  return make_epoll(options);
}

}  // namespace cwtch::io
