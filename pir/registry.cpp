#include "pir/registry.hpp"

#include "pir/cursor/cursor.hpp"
#include "pir/direct/direct.hpp"
#include "pir/full/full.hpp"
#include "pir/ring32/ring32.hpp"
#include "pir/segments/segments.hpp"
#include "pir/simplepir/simplepir.hpp"

namespace cwtch::pir {
namespace {

const Full kFull;
const Segments kSegments;
const Cursor kCursor;
const Direct kDirect;
const SimplePir kSimplePir;
const Ring32 kRing32Scheme;

const Scheme* const kSchemes[] = {&kFull, &kSegments, &kCursor, &kDirect, &kSimplePir, &kRing32Scheme};

}  // namespace

std::span<const Scheme* const> schemes() { return kSchemes; }

const Scheme* find_scheme(std::string_view name) {
  for (const Scheme* scheme : kSchemes) {
    if (name == scheme->info().name) return scheme;
  }
  return nullptr;
}

}  // namespace cwtch::pir
