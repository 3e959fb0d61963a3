// The io_uring back end. liburing stops here.
#pragma once

#include <memory>

#include "engine/io/io.hpp"

namespace cwtch::io {

// The error's context names cause and cure when this kernel, or what runs us, forbids io_uring.
Result<std::unique_ptr<Io>> make_uring(const IoOptions& options);

}  // namespace cwtch::io
