// What the schedule of polls brings: pir::messages_per_day() at its ends. What is between, tests/sim/poll_delivery_test
// measures.
#include <gtest/gtest.h>

#include <algorithm>

#include "pir/mobile_day.hpp"

namespace cwtch::pir {
namespace {

// Strangers can post under our groups' names, so that any number may be asked for.
TEST(MessagesPerDay, AreNoMoreThanAreWantedAndThanThereAreSlots) {
  for (const uint32_t slots : {8u, 16u, 64u, 512u}) {
    MobilePlan plan{.slots = slots, .vectors = hot_vectors(slots), .catchup_vectors = day_vectors(slots)};
    const double all = plan.polls_per_day * slots + kDayParts * plan.catchup_vectors;
    double before = 0;
    for (const double wanted : {0.0, 1.0, 10.0, 100.0, 300.0, 500.0, 1000.0, 5000.0, 1e6, 1e12}) {
      const double brought = messages_per_day(plan, wanted);
      EXPECT_GE(brought, before - 1e-6 - 1e-12 * wanted);
      EXPECT_LE(brought, std::min(wanted, all) + 1e-6 + 1e-12 * wanted);
      if (wanted < all / 3) {
        EXPECT_NEAR(brought, wanted, 0.001 * wanted);
      }
      before = brought;
    }
    EXPECT_NEAR(before, all, 0.001 * all);
  }
}

}  // namespace
}  // namespace cwtch::pir
