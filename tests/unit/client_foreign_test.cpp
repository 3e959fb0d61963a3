// How often a record of somebody else looks like ours. A match is the agreement of 64 bits, and no count reaches 2^64:
// so how many bits agree is counted as well, for every record and group, by code of its own. One bit more must come
// half as often, as far as counts go; and what agrees in all of them must be exactly what the keyring finds.
#include <gtest/gtest.h>
#include <sodium.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "engine/client/identity.hpp"
#include "engine/client/keyring.hpp"
#include "engine/core/codec.hpp"
#include "engine/log/index_block.hpp"

namespace cwtch::client {
namespace {

constexpr size_t kGroups = 20;
constexpr uint64_t kOursEvery = 4096;  // records, so that it shows whether matches are counted at all
constexpr std::string_view kOpening = "{\"Text\":";

// Foreign ones, of each kind.
uint64_t records_count() {
  const char* const given = std::getenv("CWTCH_FOREIGN_RECORDS");
  return given == nullptr ? 1 << 15 : std::stoull(given);
}

// What the index has of a tagged record, and in which bits it differs from one of the group; all zeros: in none.
struct Entries {
  static Bytes of(const Group& group, Random& random) {
    Bytes signature(log::kSignatureBytes), ciphertext(log::kCiphertextBytesMin);
    random.fill(signature);
    random.fill(ciphertext);
    const Entry entry = make_entry(entry_key(group.key), group.server, signature, ciphertext);
    return {entry.begin(), entry.end()};
  }
  explicit Entries(const Group& group) : key(entry_key(group.key)), server(group.server) {}
  uint64_t difference(ByteView entry) const {
    return load_le<uint64_t>(entry_tag(key, server, entry.first(8)).data()) ^ load_le<uint64_t>(entry.data() + 8);
  }
  static size_t match(const Keyring& keyring, ByteView entry) { return keyring.match_entry(entry); }

  static constexpr const char* kName = "tagged";
  static constexpr size_t kBytes = log::kEntryBytes, kCompared = 8;
  EntryKey key;
  std::string server;
};

// The same of an untagged one, as secretbox has it: nonce, tag, ciphertext.
struct Probes {
  static Bytes of(const Group& group, Random& random) {
    Bytes nonce(log::kNonceBytes), sealed(crypto_secretbox_MACBYTES + kOpening.size());
    random.fill(nonce);
    crypto_secretbox_easy(sealed.data(), bytes_of(kOpening).data(), kOpening.size(), nonce.data(), group.key.data());
    nonce.insert(nonce.end(), sealed.begin() + crypto_secretbox_MACBYTES, sealed.end());
    return nonce;
  }
  explicit Probes(const Group& group) : key(group.key.clone()) {}
  uint64_t difference(ByteView probe) const {
    uint8_t stream[crypto_secretbox_ZEROBYTES + kOpening.size()];
    crypto_stream_xsalsa20(stream, sizeof stream, probe.data(), key.data());
    return load_le<uint64_t>(stream + crypto_secretbox_ZEROBYTES) ^ load_le<uint64_t>(probe.data() + log::kNonceBytes) ^
           load_le<uint64_t>(bytes_of(kOpening).data());
  }
  static size_t match(const Keyring& keyring, ByteView probe) { return keyring.match_probe(probe); }

  static constexpr const char* kName = "untagged";
  static constexpr size_t kBytes = log::kProbeBytes, kCompared = log::kNonceBytes;
  GroupKey key;
};

template <class Kind>
class ClientForeign : public testing::Test {};
using Kinds = testing::Types<Entries, Probes>;
struct KindName {
  template <class Kind>
  static std::string GetName(int) {
    return Kind::kName;
  }
};
TYPED_TEST_SUITE(ClientForeign, Kinds, KindName);

TYPED_TEST(ClientForeign, RecordsMatchAsOftenAsChanceHasIt) {
  using Kind = TypeParam;
  SeededRandom random(64);
  const std::string host = Identity::create(random).hostname();
  Keyring keyring(host);
  std::vector<Group> ours, others;
  std::vector<Kind> kinds;
  for (size_t i = 0; i < kGroups; ++i) {
    ours.push_back(*create_group(host, "ours", random));
    others.push_back(*create_group(host, "others'", random));
    keyring.add(ours.back());
    kinds.emplace_back(ours.back());
  }

  const uint64_t records = records_count();
  std::vector<uint64_t> pairs(65);  // by how many bits agree at least, from the lowest
  uint64_t found = 0;
  Bytes foreign(Kind::kBytes);
  for (uint64_t i = 0; i < records; ++i) {
    if (i % kOursEvery == 0) {
      const size_t group = random.below(kGroups);
      Bytes own = Kind::of(ours[group], random);
      ASSERT_EQ(Kind::match(keyring, own), group);
      ASSERT_EQ(kinds[group].difference(own), 0u);
      // All bits count: one that differs makes it foreign.
      for (size_t bit = 0; bit < 64; ++bit) {
        own[Kind::kCompared + bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
        ASSERT_EQ(Kind::match(keyring, own), Keyring::kNone) << bit;
        own[Kind::kCompared + bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      }
    }
    // In turns of another group, and of nobody.
    if (i % 2 == 0) {
      foreign = Kind::of(others[i / 2 % kGroups], random);
    } else {
      random.fill(foreign);
    }
    found += Kind::match(keyring, foreign) != Keyring::kNone;
    for (const Kind& kind : kinds) {
      const uint64_t difference = kind.difference(foreign);
      for (int bits = difference == 0 ? 64 : std::countr_zero(difference); bits >= 0; --bits) pairs[bits] += 1;
    }
  }

  EXPECT_EQ(found, pairs[64]);
  EXPECT_EQ(found, 0u);
  ASSERT_EQ(pairs[0], records * kGroups);
  size_t longest = 0;
  for (size_t bits = 1; bits <= 64; ++bits) {
    const double expected = std::ldexp(static_cast<double>(pairs[0]), -static_cast<int>(bits));
    EXPECT_NEAR(static_cast<double>(pairs[bits]), expected, 6 * std::sqrt(expected) + 6) << bits;
    if (pairs[bits] > 0) longest = bits;
  }
  std::printf(
      "%s: %llu foreign records, %zu groups: %llu look like ours; 12 bits agree in %llu pairs (by chance in %.0f), "
      "at most %zu\n",
      Kind::kName, static_cast<unsigned long long>(records), kGroups, static_cast<unsigned long long>(found),
      static_cast<unsigned long long>(pairs[12]), std::ldexp(static_cast<double>(pairs[0]), -12), longest);
}

}  // namespace
}  // namespace cwtch::client
