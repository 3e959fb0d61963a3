// Structured hints: for every row r of a matrix the polynomial
//
//   hint_r = sum over blocks b of  D_(r,b)(X^-1) * a_b(X),     so that   const(hint_r * s) = <D_r, A s>
//
// (pir/simplepir/README.md; A is the matrix whose rows are the embedded a_b). By transforms: one per row and block, not
// one multiplication per byte and coefficient.
//
// Thread: any; pure.
#pragma once

#include "kernels/scan.hpp"
#include "pir/lattice/encryption.hpp"
#include "pir/lattice/words.hpp"
#include "pir/scheme.hpp"

namespace cwtch::pir {

// Of a matrix whose first column is the first of block 0 of stretch 0.
//
// Yields slots, sixteen rows in the lanes: groups of kernels::kLaneWords words, group g having rows 16 g ... 16 g + 15
// of the matrix; ceil(height / 16) groups.
Words structured_hint(const kernels::TiledMatrix& matrix, const DrawBlock& draw, const Parallel& parallel);

// From slots to coefficients, in place.
void hint_coefficients(Words& hint, const Parallel& parallel);

}  // namespace cwtch::pir
