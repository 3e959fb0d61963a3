// Marks functions for AVX2, so that no wide instruction leaks into code that must run everywhere.
#pragma once

#include <immintrin.h>

#define CWTCH_AVX2 __attribute__((target("avx2")))
#define CWTCH_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline
