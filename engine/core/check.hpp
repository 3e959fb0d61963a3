// CHECK(condition): what must hold if our own code is right. On in every build; a failure prints the place and aborts.
// DCHECK: the same in debug builds only, for checks that cost.
//
// A peer's mistake or a disk's is never a CHECK: it is an Error (result.hpp).
#pragma once

namespace cwtch {

// Prints `condition` and its place on standard error, then aborts. Async-signal-safe.
[[noreturn, gnu::cold]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace cwtch

#define CHECK(condition)                                     \
  do {                                                       \
    if (!(condition)) [[unlikely]]                           \
      ::cwtch::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)

#ifdef NDEBUG
#define CWTCH_DCHECK_ON 0
#else
#define CWTCH_DCHECK_ON 1
#endif
#define DCHECK(condition)                            \
  do {                                               \
    if constexpr (CWTCH_DCHECK_ON) CHECK(condition); \
  } while (false)
