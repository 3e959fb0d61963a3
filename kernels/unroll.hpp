// CWTCH_UNROLL before a loop with a constant count: its body is repeated, so that an array of accumulators becomes
// registers. At -O2 g++ 12 otherwise keeps such an array in memory, at half the speed.
#pragma once

#ifdef __clang__
#define CWTCH_UNROLL _Pragma("unroll")
#else
#define CWTCH_UNROLL _Pragma("GCC unroll 16")
#endif
