// Which databases there are, how they are named, and how queries wait for them.
#include <gmock/gmock.h>

#include "pir/grid.hpp"
#include "pir/query_queue.hpp"

namespace cwtch::pir {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PirGeometry, PlaceOfIsTheInverseOfRowAt) {
  for (const uint64_t rows : {1, 2, 7, 8, 9, 100, 1025}) {
    for (const uint32_t parts : {1, 2, 3, 7, 8}) {
      for (const Partition partition : {Partition::contiguous, Partition::interleaved}) {
        const Geometry geometry{50, rows, 3072, parts, partition};
        if (!check(geometry)) continue;
        uint64_t seen = 0;
        for (uint32_t part = 0; part < parts; ++part) {
          for (uint64_t index = 0; index < geometry.part_rows(part); ++index, ++seen) {
            const auto place = geometry.place_of(geometry.row_at(part, index));
            EXPECT_EQ(place.part, part);
            EXPECT_EQ(place.index, index);
          }
        }
        EXPECT_EQ(seen, rows);
      }
    }
  }
}

TEST(PirGrid, CoversWholeUnitsByTheLargestStretchesThatFit) {
  const Grid grid{.unit = 10, .factor = 4, .rows_max = 160};
  EXPECT_THAT(grid.cover(0, 9), IsEmpty());
  EXPECT_THAT(grid.cover(0, 10), ElementsAre(Grid::Stretch{0, 10}));
  EXPECT_THAT(grid.cover(1, 29), ElementsAre(Grid::Stretch{10, 10}));
  EXPECT_THAT(grid.cover(0, 395), ElementsAre(Grid::Stretch{0, 160}, Grid::Stretch{160, 160}, Grid::Stretch{320, 40},
                                              Grid::Stretch{360, 10}, Grid::Stretch{370, 10}, Grid::Stretch{380, 10}));
  EXPECT_THAT(grid.cover(30, 95), ElementsAre(Grid::Stretch{30, 10}, Grid::Stretch{40, 40}, Grid::Stretch{80, 10}));
}

// Whatever grows or is forgotten: no gaps, each on its own multiple, so that two servers of one log agree.
TEST(PirGrid, StretchesAreAlignedAndWithoutGaps) {
  const Grid grid{.unit = 4, .factor = 2, .rows_max = 32};
  for (uint64_t first = 0; first < 80; ++first) {
    for (uint64_t end = first; end < 160; ++end) {
      uint64_t at = (first + 3) / 4 * 4;
      for (const Grid::Stretch& stretch : grid.cover(first, end)) {
        EXPECT_EQ(stretch.first_row, at);
        EXPECT_EQ(at % stretch.rows, 0);
        at += stretch.rows;
      }
      if (end / 4 * 4 >= (first + 3) / 4 * 4) {
        EXPECT_EQ(at, end / 4 * 4);
      }
    }
  }
}

TEST(PirGrid, NamesAreReadBackAndHaveOneSpelling) {
  const Geometry geometry{8192, 1024, 3072, 8, Partition::interleaved};
  EXPECT_EQ(name_of(geometry), "8192-1024-8i");
  EXPECT_EQ(parse_name("8192-1024-8i", 3072), geometry);
  for (const char* name :
       {"", "-", "8192-1024-8", "8192-1024-8x", "08192-1024-8i", "8192-1024-8ii", "+1-1-1c", "1-1024", "8192--8i",
        "0-0-1c", "0-8-9c", "18446744073709551615-9-1c", "99999999999999999999-9-1c"}) {
    EXPECT_FALSE(parse_name(name, 3072)) << name;
  }
}

TEST(PirQueryQueue, ABatchIsOneDatabasesQueriesAfterTheWindow) {
  int a, b, queries[5];
  QueryQueue queue({.queries_max = 5, .batch_max = 2, .window_ns = 100});
  queue.push(&a, &queries[0], 1000);
  EXPECT_THAT(queue.take(1050), IsEmpty());
  EXPECT_EQ(queue.due_ns(), 1100);
  queue.push(&b, &queries[1], 1060);
  EXPECT_THAT(queue.take(1100), ElementsAre(&queries[0]));
  EXPECT_EQ(queue.due_ns(), 1160);
  queue.push(&b, &queries[2], 1070);
  EXPECT_THAT(queue.take(1070), ElementsAre(&queries[1], &queries[2])) << "a full batch waits for nothing";
  EXPECT_EQ(queue.due_ns(), std::nullopt);
}

TEST(PirQueryQueue, IsBounded) {
  int a, queries[2];
  QueryQueue queue({.queries_max = 2, .batch_max = 8, .window_ns = 100});
  queue.push(&a, &queries[0], 0);
  EXPECT_FALSE(queue.full());
  queue.push(&a, &queries[1], 1);
  EXPECT_TRUE(queue.full());
  EXPECT_THAT(queue.take(101), ElementsAre(&queries[0], &queries[1]));
  EXPECT_FALSE(queue.full());
}

}  // namespace
}  // namespace cwtch::pir
