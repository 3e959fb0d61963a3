#include "tools/simulate/truth.hpp"

#include <algorithm>

namespace cwtch::simulate {
namespace {

std::string number(uint64_t value) { return std::to_string(value); }

}  // namespace

std::string Truth::compare(const Promise& then, uint64_t first, const std::vector<ByteView>& found) const {
  const uint64_t end = first + found.size();
  if (end < then.at_least) return number(then.at_least) + " records were promised, " + number(end) + " are there";
  if (first > then.first_max)
    return "records from " + number(then.first_max) + " on were to be retained, the first is " + number(first);
  std::vector<Record> rest = then.maybe;
  for (uint64_t position = first; position < end; ++position) {
    const ByteView record = found[position - first];
    if (position < then.at_least && position < known.size()) {
      if (!equal_vartime(*known[position], record)) {
        return "position " + number(position) + " holds other bytes than were promised there";
      }
      continue;
    }
    const auto same = std::find_if(rest.begin(), rest.end(),
                                   [&](const Record& one) { return one != nullptr && equal_vartime(*one, record); });
    if (same == rest.end()) return "position " + number(position) + " holds bytes that nobody was posting";
    *same = nullptr;
  }
  return {};
}

}  // namespace cwtch::simulate
