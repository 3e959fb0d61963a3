// Reads every record of an open log from its layout, by docs/log_format.md and nothing else: no code of engine/log
// takes part, so that what it serves is judged from outside.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/core/aligned_memory.hpp"
#include "engine/io/files.hpp"
#include "engine/log/layout.hpp"

namespace cwtch::simulate {

// Calls record(position, bytes) for each record from the first retained to the committed end; the bytes stay valid as
// long as `memory` and the log. Returns what is wrong, or nothing: frames out of order, chunks that do not join, a file
// that cannot be read.
std::string walk_log(io::Files& files, const log::Shared& shared, std::vector<AlignedMemory>* memory,
                     const std::function<void(uint64_t position, ByteView record)>& record);

// The same for the frames of `bytes` (whole frames only), from position *next on.
std::string walk_frames(ByteView bytes, uint64_t* next,
                        const std::function<void(uint64_t position, ByteView record)>& record);

}  // namespace cwtch::simulate
