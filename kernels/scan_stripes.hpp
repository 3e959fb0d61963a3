// What the vector versions of the scan share: the walk over stripes, blocks and queries. A version only says how a
// query becomes digits and how one block of one stripe is multiplied.
//
// Order:  for at most kQueriesAtOnce queries at a time, stripe by stripe; a stripe's blocks are one stream of bytes,
//         and each block is multiplied by all queries while it is in the cache.
// Memory: kStripeColumnsMax * 4 bytes of digits per query at a time.
#pragma once

#include "kernels/scan.hpp"

namespace cwtch::kernels {

constexpr size_t kQueriesAtOnce = 64;  // their digits for one stripe, at most 384 KiB, stay in the second-level cache

// Added to every sum of byte * word modulo q, so that what comes out is positive: |sum - 128 * (sum of words)| is below
// 2^8 * 2^32 * kStripeColumnsMax.
constexpr uint64_t kPositive = uint64_t{kQ} << 19;
static_assert(kPositive > (uint64_t{kStripeColumnsMax} << 40));

struct StripeQuery {
  uint8_t* digits;    // of the stripe's words, 4 bytes per word, 64-byte aligned
  uint64_t offset;    // -128 * (sum of the words); modulo q: + kPositive
  uint32_t* answers;  // kBlockRows of them
};

struct StripeKernel {
  // Fills digits for `columns` words and for the columns of the last group of 16 that do not exist, which count as
  // nothing. Returns the sum of the words.
  uint64_t (*prepare)(const uint32_t* words, size_t columns, Modulus modulus, uint8_t* digits);
  // tiles: one block of one stripe, `groups` groups of four columns. Adds to every query's answers (modulo q: which are
  // reduced and stay so).
  void (*accumulate)(const uint8_t* tiles, size_t groups, const StripeQuery* queries, size_t count, Modulus modulus);
};

// As ScanTarget::multiply.
void multiply_stripes(const StripeKernel& kernel, const TiledMatrix& matrix, const uint32_t* queries, size_t count,
                      Modulus modulus, BlockRange range, uint32_t* answers);

}  // namespace cwtch::kernels
