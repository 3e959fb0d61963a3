// Whether anything that a client of private retrieval does depends, in its branches or addresses, on its keys or on
// what it selects: run under valgrind's memcheck with both marked as undefined, which then reports every such branch
// and address (the method of secp256k1's ctime_tests).
//
//   pir_constant_time          must pass
//   pir_constant_time canary   must fail: it branches on a secret
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/core/check.hpp"
#include "kernels/ring_avx2.hpp"
#include "pir/lattice/crs.hpp"
#include "pir/lattice/encryption.hpp"
#include "pir/registry.hpp"

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_MAKE_MEM_UNDEFINED(place, size)
#define VALGRIND_MAKE_MEM_DEFINED(place, size)
#endif

using namespace cwtch;

namespace {

constexpr int kSkipped = 77;

// Whatever is drawn is secret.
class SecretRandom final : public Random {
 public:
  void fill(MutableBytes to) override {
    from_.fill(to);
    VALGRIND_MAKE_MEM_UNDEFINED(to.data(), to.size());
  }

 private:
  SystemRandom from_;
};

template <class T>
void declare_public(const T& items) {
  VALGRIND_MAKE_MEM_DEFINED(items.data(), items.size() * sizeof *items.data());
}

// Key, errors and selection are secret; what comes out is for everybody to see.
void encrypt() {
  SecretRandom random;
  const pir::Stretch stretches[] = {{1100, 1000}, {3, 0}};
  const pir::DrawBlock draw = [crs = pir::Crs("a", "test")](size_t, uint64_t block, pir::Polynomial slots) {
    crs.polynomial(pir::block_domain(block), slots);
  };
  std::vector<uint64_t> selected{17, 1101, 5000};
  VALGRIND_MAKE_MEM_UNDEFINED(selected.data(), selected.size() * sizeof selected[0]);
  pir::OneTimeKey key(random);

  std::vector<uint32_t> w(kernels::kDegree, 5), body(kernels::kDegree), words(1103);
  uint16_t place[kernels::kDegree];
  for (uint32_t slot = 0; slot < kernels::kDegree; ++slot) {
    place[slot] = static_cast<uint16_t>(kernels::slot_of_exponent(5 * kernels::exponent_of_slot(slot)));
  }
  const pir::OneTimeKey::Body bodies[] = {{w.data(), 4, place}};
  key.bodies(bodies, body.data());
  const pir::DecryptionKey opener = std::move(key).encrypt(stretches, draw, selected, words);
  declare_public(words);

  std::vector<uint32_t> a(kernels::kDegree, 3), b(kernels::kDegree, 7), phi(kernels::kDegree);
  opener.open_polynomial(a.data(), b.data(), phi.data());
  uint32_t folded = opener.open_number(a.data(), 7);
  for (const uint32_t number : phi) folded += pir::nearest_byte(number).byte;
  VALGRIND_MAKE_MEM_DEFINED(&folded, sizeof folded);
  std::printf("encrypted and opened: %u\n", folded);
}

// A whole query and its recovery, keys and wanted rows being secret; how many are wanted is not.
void ask(const char* name, size_t static_bytes, uint32_t parts, pir::Partition partition) {
  const pir::Scheme& scheme = *pir::find_scheme(name);
  const pir::Geometry geometry{5000, 20, 512, parts, partition};
  const pir::Blob blob = pir::make_blob(Bytes(static_bytes * parts));
  const auto client = scheme.connect({.server = "a"}, geometry, {&blob, 1});
  CHECK(client);
  SecretRandom random;
  std::vector<std::vector<uint64_t>> choices{{}, {5003}};
  if (parts > 1) choices.push_back({5016, 5003});
  for (std::vector<uint64_t>& wanted : choices) {
    VALGRIND_MAKE_MEM_UNDEFINED(wanted.data(), wanted.size() * sizeof(uint64_t));
    pir::Query query = (*client)->query(wanted, random);
    declare_public(query.request);
    const auto rows = (*client)->recover(std::move(query.secret), Bytes((*client)->answer_bytes(), 0x35));
    CHECK(rows && rows->size() == wanted.size());
  }
  std::printf("%s in %u %s parts: asked and recovered\n", name, parts, pir::name(partition));
}

int canary() {
  SecretRandom random;
  std::printf("a branch on a secret: %s\n", random.next() % 2 == 0 ? "even" : "odd");
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (!RUNNING_ON_VALGRIND) {
    std::printf("SKIPPED: not under valgrind, or built without <valgrind/memcheck.h>: apt-get install valgrind\n");
    return kSkipped;
  }
  const char* const kernel = std::getenv("CWTCH_KERNEL");
  if (kernel != nullptr && std::strcmp(kernel, "avx2") == 0 && !kernels::ring_avx2_usable()) {
    std::printf("SKIPPED: this processor, or valgrind's model of it, has no AVX2 with FMA\n");
    return kSkipped;
  }
  if (count > 1 && std::strcmp(words[1], "canary") == 0) return canary();
  encrypt();
  ask("simplepir", size_t{512} * 2560, 1, pir::Partition::contiguous);
  for (const pir::Partition partition : {pir::Partition::contiguous, pir::Partition::interleaved}) {
    ask("ring32", 2560, 1, partition);
    ask("ring32", 2560, 4, partition);
  }
  return 0;
}
