#include "bench/pir/ceilings.hpp"

#include <immintrin.h>

namespace cwtch::bench {

// For each of these targets, and the one that fits the processor runs.
__attribute__((target_clones("avx512f", "avx2", "default"))) void read_once(const uint8_t* bytes, size_t size) {
  using Vector = uint64_t __attribute__((vector_size(64), aligned(64)));
  const auto* const vectors = reinterpret_cast<const Vector*>(bytes);
  Vector sums[4] = {};
  for (size_t i = 0; i < size / sizeof(Vector); i += 4) {
    for (size_t k = 0; k < 4; ++k) sums[k] ^= vectors[i + k];
  }
  asm volatile("" : : "m"(sums) : "memory");  // what is read is needed
}

bool has_vnni() { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni"); }

__attribute__((target("avx512f,avx512vnni"))) void vnni_peak(size_t rounds) {
  __m512i x = _mm512_set1_epi32(3);
  for (size_t i = 0; i < rounds; ++i) {
    // Sixteen that do not wait for each other; each waits for its own of the round before.
    asm volatile(
        "vpdpbusd %0, %0, %%zmm16\n vpdpbusd %0, %0, %%zmm17\n vpdpbusd %0, %0, %%zmm18\n vpdpbusd %0, %0, %%zmm19\n"
        "vpdpbusd %0, %0, %%zmm20\n vpdpbusd %0, %0, %%zmm21\n vpdpbusd %0, %0, %%zmm22\n vpdpbusd %0, %0, %%zmm23\n"
        "vpdpbusd %0, %0, %%zmm24\n vpdpbusd %0, %0, %%zmm25\n vpdpbusd %0, %0, %%zmm26\n vpdpbusd %0, %0, %%zmm27\n"
        "vpdpbusd %0, %0, %%zmm28\n vpdpbusd %0, %0, %%zmm29\n vpdpbusd %0, %0, %%zmm30\n vpdpbusd %0, %0, %%zmm31\n"
        : "+v"(x)
        :
        : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
          "xmm28", "xmm29", "xmm30", "xmm31");
  }
}

}  // namespace cwtch::bench
