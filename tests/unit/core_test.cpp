#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "engine/core/bytes.hpp"
#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"
#include "engine/core/list.hpp"
#include "engine/core/random.hpp"
#include "engine/core/sha256.hpp"

namespace cwtch {
namespace {

TEST(Crc32c, KnownAnswers) {  // RFC 3720 B.4
  EXPECT_EQ(crc32c(0, bytes_of("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c(0, Bytes(32, 0x00)), 0x8A9136AAu);
  EXPECT_EQ(crc32c(0, Bytes(32, 0xFF)), 0x62A8AB43u);
}

// The three-lane form and every split give what one byte at a time gives.
TEST(Crc32c, SplitsAndLengthsAgree) {
  SeededRandom random(1);
  Bytes bytes(3000);
  random.fill(bytes);
  uint32_t bytewise = 0;
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const ByteView whole = ByteView(bytes).first(size);
    ASSERT_EQ(crc32c(0, whole), bytewise) << size;
    const size_t cut = size / 3;
    ASSERT_EQ(crc32c(crc32c(0, whole.first(cut)), whole.subspan(cut)), bytewise) << size;
    if (size < bytes.size()) bytewise = crc32c(bytewise, ByteView(bytes).subspan(size, 1));
  }
}

TEST(Sha256, KnownAnswerInOneAndInSeveralPieces) {  // FIPS 180-4, example of two blocks
  const std::string_view text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{55}, text.size()}) {
    Sha256 hash;
    hash.add(bytes_of(text.substr(0, cut)));
    hash.add(bytes_of(text.substr(cut)));
    EXPECT_EQ(to_hex(hash.finish()), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  }
}

TEST(Reader, OverrunYieldsZerosAndIsRemembered) {
  const Bytes bytes = {1, 0, 0};
  Reader reader(bytes);
  EXPECT_EQ(reader.get<uint16_t>(), 1);
  EXPECT_EQ(reader.get<uint32_t>(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.get<uint8_t>(), 0);
}

TEST(Hex, RoundTripAndRefusals) {
  const Bytes bytes = {0x00, 0xAB, 0xFF};
  EXPECT_EQ(to_hex(bytes), "00abff");
  EXPECT_EQ(*from_hex("00ABff"), bytes);
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
}

struct Element : ListLink {
  explicit Element(int n) : number(n) {}
  int number;
};

TEST(List, ElementsLeaveWhenDestroyed) {
  List<Element> list;
  Element a(1);
  {
    Element b(2);
    list.push_back(a);
    list.push_back(b);
    EXPECT_EQ(list.next(a), &b);
  }
  EXPECT_EQ(list.next(a), nullptr);
  EXPECT_EQ(list.pop_front().number, 1);
  EXPECT_TRUE(list.empty());
}

TEST(Errors, SayWhatWhereAndWhy) {
  EXPECT_EQ(error_from_errno(ENOSPC, "segment: write", 4096).message(),
            "segment: write (no_space): No space left on device at offset 4096");
  EXPECT_EQ(Error({Errc::malformed, 0, "post: record is empty"}).message(), "post: record is empty (malformed)");
}

TEST(SecretBytes, MovedFromIsWiped) {
  SecretBytes<4> a(ByteArray<4>{1, 2, 3, 4});
  const SecretBytes<4> b = std::move(a);
  EXPECT_EQ(b.data()[3], 4);
  EXPECT_EQ(a.data()[3], 0);  // NOLINT(bugprone-use-after-move): the point of the test
}

TEST(SeededRandom, SameSeedSameStream) {
  SeededRandom a(7);
  SeededRandom b(7);
  for (int i = 0; i < 100; ++i) {
    const uint64_t drawn = a.below(10);
    EXPECT_LT(drawn, 10u);
    EXPECT_EQ(drawn, b.below(10));
  }
}

}  // namespace
}  // namespace cwtch
