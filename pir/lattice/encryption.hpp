// A selection of columns, encrypted under a key that exists for one query.
//
//   u_b = -a_b * s + e + Delta * selected      for every block b of 1,024 columns, as polynomials
//
// (Regev's encryption over the ring, with SimplePIR's use of it: Henzinger et al., "One Server for the Price of Two",
// section 4. The sign is that of packing, so that both schemes share it.)
//
// A key is used once: encrypt() consumes it, what comes out can only decrypt, and a second use aborts. Two vectors
// under one key would give the selections away by their difference.
//
// Thread: one per object. Constant time in the key, the errors and the selection.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "kernels/ring.hpp"
#include "pir/lattice/gaussian.hpp"
#include "pir/lattice/parameters.hpp"
#include "pir/lattice/words.hpp"

namespace cwtch::pir {

using Polynomial = std::span<uint32_t, kernels::kDegree>;

// What remains of a key after its use.
class DecryptionKey {
 public:
  // Packed answers: phi = 2^(hint bits - answer bits) * b + a * s modulo 2^hint bits; byte k from its coefficient k.
  // a, b: kDegree words, switched to kHintBits and kAnswerBits; phi: kDegree words.
  void open_polynomial(const uint32_t* a, const uint32_t* b, uint32_t* phi) const;
  // One number of an unpacked answer: `hint` is its row of the hint, a polynomial whose product with s has what is to
  // be removed as its constant coefficient.
  uint32_t open_number(const uint32_t* hint, uint32_t answer) const;

 private:
  friend class OneTimeKey;
  explicit DecryptionKey(SecretWords&& coefficients);
  SecretWords s_;         // modulo 2^32, in which sums modulo 2^kHintBits are exact
  SecretWords embedded_;  // const(a * s) = <a, embedded>
};

// The byte that an opened number says, and how far it is from it: 2^(kHintBits - 9) is halfway to the next.
struct Opened {
  uint8_t byte;
  int32_t error;
};
Opened nearest_byte(uint32_t phi);

// A query's words cover one stretch of columns after another; each begins somewhere in a block of the public
// polynomials and goes on in those that follow.
struct Stretch {
  uint64_t columns = 0;
  uint64_t skipped = 0;  // columns of its first block that lie before it
  uint64_t blocks() const { return (skipped + columns + kernels::kDegree - 1) / kernels::kDegree; }
};
using DrawBlock = std::function<void(size_t stretch, uint64_t block, Polynomial slots)>;  // a_b

class OneTimeKey {
 public:
  explicit OneTimeKey(Random& random, double sigma = kSigma);
  OneTimeKey(OneTimeKey&&) = default;
  OneTimeKey& operator=(OneTimeKey&&) = default;
  OneTimeKey(const OneTimeKey&) = delete;
  OneTimeKey& operator=(const OneTimeKey&) = delete;

  // A key-switching body under this key: -w * s + e + factor * moved(s), in slots; moved(s)[slot] = s[place[slot]].
  struct Body {
    const uint32_t* w;  // kDegree slots
    uint32_t factor;
    const uint16_t* place;
  };
  // out: kDegree words for each of at most kernels::kLanes bodies. REQUIRES: no w is used twice; before encrypt().
  void bodies(std::span<const Body> bodies, uint32_t* out);

  // words: one per column, stretch after stretch, < q; the `selected` ones (numbers of words) are marked.
  DecryptionKey encrypt(std::span<const Stretch> stretches, const DrawBlock& draw, std::span<const uint64_t> selected,
                        std::span<uint32_t> words) &&;

 private:
  std::unique_ptr<Gaussian> gaussian_;  // null once the key was used
  SecretWords s_;                       // coefficients modulo q
  SecretWords slots_;                   // transformed
  SecretWords negated_slots_;
};

}  // namespace cwtch::pir
