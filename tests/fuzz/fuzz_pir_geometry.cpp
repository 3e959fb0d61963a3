// Databases' names from clients and servers: what is read is a possible geometry, has this one name, and its rows and
// places are each other's inverses. What no scheme takes is refused by fits(), not by a crash of a formula.
#include "engine/core/check.hpp"
#include "engine/core/codec.hpp"
#include "pir/grid.hpp"
#include "pir/registry.hpp"

using namespace cwtch;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const auto row_bytes = load_le<uint32_t>(data) % 70000;
  const std::string_view name = text_of({data + 4, size - 4});
  const auto geometry = pir::parse_name(name, row_bytes);
  if (!geometry) {
    CHECK(geometry.error().code == Errc::malformed);
    return 0;
  }
  CHECK(pir::check(*geometry));
  CHECK(pir::name_of(*geometry) == name);
  uint64_t rows = 0;
  for (uint32_t part = 0; part < geometry->parts; ++part) {
    const uint64_t count = geometry->part_rows(part);
    CHECK(count > 0);
    for (const uint64_t index : {uint64_t{0}, count / 2, count - 1}) {
      const uint64_t row = geometry->row_at(part, index);
      CHECK(geometry->contains(row));
      const auto place = geometry->place_of(row);
      CHECK(place.part == part && place.index == index);
    }
    rows += count;
  }
  CHECK(rows == geometry->rows);
  for (const pir::Scheme* scheme : pir::schemes()) {
    if (!scheme->fits(*geometry)) continue;
    const pir::Cost cost = scheme->cost(*geometry, 1);
    CHECK(cost.rows_fetched >= 1);
    CHECK(cost.answer_bytes + cost.statics_bytes > 0);
  }
  return 0;
}
