// Io on epoll, with worker threads for files: for kernels and containers that refuse io_uring.
//
// Sockets:  registered once, edge-triggered; an operation is tried when it starts and again after each edge.
// Files:    pread, pwritev2 and fdatasync on the workers.
#pragma once

#include "engine/io/io.hpp"

namespace cwtch::io {

Result<std::unique_ptr<Io>> make_epoll(const IoOptions& options);

}  // namespace cwtch::io
