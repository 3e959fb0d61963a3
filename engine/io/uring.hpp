// Io on io_uring: one ring, submitted and waited for with one system call per turn.
//
// Ring:      SINGLE_ISSUER and DEFER_TASKRUN where the kernel has them: the thread of the first turn() (or of the first
//            operation that does not fit the queue) owns it from then on.
// Receive:   one shot per recv, buffers from a ring shared with the kernel: docs/decisions/0002-receive.md.
// Send:      MSG_DONTWAIT, so it is done, or refused with EAGAIN, while it is submitted; nothing waits in the kernel.
// Not used:  registered files and ring descriptors, which gained nothing measurable; multishot accept, likewise.
// Features:  features.hpp lists every one, with the reason.
#pragma once

#include "engine/io/features.hpp"
#include "engine/io/io.hpp"

namespace cwtch::io {

// unsupported, with cause and cure, when the kernel refuses.
Result<std::unique_ptr<Io>> make_uring(const IoOptions& options);
// As if the kernel had what `report` says and no more: so older kernels are tested on newer ones.
Result<std::unique_ptr<Io>> make_uring(const IoOptions& options, const UringReport& report);

}  // namespace cwtch::io
