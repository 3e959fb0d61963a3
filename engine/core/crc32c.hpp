// CRC-32C (Castagnoli, reflected, as in RFC 3720 B.4): finds damage, not malice.
#pragma once

#include "engine/core/bytes.hpp"

namespace cwtch {

// crc32c(crc32c(0, a), b) == crc32c(0, a ‖ b). Uses SSE4.2 where the processor has it.
uint32_t crc32c(uint32_t crc, ByteView bytes);

}  // namespace cwtch
