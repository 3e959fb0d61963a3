// How many seeds a simulation test goes through, and how a failing one is replayed.
#pragma once

#include <cstdint>
#include <string>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CWTCH_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CWTCH_SANITIZED 1
#endif
#endif
#ifndef CWTCH_SANITIZED
#define CWTCH_SANITIZED 0
#endif

namespace cwtch::test {

constexpr bool kSanitized = CWTCH_SANITIZED == 1;
#ifdef NDEBUG
constexpr bool kSlow = kSanitized;
#else
constexpr bool kSlow = true;
#endif
// What takes ten times as long is done a tenth as often.
constexpr uint64_t often(uint64_t count) { return kSlow ? (count + 19) / 20 : count; }

inline std::string replay(uint64_t seed) { return "replay with: simulate --seed " + std::to_string(seed); }

}  // namespace cwtch::test
