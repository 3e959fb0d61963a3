// What it costs to break the parameter sets, as far as anybody knows: figures of the lattice-estimator, kept here as a
// table, and a small estimate of our own that is there to notice typos in the sets, not to decide anything.
//
// Thread: any; pure.
#pragma once

#include <cstdint>

namespace cwtch::pir {

// An instance of learning with errors whose secret and errors are Gaussian, samples unlimited.
struct LweInstance {
  double dimension;
  double modulus_log2;
  double sigma;                 // deviation of the errors
  double secret_sigma = sigma;  // and of the secret's coefficients
};

struct UsvpEstimate {
  uint32_t block = 0;  // BKZ's
  double bits = 0;
};

// Primal attack by the unique shortest vector: the smallest block size b for which some number m of samples has
//
//   sqrt(b) * sigma <= delta(b)^(2b - D) * (q^m * (sigma / secret sigma)^n)^(1/D),   D = n + m + 1
//
// (Alkim, Ducas, Poeppelmann, Schwabe, "Post-quantum key exchange: a new hope", section 6.3, with the scaling of Bai
// and Galbraith), at a cost of 2^(0.292 b + 16.4) operations for each of 8 D calls (Becker, Ducas, Gama, Laarhoven
// 2016).
UsvpEstimate primal_usvp(const LweInstance& instance);

// Figures of the lattice-estimator (malb), commit 27a581b.
struct Estimate {
  const char* attack;
  const char* model;  // of the cost of lattice reduction
  double bits;
  bool quantum = false;
};

inline constexpr Estimate kLwe1024Estimates[] = {
    {"BDD", "MATZOV", 128.4},
    {"uSVP", "MATZOV", 130.1},
    {"uSVP", "BDGL16", 133.0},
    {"uSVP", "Core-SVP (0.292 b)", 102.5},
    {"uSVP", "Core-SVP (0.265 b)", 93, true},
};
// What is quoted: the cheapest attack in the model with all its costs, and the quantum one.
constexpr double kLwe1024ClassicalBits = kLwe1024Estimates[0].bits;
constexpr double kLwe1024QuantumBits = kLwe1024Estimates[4].bits;
static_assert(kLwe1024Estimates[4].quantum);

}  // namespace cwtch::pir
