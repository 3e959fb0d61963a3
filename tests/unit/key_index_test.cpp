#include "engine/log/key_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/core/random.hpp"
#include "engine/log/bloom.hpp"
#include "engine/log/key_run.hpp"
#include "tests/unit/log_reader_world.hpp"

namespace cwtch::log {
namespace {

constexpr uint64_t kSeed = 20251126;
const std::string kDirectory = "keys";

class KeyIndexTest : public ::testing::Test {
 protected:
  KeyIndexTest() : io(files) {}

  // The two keys of record `position`, the same whenever asked.
  static std::array<Key, 2> keys(uint64_t position) {
    SeededRandom random(kSeed + position);
    return {Key{random.next(), position}, Key{random.next(), position}};
  }
  static std::vector<Key> keys_between(uint64_t first, uint64_t end) {
    std::vector<Key> all;
    for (uint64_t p = first; p < end; ++p)
      for (const Key& key : keys(p)) all.push_back(key);
    return all;
  }
  std::shared_ptr<const KeyRun> build(uint64_t first, uint64_t end) {
    auto run = KeyIndex::build(files, kDirectory, {{first}, {end}}, keys_between(first, end));
    EXPECT_TRUE(run.has_value()) << (run ? "" : run.error().message());
    return *run;
  }
  std::unique_ptr<KeyIndex> open(const std::vector<RunName>& runs) {
    start_bytes_read = 0;
    auto index = KeyIndex::open(files, kDirectory, runs, &start_bytes_read);
    EXPECT_TRUE(index.has_value());
    (*index)->start(io);
    return std::move(*index);
  }
  static void called(void* self, Lookup&) { ++static_cast<KeyIndexTest*>(self)->callbacks; }
  // Runs the Io until the answer is there.
  const Lookup& ask(KeyIndex& index, uint64_t fingerprint) {
    const bool at_once = index.lookup(lookup, fingerprint, called, this);
    const int before = callbacks;
    io.run();
    EXPECT_EQ(callbacks, before + (at_once ? 0 : 1));
    return lookup;
  }
  std::vector<uint64_t> found(KeyIndex& index, uint64_t fingerprint) {
    const Lookup& answer = ask(index, fingerprint);
    EXPECT_TRUE(answer.result.has_value());
    std::vector<uint64_t> positions;
    for (const Position position : answer.candidates) positions.push_back(position.value);
    return positions;
  }
  void merge_all(KeyIndex& index, uint32_t factor, Position first_retained = {0}) {
    while (true) {
      const std::vector<RunName> from = index.merge_candidates(factor);
      if (from.empty()) return;
      const RunName to{from.front().first, from.back().end};
      auto merged = KeyIndex::merge(files, kDirectory, from, to, first_retained);
      ASSERT_TRUE(merged.has_value()) << merged.error().message();
      for (const RunName& name : from) ASSERT_TRUE(files.unlink(kDirectory + "/" + name.file()));
      index.adopt(std::move(*merged));
      ++merges;
    }
  }

  test::MemoryFiles files;
  test::ScriptedIo io;
  Lookup lookup;
  int callbacks = 0;
  int merges = 0;
  uint64_t start_bytes_read = 0;
};

// The fingerprint is SipHash-2-4 of kind ‖ key under the secret; the paper's own vector pins it.
TEST_F(KeyIndexTest, FingerprintsDependOnSecretKindAndKey) {
  KeySecret secret{};
  for (size_t i = 0; i < secret.bytes.size(); ++i) secret.bytes[i] = static_cast<uint8_t>(i);
  const Bytes key(24, 7);
  const uint64_t signature = fingerprint(secret, KeyKind::signature, key);
  EXPECT_NE(signature, fingerprint(secret, KeyKind::nonce, key));
  secret.bytes[15] ^= 1;
  EXPECT_NE(signature, fingerprint(secret, KeyKind::signature, key));
  // Aumasson and Bernstein 2012, appendix A: key 00..0f, message 00..0e.
  for (size_t i = 0; i < secret.bytes.size(); ++i) secret.bytes[i] = static_cast<uint8_t>(i);
  Bytes message;
  for (uint8_t i = 1; i < 15; ++i) message.push_back(i);
  EXPECT_EQ(fingerprint(secret, static_cast<KeyKind>(0), message), 0xa129ca6149be45e5u);
}

// A record's keys are its signature and its nonce, nothing else of it.
TEST_F(KeyIndexTest, KeysOfARecordAreSignatureAndNonce) {
  const KeySecret secret{};
  Bytes record(kRecordBytesMin + 100, 1);
  const auto before = keys_of(secret, {5}, record);
  EXPECT_EQ(before[0].position, 5u);
  EXPECT_EQ(before[1].position, 5u);
  record[kSignatureBytes] ^= 1;  // entry
  record.back() ^= 1;            // ciphertext behind the nonce
  EXPECT_EQ(keys_of(secret, {5}, record)[0].fingerprint, before[0].fingerprint);
  EXPECT_EQ(keys_of(secret, {5}, record)[1].fingerprint, before[1].fingerprint);
  record[0] ^= 1;
  record[kSignatureBytes + kEntryBytes] ^= 1;
  EXPECT_NE(keys_of(secret, {5}, record)[0].fingerprint, before[0].fingerprint);
  EXPECT_NE(keys_of(secret, {5}, record)[1].fingerprint, before[1].fingerprint);
}

// No false negative, and no more false positives than bloom.hpp promises.
TEST_F(KeyIndexTest, FilterHasThePromisedRateOfFalsePositives) {
  struct {
    uint64_t tenths;
    double promised;
  } const cases[] = {{100, 0.0105}, {120, 0.0042}, {160, 0.0009}};
  for (const auto& c : cases) {
    SeededRandom random(kSeed);
    constexpr uint64_t kKeys = 50000, kQuestions = 1000000;
    const uint64_t blocks_count = bloom::blocks_for(kKeys, c.tenths);
    std::vector<BloomBlock> blocks(blocks_count, BloomBlock{});
    std::vector<uint64_t> keys;
    for (uint64_t i = 0; i < kKeys; ++i) {
      keys.push_back(random.next());
      bloom::add(blocks.data(), blocks_count, keys.back());
    }
    for (const uint64_t key : keys) ASSERT_TRUE(bloom::may_contain(blocks.data(), blocks_count, key));
    uint64_t passes = 0;
    for (uint64_t i = 0; i < kQuestions; ++i) passes += bloom::may_contain(blocks.data(), blocks_count, random.next());
    EXPECT_LT(static_cast<double>(passes) / kQuestions, 1.1 * c.promised) << c.tenths;
  }
}

TEST_F(KeyIndexTest, RecentKeysAreFoundWithoutReading) {
  const auto index = open({});
  for (uint64_t p = 0; p < 5000; ++p) {
    ASSERT_TRUE(index->absent(keys(p)[0].fingerprint, keys(p)[1].fingerprint));
    index->insert(keys(p)[0], keys(p)[1]);
  }
  for (uint64_t p = 0; p < 5000; ++p) {
    ASSERT_FALSE(index->absent(keys(p)[0].fingerprint, 1));
    ASSERT_FALSE(index->absent(1, keys(p)[1].fingerprint));
    ASSERT_EQ(found(*index, keys(p)[1].fingerprint), std::vector<uint64_t>{p});
  }
  EXPECT_EQ(io.reads, 0u);
  EXPECT_EQ(index->statistics().keys, 10000u);
}

// 10^5 records sealed in runs of uneven size and merged as they come: each key is found with its position, through one
// page read per run at most, and memory and start-up reading stay within their budgets.
TEST_F(KeyIndexTest, EveryKeyIsFoundThroughRunsAndMerges) {
  constexpr uint64_t kRecords = 100000;
  const auto index = open({});
  SeededRandom random(kSeed);
  uint64_t first = 0, built = 0;
  for (uint64_t p = 0; p < kRecords; ++p) {
    index->insert(keys(p)[0], keys(p)[1]);
    if (p + 1 - first < 1024 && random.below(1024) > 1) continue;
    index->adopt(build(first, p + 1));
    ++built;
    first = p + 1;
    merge_all(*index, 8);
  }
  EXPECT_GT(merges, 3);
  EXPECT_EQ(index->statistics().keys, 2 * kRecords);
  EXPECT_LT(index->statistics().runs, 40u) << built << " were built";

  for (uint64_t p = 0; p < kRecords; p += 7) {
    for (const Key& key : keys(p)) ASSERT_EQ(found(*index, key.fingerprint), std::vector<uint64_t>{p});
    ASSERT_FALSE(index->absent(keys(p)[0].fingerprint, keys(p)[1].fingerprint));
  }
  // Foreign keys: most are absent without a read, and none is found.
  const uint64_t reads = io.reads;
  uint64_t absent = 0;
  for (uint64_t p = 1 << 30; p < (1 << 30) + 20000; ++p) {
    const auto k = keys(p);
    absent += index->absent(k[0].fingerprint, k[1].fingerprint);
    ASSERT_TRUE(found(*index, k[0].fingerprint).empty());
  }
  EXPECT_GT(absent, 17000u);
  EXPECT_LT(io.reads - reads, 2000u);

  const auto reopened = open(index->runs());
  EXPECT_TRUE(reopened->damaged().empty());
  EXPECT_LT(static_cast<double>(start_bytes_read), 4.5 * static_cast<double>(first));  // small runs have fine filters
  EXPECT_EQ(found(*reopened, keys(4711)[0].fingerprint), std::vector<uint64_t>{4711});
}

// Merging everything into one run: what a large log has nearly all its keys in. At most 3 bytes of memory and 2.6 bytes
// of start-up reading per record.
TEST_F(KeyIndexTest, ALargeRunCostsAtMostThreeBytesPerRecord) {
  constexpr uint64_t kRecords = 200000;
  const auto index = open({});
  for (uint64_t p = 0; p < kRecords; p += 25000) index->adopt(build(p, p + 25000));
  auto merged = KeyIndex::merge(files, kDirectory, index->runs(), {{0}, {kRecords}}, {0});
  ASSERT_TRUE(merged.has_value());
  EXPECT_LE((*merged)->memory_bytes(), 26 * kRecords / 10);
  index->adopt(std::move(*merged));
  EXPECT_EQ(index->statistics().runs, 1u);
  EXPECT_LE(index->statistics().memory_bytes, 3 * kRecords + (256 << 10));  // and the fixed part
  open({{{0}, {kRecords}}});
  EXPECT_LE(start_bytes_read, 26 * kRecords / 10);
  EXPECT_LE(files.content(kDirectory + "/0-200000.keys").size(), 2 * 14.4 * kRecords);
}

// What retention has dropped is not found any more, at once, and not merged.
TEST_F(KeyIndexTest, KeysBelowTheFirstRetainedPositionAreGone) {
  const auto index = open({});
  for (uint64_t p = 0; p < 4000; p += 1000) index->adopt(build(p, p + 1000));
  index->set_first_retained({1500});
  EXPECT_EQ(index->runs().size(), 3u);
  EXPECT_TRUE(found(*index, keys(999)[0].fingerprint).empty());
  EXPECT_TRUE(found(*index, keys(1499)[0].fingerprint).empty());
  EXPECT_EQ(found(*index, keys(1500)[0].fingerprint), std::vector<uint64_t>{1500});
  auto merged = KeyIndex::merge(files, kDirectory, index->runs(), {{1000}, {4000}}, {1500});
  ASSERT_TRUE(merged.has_value());
  EXPECT_EQ((*merged)->keys_count(), 2u * 2500);
  index->adopt(std::move(*merged));
  EXPECT_TRUE(found(*index, keys(1499)[0].fingerprint).empty());
  EXPECT_EQ(found(*index, keys(3999)[1].fingerprint), std::vector<uint64_t>{3999});
}

// Equal fingerprints (a collision, or a key in two runs) are all candidates, newest first, across page borders too.
TEST_F(KeyIndexTest, EqualFingerprintsAreAllFound) {
  std::vector<Key> all = keys_between(0, 1000);
  const uint64_t same = all[0].fingerprint;
  for (size_t i = 0; i < 2 * kKeysPerPage; ++i) all[i].fingerprint = same;
  auto run = KeyIndex::build(files, kDirectory, {{0}, {1000}}, all);
  ASSERT_TRUE(run.has_value());
  const auto index = open({});
  index->adopt(std::move(*run));
  index->insert({same, 1000}, {same, 1000});
  std::vector<uint64_t> expected(kKeysPerPage + 1);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = i < 1 ? 1000 : kKeysPerPage - i;
  EXPECT_EQ(found(*index, same), expected);
}

// Every byte of a run file is covered: whichever is changed, no answer is wrong. Either the run is refused when it is
// opened, or the lookup that meets the damage fails.
TEST_F(KeyIndexTest, NoFlippedByteLeadsToAWrongAnswer) {
  constexpr uint64_t kRecords = 600;
  build(0, kRecords);
  Bytes& content = files.content(kDirectory + "/0-600.keys");
  for (size_t at = 0; at < content.size(); at += 1 + at % 3) {
    content[at] ^= static_cast<uint8_t>(1 + at % 255);
    const auto index = open({{{0}, {kRecords}}});
    if (index->damaged().empty()) {
      ASSERT_LT(at, 4 * kBlockBytes) << "only pages are checked when they are read";
      size_t failed = 0;
      for (uint64_t p = 0; p < kRecords; p += 20) {
        const Lookup& answer = ask(*index, keys(p)[0].fingerprint);
        if (answer.result)
          ASSERT_EQ(answer.candidates, std::vector<Position>{Position{p}});
        else
          ASSERT_EQ(answer.result.error().code, Errc::corrupt);
        failed += !answer.result;
      }
      ASSERT_GT(failed, 0u) << "at " << at;
      ASSERT_EQ(index->damaged(), (std::vector<RunName>{{{0}, {kRecords}}}));
    } else {
      ASSERT_FALSE(index->absent(1, 2));
      ASSERT_EQ(ask(*index, keys(3)[0].fingerprint).result.error().code, Errc::corrupt);
    }
    content[at] ^= static_cast<uint8_t>(1 + at % 255);
  }
}

// A truncated, empty or missing file, or one of another run, is damage as well.
TEST_F(KeyIndexTest, UnreadableRunsAreListedAndRepaired) {
  for (uint64_t p = 0; p < 5000; p += 1000) build(p, p + 1000);
  files.content(kDirectory + "/0-1000.keys").resize(8192);
  files.content(kDirectory + "/1000-2000.keys").clear();
  ASSERT_TRUE(files.unlink(kDirectory + "/2000-3000.keys"));
  files.content(kDirectory + "/3000-4000.keys") = files.content(kDirectory + "/4000-5000.keys");
  const auto index = open({{{0}, {1000}}, {{1000}, {2000}}, {{2000}, {3000}}, {{3000}, {4000}}, {{4000}, {5000}}});
  ASSERT_EQ(index->damaged().size(), 4u);
  EXPECT_EQ(index->statistics().damaged_runs, 4u);
  EXPECT_FALSE(ask(*index, keys(4500)[0].fingerprint).result);

  // One new run may repair several, and several one.
  index->adopt(build(0, 3000));
  EXPECT_EQ(index->damaged(), (std::vector<RunName>{{{3000}, {4000}}}));
  index->adopt(build(3000, 3500));
  EXPECT_EQ(index->damaged(), (std::vector<RunName>{{{3500}, {4000}}}));
  EXPECT_FALSE(ask(*index, keys(4500)[0].fingerprint).result);
  index->adopt(build(3500, 4000));
  EXPECT_TRUE(index->damaged().empty());
  for (uint64_t p = 0; p < 5000; p += 10) ASSERT_EQ(found(*index, keys(p)[1].fingerprint), std::vector<uint64_t>{p});
}

// A process that may not open files must not rebuild everything for that.
TEST_F(KeyIndexTest, RefusedDescriptorsAreAnErrorNotDamage) {
  build(0, 1000);
  files.open_error = EMFILE;
  const auto index = KeyIndex::open(files, kDirectory, {{{0}, {1000}}}, &start_bytes_read);
  ASSERT_FALSE(index.has_value());
  EXPECT_EQ(index.error().code, Errc::busy);
}

// A bad sector under one page fails the lookups that need it and no others; new runs for its positions heal it.
TEST_F(KeyIndexTest, AnUnreadablePageFailsOnlyWhatNeedsIt) {
  const auto index = open({});
  index->adopt(build(0, 2000));
  index->adopt(build(2000, 3000));
  const uint64_t bad = keys(77)[0].fingerprint;
  uint64_t bad_offset = 0;
  io.read_result = [&](io::File, uint64_t offset, size_t size) {
    bad_offset = offset;
    return static_cast<int32_t>(size);
  };
  ask(*index, bad);
  io.read_result = [&](io::File file, uint64_t offset, size_t size) {
    return file.value == 1 && offset == bad_offset ? -EIO : static_cast<int32_t>(size);
  };
  const io::File first_file{1};
  ASSERT_NE(files.opened(first_file), nullptr);
  ask(*index, bad);
  ASSERT_FALSE(lookup.result);
  EXPECT_EQ(lookup.result.error().code, Errc::io);
  EXPECT_EQ(lookup.result.error().offset, bad_offset);
  EXPECT_EQ(index->damaged(), (std::vector<RunName>{{{0}, {2000}}}));
  EXPECT_EQ(found(*index, keys(2500)[0].fingerprint), std::vector<uint64_t>{2500});
  EXPECT_TRUE(index->merge_candidates(2).empty());  // a damaged run is not merged

  index->adopt(build(0, 1000));
  ask(*index, bad);  // answered by both: the flawed one is asked until it is covered altogether
  index->adopt(build(1000, 2000));
  EXPECT_TRUE(index->damaged().empty());
  EXPECT_EQ(index->statistics().runs, 3u);
  EXPECT_EQ(found(*index, bad), std::vector<uint64_t>{77});
}

TEST_F(KeyIndexTest, ShortReadsAreContinued) {
  const auto index = open({});
  index->adopt(build(0, 1000));
  int reads = 0;
  io.read_result = [&](io::File, uint64_t, size_t size) { return ++reads % 3 != 0 ? 512 : static_cast<int32_t>(size); };
  EXPECT_EQ(found(*index, keys(5)[0].fingerprint), std::vector<uint64_t>{5});
  io.read_result = [](io::File, uint64_t, size_t) { return 512; };
  EXPECT_EQ(ask(*index, keys(5)[0].fingerprint).result.error().code, Errc::corrupt);
  io.read_result = [](io::File, uint64_t, size_t) { return 0; };
  EXPECT_EQ(ask(*index, keys(6)[0].fingerprint).result.error().code, Errc::corrupt);
}

// More questions than pages can be read at once all get their answer.
TEST_F(KeyIndexTest, ManyLookupsAtOnceAllReturn) {
  const auto index = open({});
  index->adopt(build(0, 1000));
  std::vector<Lookup> lookups(300);
  for (size_t i = 0; i < lookups.size(); ++i) {
    ASSERT_FALSE(index->lookup(lookups[i], keys(i)[i % 2].fingerprint, called, this));
  }
  io.run();
  EXPECT_EQ(callbacks, 300);
  for (size_t i = 0; i < lookups.size(); ++i) ASSERT_EQ(lookups[i].candidates, std::vector<Position>{Position{i}});
}

// While a question waits for its page, its key is inserted, sealed into a run and dropped from memory. The answer has
// it all the same.
TEST_F(KeyIndexTest, AnAnswerIsCompleteAsOfItsCallback) {
  const auto index = open({});
  std::vector<Key> all = keys_between(0, 1000);
  all[10].fingerprint = keys(1500)[0].fingerprint;  // makes the question wait
  auto run = KeyIndex::build(files, kDirectory, {{0}, {1000}}, all);
  ASSERT_TRUE(run.has_value());
  index->adopt(std::move(*run));

  ASSERT_FALSE(index->lookup(lookup, keys(1500)[0].fingerprint, called, this));
  index->insert(keys(1500)[0], keys(1500)[1]);
  io.run();
  EXPECT_EQ(lookup.candidates, (std::vector<Position>{{1500}, {5}}));

  ASSERT_FALSE(index->lookup(lookup, keys(1500)[0].fingerprint, called, this));
  index->adopt(build(1000, 2000));
  EXPECT_EQ(index->statistics().keys, 4000u);
  io.run();
  EXPECT_EQ(lookup.candidates, (std::vector<Position>{{1500}, {5}}));
  EXPECT_EQ(callbacks, 2);
}

// A run whose file is replaced and unlinked while a lookup reads it still answers.
TEST_F(KeyIndexTest, ALookupOutlivesTheRunItReads) {
  const auto index = open({});
  index->adopt(build(0, 1000));
  index->adopt(build(1000, 2000));
  ASSERT_FALSE(index->lookup(lookup, keys(1)[0].fingerprint, called, this));
  auto merged = KeyIndex::merge(files, kDirectory, index->runs(), {{0}, {2000}}, {0});
  ASSERT_TRUE(merged.has_value());
  index->adopt(std::move(*merged));
  ASSERT_TRUE(files.unlink(kDirectory + "/0-1000.keys"));
  io.run();
  EXPECT_EQ(callbacks, 1);
  EXPECT_EQ(lookup.candidates, std::vector<Position>{Position{1}});
}

// Each merge lifts every key by a level, and the number of runs stays small however uneven the seals are.
TEST_F(KeyIndexTest, EachKeyIsRewrittenAtMostOncePerLevel) {
  for (const uint32_t factor : {2u, 4u, 8u}) {
    files = {};
    const auto index = open({});
    SeededRandom random(kSeed);
    std::vector<uint32_t> rewritten;
    uint64_t first = 0;
    size_t runs_most = 0;
    for (int i = 0; i < 400; ++i) {
      const uint64_t end = first + (random.below(3) == 0 ? 64 : 1 + random.below(300));
      index->adopt(build(first, end));
      rewritten.resize(end);
      first = end;
      for (auto from = index->merge_candidates(factor); !from.empty(); from = index->merge_candidates(factor)) {
        auto merged = KeyIndex::merge(files, kDirectory, from, {from.front().first, from.back().end}, Position{0});
        ASSERT_TRUE(merged.has_value());
        index->adopt(std::move(*merged));
        for (uint64_t p = from.front().first.value; p < from.back().end.value; ++p) ++rewritten[p];
      }
      runs_most = std::max<size_t>(runs_most, index->statistics().runs);
    }
    const double levels = std::log(2.0 * static_cast<double>(first)) / std::log(factor);
    EXPECT_LE(*std::max_element(rewritten.begin(), rewritten.end()), levels + 1) << factor;
    EXPECT_LE(static_cast<double>(runs_most), 2 * factor * levels) << factor;
  }
}

// A medium that fills up at any write leaves no listed name and no temporary file behind.
TEST_F(KeyIndexTest, AFullMediumLeavesNothingBehind) {
  for (uint64_t writes = 0; writes < 3; ++writes) {
    files.writes_left = writes;
    const auto run = KeyIndex::build(files, kDirectory, {{0}, {1000}}, keys_between(0, 1000));
    ASSERT_FALSE(run.has_value());
    EXPECT_EQ(run.error().code, Errc::no_space);
    EXPECT_TRUE(files.list(kDirectory)->empty());
  }
  files.writes_left = UINT64_MAX;
  build(0, 1000);
  EXPECT_EQ(files.list(kDirectory)->size(), 1u);
}

// What a crash left under the temporary name is in nobody's way.
TEST_F(KeyIndexTest, ALeftOverTemporaryFileIsReplaced) {
  ASSERT_TRUE(files.open(kDirectory + "/0-1000.keys.new", {.write = true, .create = true}));
  build(0, 1000);
  EXPECT_EQ(files.list(kDirectory)->size(), 1u);
}

// A run without keys (all dropped by retention) is a run.
TEST_F(KeyIndexTest, AnEmptyRunAnswersNothing) {
  build(0, 1000);
  auto merged = KeyIndex::merge(files, kDirectory, {{{0}, {1000}}}, {{0}, {1000}}, {1000});
  ASSERT_TRUE(merged.has_value()) << merged.error().message();
  const auto index = open({{{0}, {1000}}});
  EXPECT_TRUE(index->damaged().empty());
  EXPECT_TRUE(index->absent(keys(3)[0].fingerprint, keys(3)[1].fingerprint));
  EXPECT_TRUE(found(*index, keys(3)[0].fingerprint).empty());
}

}  // namespace
}  // namespace cwtch::log
