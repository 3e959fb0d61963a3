#include "pir/lattice/bits.hpp"

#include <algorithm>

#include "engine/core/check.hpp"
#include "engine/core/codec.hpp"

namespace cwtch::pir {
namespace {

// use(i, number i). malformed when the bits behind the last number are not zero.
template <class Use>
Status each_number(ByteView from, uint32_t bits, uint64_t count, const Use& use) {
  CHECK(from.size() == packed_bytes(count, bits));
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  // Eight bytes hold a number wherever it begins in the first. The last ones are read from a copy with zeros behind it.
  const uint64_t whole = from.size() < 8 ? 0 : std::min(count, (from.size() - 8) * 8 / bits + 1);
  for (uint64_t i = 0; i < whole; ++i) {
    use(i, static_cast<uint32_t>(load_le<uint64_t>(&from[i * bits / 8]) >> (i * bits % 8) & mask));
  }
  const uint64_t copied = whole * bits / 8;
  ByteArray<16> rest{};
  std::copy(from.begin() + static_cast<ptrdiff_t>(copied), from.end(), rest.begin());
  for (uint64_t i = whole; i < count; ++i) {
    const uint64_t at = i * bits - copied * 8;
    use(i, static_cast<uint32_t>(load_le<uint64_t>(&rest[at / 8]) >> (at % 8) & mask));
  }
  if (count > 0 && count * bits % 8 != 0 && from.back() >> (count * bits % 8) != 0) {
    return fail(Errc::malformed, "pir: bits behind the last number");
  }
  return {};
}

}  // namespace

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
  return each_number(from, bits, values.size(), [&](uint64_t i, uint32_t value) { values[i] = value; });
}

Result<uint32_t> largest_of_bits(ByteView from, uint32_t bits, uint64_t count) {
  uint32_t largest = 0;
  const Status read =
      each_number(from, bits, count, [&](uint64_t, uint32_t value) { largest = std::max(largest, value); });
  if (!read) return fail(read.error());
  return largest;
}

}  // namespace cwtch::pir
