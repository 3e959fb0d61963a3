// Whether anything that a client of private retrieval does, or any kernel, depends in its branches or addresses on keys
// or on what is selected: both are marked as undefined, and a judge of undefined values reports every such branch and
// address (the method of secp256k1's ctime_tests). Two of them: valgrind's memcheck sees the code as it ships, but
// knows no AVX-512; clang's MemorySanitizer sees all of it, as clang compiles it.
//
//   pir_constant_time          must pass
//   pir_constant_time branch   must fail: it branches on a secret
//   pir_constant_time address  must fail: it looks up what a secret says
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/core/check.hpp"
#include "engine/core/sha256.hpp"
#include "kernels/pack.hpp"
#include "kernels/ring.hpp"
#include "kernels/scan.hpp"
#include "pir/lattice/crs.hpp"
#include "pir/lattice/encryption.hpp"
#include "pir/lattice/words.hpp"
#include "pir/registry.hpp"

#ifdef CWTCH_MEMORY_SANITIZER
#include <sanitizer/msan_interface.h>
#include <sodium.h>
#elif __has_include(<valgrind/memcheck.h>)
#define CWTCH_MEMCHECK
#include <valgrind/memcheck.h>
#endif

using namespace cwtch;

namespace {

constexpr int kSkipped = 77;

#if defined(CWTCH_MEMORY_SANITIZER)
constexpr bool kSanitized = true;
bool judged() { return true; }
void make_undefined(const void* place, size_t size) { __msan_poison(place, size); }
void make_defined(const void* place, size_t size) { __msan_unpoison(place, size); }
bool is_undefined(const uint32_t& word) { return __msan_test_shadow(&word, sizeof word) >= 0; }
#elif defined(CWTCH_MEMCHECK)
constexpr bool kSanitized = false;
bool judged() { return RUNNING_ON_VALGRIND; }
void make_undefined(const void* place, size_t size) { VALGRIND_MAKE_MEM_UNDEFINED(place, size); }
void make_defined(const void* place, size_t size) { VALGRIND_MAKE_MEM_DEFINED(place, size); }
bool is_undefined(const uint32_t& word) {
  uint32_t bits = 0;
  return VALGRIND_GET_VBITS(&word, &bits, sizeof word) == 1 && bits != 0;
}
#else
constexpr bool kSanitized = false;
bool judged() { return false; }
void make_undefined(const void*, size_t) {}
void make_defined(const void*, size_t) {}
bool is_undefined(const uint32_t&) { return false; }
#endif

}  // namespace

#ifdef CWTCH_MEMORY_SANITIZER
// libsodium is not compiled for the sanitizer: what it makes of a secret key is as secret. The linker sends calls here.
extern "C" {
decltype(crypto_stream_chacha20_ietf) __real_crypto_stream_chacha20_ietf, __wrap_crypto_stream_chacha20_ietf;
int __wrap_crypto_stream_chacha20_ietf(unsigned char* stream, unsigned long long size, const unsigned char* nonce,
                                       const unsigned char* key) {
  const int result = __real_crypto_stream_chacha20_ietf(stream, size, nonce, key);
  if (__msan_test_shadow(key, crypto_stream_chacha20_ietf_KEYBYTES) >= 0) __msan_poison(stream, size);
  return result;
}
}
#endif

namespace {

template <class T>
void declare_secret(const T& items) {
  make_undefined(items.data(), items.size() * sizeof *items.data());
}
template <class T>
void declare_public(const T& items) {
  make_defined(items.data(), items.size() * sizeof *items.data());
}

// Whatever is drawn is secret.
class SecretRandom final : public Random {
 public:
  void fill(MutableBytes to) override {
    from_.fill(to);
    declare_secret(to);
  }

 private:
  SystemRandom from_;
};

pir::Words secret_words(size_t count) {
  pir::Words words(count, 1'234'567'890);
  declare_secret(words);
  return words;
}

// The judge has followed secrets through whatever instructions made these of them.
template <class T>
void check_followed(const T& words) {
  CHECK(std::all_of(words.begin(), words.end(), is_undefined));
}

template <class Target, class Run>
void every_target(const char* kernel, const Target* (*targets)(size_t*), const Run& run) {
  size_t count;
  const Target* const all = targets(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!all[i].usable()) continue;
    run(all[i]);
    std::printf("%s by %s\n", kernel, all[i].name);
  }
}

// Every kernel of every target that runs here; all words and bytes are secret.
void run_kernels() {
  constexpr uint32_t kDigits = 5;
  every_target("ring", kernels::ring_targets, [](const kernels::RingTarget& ring) {
    constexpr size_t kGroups = 64, kStride = 64;
    pir::Words x = secret_words(kernels::kLaneWords), sum = secret_words(kernels::kLaneWords),
               digits(kDigits * kernels::kLaneWords);
    const pir::Words factor = secret_words(kernels::kDegree), panel = secret_words(kGroups * kStride / 4);
    const auto* const bytes = reinterpret_cast<const uint8_t*>(panel.data());
    const uint8_t* const tiles[] = {bytes, bytes, bytes, bytes};
    ring.forward(x.data());
    check_followed(x);
    ring.multiply_add(sum.data(), x.data(), factor.data(), factor.data());
    ring.hint_add(sum.data(), tiles, kStride, factor.data());
    ring.inverse(sum.data());
    check_followed(sum);
    ring.digits(sum.data(), 6, kDigits, 2, digits.data());
    check_followed(digits);
  });
  // Servers alone run what follows, on what clients have sent them. None of it is secret, and g++ makes branches of
  // some.
  if (!kSanitized) return;
  every_target("pack", kernels::pack_targets, [](const kernels::PackTarget& pack) {
    const pir::Words prepared = secret_words(kernels::prepared_words(kDigits)),
                     y = secret_words(kDigits * kernels::kDegree);
    pir::Words key(kernels::key_words(kDigits));
    kernels::pack_key(kDigits, y.data(), y.data(), key.data());
    for (const size_t count : {1, 2, 4}) {
      pir::Words out(count * kernels::kDegree);
      const uint32_t* const keys[] = {key.data(), key.data(), key.data(), key.data()};
      uint32_t* outs[4];
      for (size_t i = 0; i < count; ++i) outs[i] = &out[i * kernels::kDegree];
      pack.pack(kDigits, prepared.data(), keys, count, outs);
      check_followed(out);
    }
  });
  every_target("scan", kernels::scan_targets, [](const kernels::ScanTarget& scan) {
    constexpr size_t kHeight = 70, kWidth = 300, kQueries = 3;
    kernels::TiledMatrix matrix(kHeight, kWidth);
    const pir::Words column = secret_words(kHeight / 4 + 1), queries = secret_words(kQueries * kWidth);
    for (size_t i = 0; i < kWidth; ++i) matrix.set_column(i, reinterpret_cast<const uint8_t*>(column.data()));
    for (const kernels::Modulus modulus : {kernels::Modulus::two32, kernels::Modulus::q}) {
      for (size_t count = 1; count <= kQueries; ++count) {
        pir::Words answers(count * kHeight);
        scan.multiply(matrix, queries.data(), count, modulus, {0, matrix.blocks()}, answers.data());
        check_followed(answers);
      }
    }
  });
}

// Key, errors and selection are secret; what comes out is for everybody to see.
void encrypt() {
  SecretRandom random;
  const pir::Stretch stretches[] = {{1100, 1000}, {3, 0}};
  const pir::DrawBlock draw = [crs = pir::Crs("a", "test")](size_t, uint64_t block, pir::Polynomial slots) {
    crs.polynomial(pir::block_domain(block), slots);
  };
  std::vector<uint64_t> selected{17, 1101, 5000};
  declare_secret(selected);
  pir::OneTimeKey key(random);

  std::vector<uint32_t> w(kernels::kDegree, 5), body(kernels::kDegree), words(1103);
  uint16_t place[kernels::kDegree];
  for (uint32_t slot = 0; slot < kernels::kDegree; ++slot) {
    place[slot] = static_cast<uint16_t>(kernels::slot_of_exponent(5 * kernels::exponent_of_slot(slot)));
  }
  const pir::OneTimeKey::Body bodies[] = {{w.data(), 4, place}};
  key.bodies(bodies, body.data());
  check_followed(body);
  const pir::DecryptionKey opener = std::move(key).encrypt(stretches, draw, selected, words);
  check_followed(words);
  declare_public(words);

  std::vector<uint32_t> a(kernels::kDegree, 3), b(kernels::kDegree, 7), phi(kernels::kDegree);
  opener.open_polynomial(a.data(), b.data(), phi.data());
  check_followed(phi);
  uint32_t folded = opener.open_number(a.data(), 7);
  for (const uint32_t number : phi) folded += pir::nearest_byte(number).byte;
  make_defined(&folded, sizeof folded);
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
    declare_secret(wanted);
    pir::Query query = (*client)->query(wanted, random);
    declare_public(query.request);
    const auto rows = (*client)->recover(std::move(query.secret), Bytes((*client)->answer_bytes(), 0x35));
    CHECK(rows && rows->size() == wanted.size());
  }
  std::printf("%s in %u %s parts: asked and recovered\n", name, parts, pir::name(partition));
}

// Its first use reads its configuration, and what it hands to the C library looks undefined to the sanitizer, which has
// not seen it being written.
void load_openssl() {
#ifdef CWTCH_MEMORY_SANITIZER
  __msan_scoped_disable_interceptor_checks();
  const Sha256 first;
  __msan_scoped_enable_interceptor_checks();
#endif
}

int branch() {
  SecretRandom random;
  if (random.next() == 0) std::abort();
  std::printf("a branch on a secret\n");
  return 0;
}
int address() {
  SecretRandom random;
  const pir::Words table(256);
  uint32_t found = table[random.next() % 256];
  make_defined(&found, sizeof found);
  std::printf("an address made of a secret: %u\n", found);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (!judged()) {
    std::printf("SKIPPED: not under valgrind, or built without <valgrind/memcheck.h>: apt-get install valgrind\n");
    return kSkipped;
  }
  const char* const kernel = std::getenv("CWTCH_KERNEL");
  size_t targets;
  const kernels::RingTarget* const ring = kernels::ring_targets(&targets);
  const auto* const chosen = std::find_if(ring, ring + targets, [kernel](const kernels::RingTarget& target) {
    return kernel != nullptr && std::strcmp(kernel, target.name) == 0;
  });
  if (kernel != nullptr && (chosen == ring + targets || !chosen->usable())) {
    std::printf("SKIPPED: this processor, or the judge's model of it, cannot run %s\n", kernel);
    return kSkipped;
  }
  if (count > 1 && std::strcmp(words[1], "branch") == 0) return branch();
  if (count > 1 && std::strcmp(words[1], "address") == 0) return address();
  load_openssl();
  run_kernels();
  encrypt();
  ask("simplepir", size_t{512} * 2560, 1, pir::Partition::contiguous);
  for (const pir::Partition partition : {pir::Partition::contiguous, pir::Partition::interleaved}) {
    ask("ring32", 2560, 1, partition);
    ask("ring32", 2560, 4, partition);
  }
  return 0;
}
