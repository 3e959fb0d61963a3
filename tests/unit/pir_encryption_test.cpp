// Keys that exist for one query, by textbook arithmetic.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstring>
#include <optional>

#include "pir/lattice/crs.hpp"
#include "pir/lattice/encryption.hpp"
#include "tests/support/schoolbook.hpp"

namespace cwtch::pir {
namespace {

using kernels::kDegree;
using test::Coefficients;

// What the types rule out: a second use of a key, and a key to anybody but encrypt()'s caller.
template <class Key>
concept Encrypts = requires(Key&& key, std::span<const Stretch> stretches, const DrawBlock& draw,
                            std::span<const uint64_t> selected, std::span<uint32_t> words) {
  { std::forward<Key>(key).encrypt(stretches, draw, selected, words) } -> std::same_as<DecryptionKey>;
};
template <class Key>
concept MakesBodies = requires(Key& key) {
  key.bodies(std::span<const OneTimeKey::Body>(), nullptr);
};

static_assert(!std::is_copy_constructible_v<OneTimeKey> && !std::is_copy_assignable_v<OneTimeKey>);
static_assert(Encrypts<OneTimeKey> && Encrypts<OneTimeKey&&>, "a key that is given away encrypts");
static_assert(!Encrypts<OneTimeKey&> && !Encrypts<const OneTimeKey&>, "a key that is kept does not");
static_assert(!Encrypts<DecryptionKey> && !Encrypts<DecryptionKey&> && !MakesBodies<DecryptionKey>);
static_assert(!std::is_constructible_v<DecryptionKey, SecretWords>, "only encrypt() makes one");
static_assert(!std::is_constructible_v<DecryptionKey, OneTimeKey>);
static_assert(!std::is_constructible_v<OneTimeKey, DecryptionKey>);

DrawBlock blocks_of(const char* server) {
  return [crs = Crs(server, "test")](size_t stretch, uint64_t block, Polynomial slots) {
    crs.polynomial(block_domain(stretch << 32 | block), slots);
  };
}

// The secret, from what decryption does to the polynomial 1.
Coefficients secret_of(const DecryptionKey& key) {
  Coefficients one = test::zero(), nothing = test::zero(), phi = test::zero();
  one[0] = 1;
  key.open_polynomial(one.data(), nothing.data(), phi.data());
  for (uint32_t& word : phi) word = kernels::reduce_signed(static_cast<int32_t>(word << 12) >> 12);
  return phi;
}

struct Encrypted {
  std::vector<Stretch> stretches;
  std::vector<uint64_t> selected;
  std::vector<uint32_t> words;
  Coefficients secret;

  Encrypted(std::vector<Stretch> of, std::vector<uint64_t> numbers, uint64_t seed)
      : stretches(std::move(of)), selected(std::move(numbers)) {
    size_t columns = 0;
    for (const Stretch& stretch : stretches) columns += stretch.columns;
    words.resize(columns);
    SeededRandom random(seed);
    secret = secret_of(OneTimeKey(random).encrypt(stretches, blocks_of("a"), selected, words));
  }

  // words + A s - Delta * selected: what should be a Gaussian error.
  std::vector<int64_t> errors() const {
    std::vector<int64_t> result;
    size_t at = 0;
    for (size_t i = 0; i < stretches.size(); ++i) {
      for (uint64_t block = 0; block < stretches[i].blocks(); ++block) {
        Coefficients slots = test::zero();
        blocks_of("a")(i, block, Polynomial(slots.data(), kDegree));
        const Coefficients mask = test::product(secret, test::from_slots(slots.data()));
        for (size_t c = block == 0 ? stretches[i].skipped : 0; c < kDegree; ++c) {
          if (block * kDegree + c >= stretches[i].skipped + stretches[i].columns) break;
          uint32_t rest = kernels::add(words[at], mask[c]);
          if (std::count(selected.begin(), selected.end(), at) > 0) rest = kernels::sub(rest, kDelta);
          result.push_back(kernels::centred(rest));
          ++at;
        }
      }
    }
    return result;
  }
};

void expect_small(const std::vector<int64_t>& errors) {
  double squares = 0;
  for (const int64_t error : errors) {
    ASSERT_LE(std::abs(error), 10 * kSigma);
    squares += static_cast<double>(error * error);
  }
  const auto count = static_cast<double>(errors.size());
  EXPECT_NEAR(std::sqrt(squares / count) / kSigma, 1, 4 / std::sqrt(2 * count));
}

TEST(PirEncryption, IsRegevsByDefinition) {
  // Whole blocks, parts of one, a part that crosses a border, one column; several stretches with a block each.
  expect_small(Encrypted({{2048, 0}}, {5}, 1).errors());
  expect_small(Encrypted({{700, 100}}, {0}, 2).errors());
  expect_small(Encrypted({{1500, 1000}}, {23, 24, 1499}, 3).errors());
  expect_small(Encrypted({{1, 1023}}, {0}, 4).errors());
  expect_small(Encrypted({{1024, 0}, {10, 0}, {1025, 3}, {1, 0}}, {0, 1023, 1030, 2059}, 5).errors());
  // More blocks than lanes.
  expect_small(Encrypted({{17 * 1024 + 1, 1023}}, {17 * 1024}, 6).errors());
}

TEST(PirEncryption, NothingSelectedIsAColumnThatIsNotThere) {
  expect_small(Encrypted({{1000, 0}}, {1000}, 7).errors());
  expect_small(Encrypted({{1000, 0}}, {}, 8).errors());
  expect_small(Encrypted({{1000, 0}}, {UINT64_MAX, uint64_t{1} << 63, 3}, 9).errors());
}

TEST(PirEncryption, SecretsAreGaussian) {
  std::vector<int64_t> coefficients;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const uint32_t s : Encrypted({{1, 0}}, {0}, seed).secret) coefficients.push_back(kernels::centred(s));
  }
  expect_small(coefficients);
}

TEST(PirEncryption, NoTwoAreAlike) {
  const Encrypted one({{2048, 0}}, {5}, 1), two({{2048, 0}}, {5}, 2), again({{2048, 0}}, {5}, 1);
  EXPECT_EQ(one.words, again.words) << "randomness is a parameter";
  EXPECT_NE(one.secret, two.secret);
  size_t equal = 0;
  for (size_t i = 0; i < one.words.size(); ++i) equal += one.words[i] == two.words[i];
  EXPECT_LE(equal, 1u);
  // One source of randomness, two keys: the errors differ as well.
  SeededRandom random(3);
  std::vector<uint32_t> first(1024), second(1024);
  const Stretch stretch{1024, 0};
  const DecryptionKey a = OneTimeKey(random).encrypt({&stretch, 1}, blocks_of("a"), {}, first);
  const DecryptionKey b = OneTimeKey(random).encrypt({&stretch, 1}, blocks_of("a"), {}, second);
  EXPECT_NE(secret_of(a), secret_of(b));
  EXPECT_NE(first, second);
}

// -w s + e + factor * moved(s), by textbook products and the automorphism itself.
TEST(PirEncryption, BodiesSwitchKeysByDefinition) {
  SeededRandom random(4);
  OneTimeKey key(random);
  const Crs crs("a", "bodies");
  std::vector<uint32_t> w(3 * kDegree);
  uint16_t place[kDegree];
  for (uint32_t slot = 0; slot < kDegree; ++slot) {
    place[slot] = static_cast<uint16_t>(kernels::slot_of_exponent(5 * kernels::exponent_of_slot(slot)));
  }
  std::vector<OneTimeKey::Body> bodies;
  const uint32_t factors[] = {1, 1u << 20, kernels::kQ - 7};
  for (size_t i = 0; i < 3; ++i) {
    crs.polynomial(block_domain(i), Polynomial(&w[i * kDegree], kDegree));
    bodies.push_back({&w[i * kDegree], factors[i], place});
  }
  std::vector<uint32_t> out(3 * kDegree), words(1);
  key.bodies(bodies, out.data());
  const Stretch stretch{1, 0};
  const Coefficients s = secret_of(std::move(key).encrypt({&stretch, 1}, blocks_of("a"), {}, words));
  std::vector<int64_t> errors;
  for (size_t i = 0; i < 3; ++i) {
    const Coefficients masked =
        test::sum(test::from_slots(&out[i * kDegree]), test::product(s, test::from_slots(&w[i * kDegree])));
    const Coefficients moved = test::automorphism(s, 5);
    for (size_t c = 0; c < kDegree; ++c) {
      errors.push_back(kernels::centred(kernels::sub(masked[c], kernels::mul(factors[i], moved[c]))));
    }
  }
  expect_small(errors);
}

// The kernels' memory is not the key's, and goes on to exist: all that was worked on there is wiped at once.
TEST(PirEncryption, NothingIsLeftInTheKernelsMemory) {
  const kernels::Memory scratch = kernels::ring().scratch();
  ASSERT_GT(scratch.size, 0u);
  const auto wiped_after = [scratch](const auto& step) {
    std::memset(scratch.bytes, 0xa5, scratch.size);
    step();
    const auto* const bytes = static_cast<const uint8_t*>(scratch.bytes);
    return std::all_of(bytes, bytes + scratch.size, [](uint8_t byte) { return byte == 0; });
  };
  SeededRandom random(7);
  const Stretch stretch{1, 0};
  std::vector<uint32_t> words(1), body(kDegree), w(kDegree);
  const uint16_t place[kDegree] = {};
  const OneTimeKey::Body bodies[] = {{w.data(), 1, place}};
  std::optional<OneTimeKey> key;
  EXPECT_TRUE(wiped_after([&] { key.emplace(random); }));
  EXPECT_TRUE(wiped_after([&] { key->bodies(bodies, body.data()); }));
  EXPECT_TRUE(wiped_after([&] { (void)std::move(*key).encrypt({&stretch, 1}, blocks_of("a"), {}, words); }));
}

// std::move() of a name compiles as often as it is written: what the types cannot rule out ends the program.
TEST(PirEncryptionDeathTest, AKeyIsUsedOnce) {
  const Stretch stretch{1, 0};
  std::vector<uint32_t> words(1), body(kDegree), w(kDegree);
  const uint16_t place[kDegree] = {};
  const OneTimeKey::Body bodies[] = {{w.data(), 1, place}};
  SeededRandom random(6);
  OneTimeKey key(random);
  key.bodies(bodies, body.data());
  (void)std::move(key).encrypt({&stretch, 1}, blocks_of("a"), {}, words);
  EXPECT_DEATH((void)std::move(key).encrypt({&stretch, 1}, blocks_of("a"), {}, words), "gaussian_ != nullptr");
  EXPECT_DEATH(key.bodies(bodies, body.data()), "gaussian_ != nullptr");
}

// open_polynomial() and open_number() are products modulo 2^20, term by term.
TEST(PirEncryption, OpeningIsByDefinition) {
  SeededRandom random(5);
  std::vector<uint32_t> words(1);
  const Stretch stretch{1, 0};
  const DecryptionKey key = OneTimeKey(random).encrypt({&stretch, 1}, blocks_of("a"), {}, words);
  const Coefficients s = secret_of(key);
  Coefficients a = test::zero(), b = test::zero(), phi = test::zero();
  for (uint32_t& word : a) word = static_cast<uint32_t>(random.below(1 << kHintBits));
  for (uint32_t& word : b) word = static_cast<uint32_t>(random.below(1 << kAnswerBits));
  key.open_polynomial(a.data(), b.data(), phi.data());
  constexpr int64_t kModulus = 1 << kHintBits;
  for (size_t k = 0; k < kDegree; ++k) {
    int64_t sum = int64_t{b[k]} << (kHintBits - kAnswerBits);
    for (size_t i = 0; i < kDegree; ++i) {
      const int64_t term = int64_t{a[i]} * kernels::centred(s[(k + kDegree - i) % kDegree]);
      sum += i <= k ? term : -term;
    }
    ASSERT_EQ(phi[k], ((sum % kModulus) + kModulus) % kModulus) << "coefficient " << k;
  }
  EXPECT_EQ(key.open_number(a.data(), b[0]), phi[0]) << "the constant coefficient";
}

TEST(PirEncryption, NearestByteAndItsDistance) {
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const uint32_t exact = (byte ^ 0x80) << 12;
    for (const int32_t off : {0, 1, -1, 2047, -2048}) {
      const Opened opened = nearest_byte((exact + static_cast<uint32_t>(off)) & 0xfffff);
      EXPECT_EQ(opened.byte, byte) << off;
      EXPECT_EQ(opened.error, off);
    }
    EXPECT_NE(nearest_byte((exact + 2048) & 0xfffff).byte, byte);
    EXPECT_NE(nearest_byte((exact - 2049) & 0xfffff).byte, byte);
  }
}

}  // namespace
}  // namespace cwtch::pir
