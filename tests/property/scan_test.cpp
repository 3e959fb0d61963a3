// Every version of the scan that can run here answers bit by bit what the scalar one does, for every shape at which a
// loop of one of them begins, ends or changes; and the matrix that they read gives back what it was filled with.
#include "kernels/scan.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "engine/core/random.hpp"

namespace cwtch::kernels {
namespace {

using Bytes = std::vector<uint8_t>;
using Words = std::vector<uint32_t>;

constexpr uint32_t kUntouched = 0xabad1dea;  // no answer modulo q, and few modulo 2^32

Words extreme_words(Modulus modulus) {
  Words words = {0,          1,          0x7f7f7f7f, 0x7f7f7f80, 0x7fff7fff, 0x7fff8000, 0x7fffffff,
                 0x80000000, 0x80000001, 0x808080,   0x80808080, 0x80008000, kQ - 1};
  if (modulus == Modulus::two32) words.insert(words.end(), {kQ, 0xfffffffe, 0xffffffff});
  return words;
}

// Half of the words are extreme.
Words some_words(SeededRandom& random, size_t count, Modulus modulus) {
  const Words extreme = extreme_words(modulus);
  Words words(count);
  for (uint32_t& word : words) {
    const uint64_t drawn = random.next();
    word = drawn % 2 == 0              ? extreme[drawn / 2 % extreme.size()]
           : modulus == Modulus::two32 ? static_cast<uint32_t>(drawn >> 32)
                                       : reduce(drawn);
  }
  return words;
}

TiledMatrix some_matrix(SeededRandom& random, size_t height, size_t width) {
  TiledMatrix matrix(height, width);
  Bytes bytes(height);
  for (size_t column = 0; column < width; ++column) {
    random.fill(bytes);
    for (size_t row = 0; row < height; ++row) {
      const uint8_t extreme[] = {0, 127, 128, 255};
      if (bytes[row] % 4 == 0) bytes[row] = extreme[bytes[row] / 4 % 4];
    }
    matrix.set_column(column, bytes.data());
  }
  return matrix;
}

const ScanTarget& scalar() {
  size_t count;
  return scan_targets(&count)[0];
}

Words answers_of(const ScanTarget& target, const TiledMatrix& matrix, const Words& queries, size_t count,
                 Modulus modulus, BlockRange range) {
  Words answers(count * matrix.height(), kUntouched);
  target.multiply(matrix, queries.data(), count, modulus, range, answers.data());
  return answers;
}

void expect_as_scalar(const TiledMatrix& matrix, const Words& queries, size_t count, Modulus modulus,
                      BlockRange range) {
  size_t targets_count = 0;
  const ScanTarget* const targets = scan_targets(&targets_count);
  const Words expected = answers_of(scalar(), matrix, queries, count, modulus, range);
  for (size_t i = 1; i < targets_count; ++i) {
    if (!targets[i].usable()) continue;
    ASSERT_EQ(answers_of(targets[i], matrix, queries, count, modulus, range), expected)
        << targets[i].name << ", " << matrix.height() << " rows, " << matrix.width() << " columns, " << count
        << " queries" << (modulus == Modulus::q ? " modulo q" : " modulo 2^32") << ", blocks " << range.first << " to "
        << range.end;
  }
}

void expect_as_scalar(SeededRandom& random, const TiledMatrix& matrix, size_t count) {
  for (const Modulus modulus : {Modulus::two32, Modulus::q}) {
    const Words queries = some_words(random, count * matrix.width(), modulus);
    ASSERT_NO_FATAL_FAILURE(expect_as_scalar(matrix, queries, count, modulus, {0, matrix.blocks()}));
  }
}

constexpr size_t kCounts[] = {1, 2, 3, 5, 16, 17, 64, 65};

TEST(Scan, ScalarIsTheDefinition) {
  ASSERT_STREQ(scalar().name, "scalar");
  TiledMatrix matrix(2, 3);
  const uint8_t columns[3][2] = {{0, 255}, {128, 129}, {1, 0}};
  for (size_t i = 0; i < 3; ++i) matrix.set_column(i, columns[i]);
  const Words query = {2, 7, kQ - 1};
  const Words answers = answers_of(scalar(), matrix, query, 1, Modulus::q, {0, 1});
  EXPECT_EQ(answers, (Words{kQ - 2 * 128 + 127, 2 * 127 + 7 + 128}));
}

TEST(Scan, EveryHeight) {
  SeededRandom random(1);
  for (const size_t height : {0, 1, 15, 16, 17, 63, 64, 65, 1024, 3072}) {
    const TiledMatrix matrix = some_matrix(random, height, 261);
    for (const size_t count : {1, 2, 5}) ASSERT_NO_FATAL_FAILURE(expect_as_scalar(random, matrix, count));
  }
}

TEST(Scan, EveryWidth) {
  SeededRandom random(2);
  for (const size_t width : {0, 1, 3, 4, 5, 15, 16, 17, 255, 256, 257, 1023, 1024, 1025, 1028, 4096, 4099, 5500}) {
    const TiledMatrix matrix = some_matrix(random, 67, width);
    for (const size_t count : {1, 3, 4}) ASSERT_NO_FATAL_FAILURE(expect_as_scalar(random, matrix, count));
  }
}

TEST(Scan, EveryCountOfQueries) {
  SeededRandom random(3);
  for (const size_t width : {6, 300, 1050}) {
    const TiledMatrix matrix = some_matrix(random, 100, width);
    for (const size_t count : kCounts) ASSERT_NO_FATAL_FAILURE(expect_as_scalar(random, matrix, count));
  }
}

// The sums that each version keeps in 32 bits are as large as they can be: the same extreme byte everywhere, times
// words whose digits of base 256 or 65536 are all extreme. 70,000 columns are more than would fit if nothing were ever
// reduced.
TEST(Scan, SumsOfExtremesDoNotOverflow) {
  for (const size_t width : {256, 1024, 2052, 70'000}) {
    for (const uint8_t byte : Bytes{0, 127, 255}) {
      TiledMatrix matrix(3, width);
      const Bytes bytes(3, byte);
      for (size_t column = 0; column < width; ++column) matrix.set_column(column, bytes.data());
      for (const Modulus modulus : {Modulus::two32, Modulus::q}) {
        for (const uint32_t word : extreme_words(modulus)) {
          ASSERT_NO_FATAL_FAILURE(expect_as_scalar(matrix, Words(width, word), 1, modulus, {0, 1}))
              << "byte " << static_cast<int>(byte) << ", word " << word;
        }
      }
    }
  }
}

// A task's share of the blocks: its rows are written, and no others.
TEST(Scan, OnlyRowsOfTheRangeAreWritten) {
  SeededRandom random(4);
  const TiledMatrix matrix = some_matrix(random, 5 * kBlockRows + 7, 1030);
  for (const BlockRange range :
       {BlockRange{0, 0}, BlockRange{0, 1}, BlockRange{2, 4}, BlockRange{4, 6}, BlockRange{5, 6}}) {
    for (const size_t count : {1, 3}) {
      const Words queries = some_words(random, count * matrix.width(), Modulus::q);
      ASSERT_NO_FATAL_FAILURE(expect_as_scalar(matrix, queries, count, Modulus::q, range));
      const Words answers = answers_of(scan(), matrix, queries, count, Modulus::q, range);
      for (size_t i = 0; i < answers.size(); ++i) {
        const size_t block = i % matrix.height() / kBlockRows;
        ASSERT_EQ(answers[i] == kUntouched, block < range.first || block >= range.end) << "row " << i % matrix.height();
      }
    }
  }
}

// Nothing before or after the words is read into the answer, wherever they lie.
TEST(Scan, QueriesAndAnswersMayLieAnywhere) {
  SeededRandom random(5);
  const TiledMatrix matrix = some_matrix(random, 65, 77);
  for (size_t shift = 0; shift < 17; ++shift) {
    Words words = some_words(random, shift + 2 * 77 + 5, Modulus::q);
    Words answers(shift + 2 * 65 + 5, kUntouched);
    scan().multiply(matrix, words.data() + shift, 2, Modulus::q, {0, 2}, answers.data() + shift);
    const Words queries(words.begin() + static_cast<ptrdiff_t>(shift),
                        words.begin() + static_cast<ptrdiff_t>(shift) + 2 * 77);
    const Words expected = answers_of(scalar(), matrix, queries, 2, Modulus::q, {0, 2});
    for (size_t i = 0; i < answers.size(); ++i) {
      ASSERT_EQ(answers[i], i < shift || i >= shift + 130 ? kUntouched : expected[i - shift]) << "shift " << shift;
    }
  }
}

TEST(TiledMatrix, GivesBackItsColumns) {
  SeededRandom random(6);
  for (const size_t height : {1, 63, 64, 65, 200}) {
    for (const size_t width : {1, 4, 255, 256, 258, 1024, 1029, 2300}) {
      TiledMatrix matrix(height, width);
      std::vector<Bytes> columns(width, Bytes(height));
      for (size_t column = 0; column < width; ++column) {
        random.fill(columns[column]);
        matrix.set_column(column, columns[column].data());
      }
      for (size_t column = 0; column < width; ++column) {
        Bytes bytes(height);
        matrix.column(column, bytes.data());
        ASSERT_EQ(bytes, columns[column]) << height << " rows, column " << column << " of " << width;
      }
    }
  }
}

TEST(TiledMatrix, SetsNeighboursAsItSetsEach) {
  SeededRandom random(7);
  for (const size_t height : {1, 64, 200}) {
    for (const size_t first : {0, 1, 3, 4, 254, 1021, 1500}) {
      for (const size_t count : {0, 1, 2, 3, 4, 5, 8, 11, 300}) {
        TiledMatrix one(height, 2300), together(height, 2300);
        std::vector<Bytes> columns(count, Bytes(height));
        std::vector<const uint8_t*> bytes;
        for (size_t i = 0; i < count; ++i) {
          random.fill(columns[i]);
          bytes.push_back(columns[i].data());
          one.set_column(first + i, columns[i].data());
        }
        together.set_columns(first, count, bytes.data());
        ASSERT_EQ(std::memcmp(one.block(0, 0), together.block(0, 0), one.bytes()), 0)
            << height << " rows, " << count << " columns from " << first;
      }
    }
  }
}

}  // namespace
}  // namespace cwtch::kernels
