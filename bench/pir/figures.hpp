// A figure: one number that a round measures. Figures of one speed share a round's turns, so that whatever else happens
// on the machine meets all of them; the best turn counts, and what is made of several rounds is the reader's.
#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/random.hpp"
#include "kernels/modulus.hpp"
#include "pir/lattice/words.hpp"

namespace cwtch::bench {

struct Figure {
  std::string name;
  const char* unit;                 // of the value: "GB/s", "GMAC/s", "ms"
  double amount;                    // per measured second this many 10^9 are done; 0: the value is milliseconds
  double per;                       // milliseconds are of so many at once
  bool slow;                        // a tenth of a second and more: fewer turns
  std::function<double()> measure;  // seconds

  double value(double seconds) const { return amount > 0 ? amount / seconds / 1e9 : seconds / per * 1e3; }
};
inline Figure rate(std::string name, const char* unit, double amount, bool slow, std::function<double()> measure) {
  return {std::move(name), unit, amount, 1, slow, std::move(measure)};
}
inline Figure milliseconds(std::string name, double per, bool slow, std::function<double()> measure) {
  return {std::move(name), "ms", 0, per, slow, std::move(measure)};
}

// Of this thread: what other programs take away does not count.
inline double cpu_seconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double begin = now();
  work();
  return now() - begin;
}

// Numbers below q, the same for the same seed.
inline pir::Words some_residues(size_t count, uint64_t seed) {
  SeededRandom random(seed);
  pir::Words words(count);
  for (uint32_t& word : words) word = kernels::reduce(random.next());
  return words;
}

constexpr size_t kRowBytes = 3072;
constexpr size_t kRows = 65'536;
constexpr size_t kParts = 8;

// The kernels on a database of kRows rows, and their ceilings. What they work on lives in `keep`.
std::vector<Figure> scan_figures(std::vector<std::shared_ptr<void>>& keep);

// The schemes, over databases as large; and sizes of what ring32 prepares. Ends the program when a scheme does not
// return the row that was asked for.
struct PirFigures {
  std::vector<Figure> figures;
  double prepared_bytes;  // of one packed polynomial
  double prepared_bytes_per_part;
  size_t packings;  // for one row
};
PirFigures pir_figures(std::vector<std::shared_ptr<void>>& keep);

}  // namespace cwtch::bench
