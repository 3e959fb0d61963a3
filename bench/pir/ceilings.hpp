// What private retrieval is compared with: reading the same bytes once, and the processor's fastest multiply-adds of
// bytes on registers alone.
//
// Thread: any; pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cwtch::bench {

// One sequential pass over `size` bytes. REQUIRES: 64-byte aligned, size a multiple of 256.
void read_once(const uint8_t* bytes, size_t size);

bool has_vnni();
// `rounds` times kVnniInstructions VPDPBUSD that do not wait for each other. REQUIRES: has_vnni()
void vnni_peak(size_t rounds);
constexpr size_t kVnniInstructions = 16;
// A product of a byte and a 32-bit word takes four products of bytes, of which one VPDPBUSD does 64.
constexpr size_t kVnniMacs = 16;

}  // namespace cwtch::bench
