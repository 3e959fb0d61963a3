// Planted bugs, by which tests show that they can fail. A part that has some lists them in an enum `Mutant` that begins
// with `none`, and asks mutant() where one would be. They exist only where its sources are compiled with CWTCH_MUTANTS,
// in a library or a test of their own; in the product mutant() is constant false and leaves no code.
#pragma once

namespace cwtch {

#if defined(CWTCH_MUTANTS)
template <class Mutant>
inline Mutant planted = Mutant::none;  // set by a test, from one thread
template <class Mutant>
bool mutant(Mutant which) {
  return planted<Mutant> == which;
}
#else
template <class Mutant>
constexpr bool mutant(Mutant) {
  return false;
}
#endif

}  // namespace cwtch
