#include "pir/registry.hpp"

#include "pir/cursor/cursor.hpp"
#include "pir/direct/direct.hpp"
#include "pir/full/full.hpp"
#include "pir/ring32/ring32.hpp"
#include "pir/segments/segments.hpp"
#include "pir/simplepir/simplepir.hpp"

namespace cwtch::pir {
std::span<const Scheme* const> schemes() {
  static const SimplePir simplepir;
  static const Ring32 ring32;
  static const Scheme* const all[] = {&full(), &segments(), &cursor(), &direct(), &simplepir, &ring32};
  return all;
}

const Scheme* find_scheme(std::string_view name) {
  for (const Scheme* scheme : schemes()) {
    if (name == scheme->info().name) return scheme;
  }
  return nullptr;
}

}  // namespace cwtch::pir
