// The epoll back end: for kernels and containers that forbid io_uring. Files are done by worker threads.
#pragma once

#include <memory>

#include "engine/io/io.hpp"

namespace cwtch::io {

Result<std::unique_ptr<Io>> make_epoll(const IoOptions& options);

}  // namespace cwtch::io
