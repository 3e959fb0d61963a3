// Numbers of fewer than 32 bits in byte strings: little-endian, without gaps, the last byte filled with zero bits.
#pragma once

#include <span>
#include <vector>

#include "engine/core/bytes.hpp"

namespace cwtch::pir {

constexpr uint64_t packed_bytes(uint64_t count, uint32_t bits) { return (count * bits + 7) / 8; }

// REQUIRES: bits <= 32, each value < 2^bits, to.size() == packed_bytes(values.size(), bits)
void pack_bits(std::span<const uint32_t> values, uint32_t bits, MutableBytes to);
// REQUIRES: from.size() == packed_bytes(values.size(), bits). malformed when the bits behind the last number are not
// zero: they would be a place to mark one client's copy.
Status unpack_bits(ByteView from, uint32_t bits, std::span<uint32_t> values);
// The largest of `count` numbers, without keeping any. malformed as for unpack_bits().
// REQUIRES: from.size() == packed_bytes(count, bits)
Result<uint32_t> largest_of_bits(ByteView from, uint32_t bits, uint64_t count);

}  // namespace cwtch::pir
