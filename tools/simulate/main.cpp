#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tools/simulate/log_run.hpp"
using namespace cwtch;
#ifdef CWTCH_MUTANTS
#include "engine/log/mutant.hpp"
#endif
int main(int c, char** v) {
  uint64_t from = c > 1 ? atoll(v[1]) : 1, n = c > 2 ? atoll(v[2]) : 20;
  uint64_t images = 0, fails = 0;
  simulate::RunReport sum;
#ifdef CWTCH_MUTANTS
  log::planted_mutant = log::Mutant(atoi(v[4]));
#endif
  auto t = std::chrono::steady_clock::now();
  for (uint64_t s = from; s < from + n; ++s) {
    auto r = simulate::run_log(s, simulate::Workload::draw(s));
    images += r.images;
    sum.boundaries += r.boundaries;
    sum.lives += r.lives;
    sum.acknowledged += r.acknowledged;
    sum.seals += r.seals;
    sum.merges += r.merges;
    sum.retired += r.retired;
    sum.poisoned += r.poisoned;
    sum.repeats += r.repeats;
    sum.conflicts += r.conflicts;
    if (!r.failure.empty()) {
      ++fails;
      if (fails < 20) printf("%s\n%s", r.message().c_str(), c > 3 ? r.history.c_str() : "");
    }
  }
  double d = std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
  printf(
      "fails %lu images %lu in %.2f s: %.0f/s; boundaries %lu lives %lu acked %lu seals %lu merges %lu retired %lu "
      "repeats %lu conflicts %lu poisoned %lu\n",
      fails, images, d, static_cast<double>(images) / d, sum.boundaries, sum.lives, sum.acknowledged, sum.seals,
      sum.merges, sum.retired, sum.repeats, sum.conflicts, sum.poisoned);
}
