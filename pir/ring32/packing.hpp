// InspiRING packing (Mahdavi, Patel, Seo, Yeo: "InsPIRe: Communication-Efficient PIR with Server-side Preprocessing",
// ePrint 2025/1352; README.md has the equations in our signs): 1,024 LWE ciphertexts become one of a ring element, by
// two key-switching keys.
//
// Everything that does not depend on a client is prepared: `words`, which online packing multiplies by the key's
// bodies, and `a`, the half of every answer that is a public function of database and parameters.
//
// Thread: any; pure.
#pragma once

#include "engine/core/aligned_memory.hpp"
#include "pir/lattice/crs.hpp"
#include "pir/lattice/encryption.hpp"
#include "pir/scheme.hpp"

namespace cwtch::pir {

// The public halves of the packing keys of one database: `digits` polynomials each, slots.
struct PackingKeys {
  Words w;        // for X -> X^5
  Words w_prime;  // for X -> X^-1

  PackingKeys(const Lattice& lattice, const Crs& crs, ByteView range);
};

// One query's packing key: the bodies that go with PackingKeys, `digits` polynomials for either automorphism, slots.
// y[i] switches base^i of X -> X^5, y_prime[i] of X -> X^-1.
void make_bodies(const Lattice& lattice, const PackingKeys& keys, OneTimeKey& secret, uint32_t* y, uint32_t* y_prime);

// What is prepared for one polynomial: 1,024 rows of one part.
struct Prepared {
  AlignedMemory memory;  // kernels::prepared_words(digits) words
  Words a;               // coefficients

  const uint32_t* words() const { return reinterpret_cast<const uint32_t*>(memory.data()); }
};

// 1,024 rows of a hint (hint.hpp), divided by the degree; groups that the hint lacks are zeros.
struct PackingInput {
  const Words* hint;
  size_t first_group;
};
std::vector<Prepared> prepare(const Lattice& lattice, const PackingKeys& keys, std::span<const PackingInput> inputs,
                              const Parallel& parallel);

}  // namespace cwtch::pir
