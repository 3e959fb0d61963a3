#include "engine/core/crc32c.hpp"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include "engine/core/codec.hpp"

namespace cwtch {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // reflected

// kTables[k][b]: what byte b contributes when k more bytes follow it ("slicing by 8").
constexpr auto kTables = [] {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][b] = crc;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t b = 0; b < 256; ++b) tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xFF];
  return tables;
}();

uint32_t crc_portable(uint32_t crc, const uint8_t* p, size_t size) {
  for (; size >= 8; p += 8, size -= 8) {
    const uint64_t v = load_le<uint64_t>(p) ^ crc;
    crc = 0;
    for (size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][(v >> (8 * i)) & 0xFF];
  }
  for (; size > 0; ++p, --size) crc = (crc >> 8) ^ kTables[0][(crc ^ *p) & 0xFF];
  return crc;
}

#if defined(__x86_64__)

// The crc32 instruction has a latency of 3 and a throughput of 1, so three streams run side by side; the tables below
// move a finished stream's CRC over the kLane bytes that follow it.
constexpr size_t kLane = 256;

constexpr uint32_t shift_lane(uint32_t crc) {  // CRC register after kLane zero bytes
  for (size_t i = 0; i < kLane; ++i) crc = (crc >> 8) ^ kTables[0][crc & 0xFF];
  return crc;
}
constexpr auto kShift = [] {
  std::array<std::array<uint32_t, 256>, 4> shift{};
  for (size_t byte = 0; byte < 4; ++byte) {
    for (uint32_t bit = 0; bit < 8; ++bit) shift[byte][1u << bit] = shift_lane(1u << (8 * byte + bit));
    for (uint32_t b = 1; b < 256; ++b) shift[byte][b] = shift[byte][b & (b - 1)] ^ shift[byte][b & -b];
  }
  return shift;
}();
uint32_t shift_by_lane(uint32_t crc) {
  return kShift[0][crc & 0xFF] ^ kShift[1][(crc >> 8) & 0xFF] ^ kShift[2][(crc >> 16) & 0xFF] ^ kShift[3][crc >> 24];
}

__attribute__((target("sse4.2"))) uint32_t crc_sse42(uint32_t crc, const uint8_t* p, size_t size) {
  for (; size >= 3 * kLane; p += 3 * kLane, size -= 3 * kLane) {
    uint64_t a = crc;
    uint64_t b = 0;
    uint64_t c = 0;
    for (size_t i = 0; i < kLane; i += 8) {
      a = _mm_crc32_u64(a, load_le<uint64_t>(p + i));
      b = _mm_crc32_u64(b, load_le<uint64_t>(p + kLane + i));
      c = _mm_crc32_u64(c, load_le<uint64_t>(p + 2 * kLane + i));
    }
    crc = shift_by_lane(shift_by_lane(static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b)) ^ static_cast<uint32_t>(c);
  }
  uint64_t rest = crc;
  for (; size >= 8; p += 8, size -= 8) rest = _mm_crc32_u64(rest, load_le<uint64_t>(p));
  crc = static_cast<uint32_t>(rest);
  for (; size > 0; ++p, --size) crc = _mm_crc32_u8(crc, *p);
  return crc;
}

#endif

}  // namespace

uint32_t crc32c(uint32_t crc, ByteView bytes) {
#if defined(__x86_64__)
  static const bool hardware = __builtin_cpu_supports("sse4.2");
  if (hardware) return ~crc_sse42(~crc, bytes.data(), bytes.size());
#endif
  return ~crc_portable(~crc, bytes.data(), bytes.size());
}

}  // namespace cwtch
