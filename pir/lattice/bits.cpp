#include "pir/lattice/bits.hpp"

#include "engine/core/check.hpp"

namespace cwtch::pir {

void pack_bits(std::span<const uint32_t> values, uint32_t bits, MutableBytes to) {
  CHECK(to.size() == packed_bytes(values.size(), bits));
  uint64_t held = 0;
  uint32_t held_bits = 0;
  size_t at = 0;
  for (const uint32_t value : values) {
    held |= uint64_t{value} << held_bits;
    for (held_bits += bits; held_bits >= 8; held_bits -= 8, held >>= 8) to[at++] = static_cast<uint8_t>(held);
  }
  if (held_bits > 0) to[at] = static_cast<uint8_t>(held);
}

Status unpack_bits(ByteView from, uint32_t bits, std::span<uint32_t> values) {
  CHECK(from.size() == packed_bytes(values.size(), bits));
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  uint64_t held = 0;
  uint32_t held_bits = 0;
  size_t at = 0;
  for (uint32_t& value : values) {
    for (; held_bits < bits; held_bits += 8) held |= uint64_t{from[at++]} << held_bits;
    value = static_cast<uint32_t>(held & mask);
    held >>= bits;
    held_bits -= bits;
  }
  if (held != 0) return fail(Errc::malformed, "pir: bits behind the last number");
  return {};
}

}  // namespace cwtch::pir
