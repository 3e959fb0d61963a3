// What `cwtchc poll` tells its user.
#include <gmock/gmock.h>

#include "tools/cwtchc/poll_text.hpp"

namespace cwtch::cwtchc {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

client::PollReport quiet() {
  client::PollReport report;
  report.queries = 2;
  report.arrived = 150;
  return report;
}

TEST(PollText, OneLineWhenAllIsWell) {
  client::PollReport report = quiet();
  report.messages = 1;
  report.query_bytes = 1'500'000;
  EXPECT_EQ(poll_text(report),
            "2 queries, 1 new message of ours; 1.50 MB moved: index 0.00, static parts 0.00, queries 1.50\n");
}

TEST(PollText, MoreThanPollsBringAndTheCureIsEverything) {
  client::PollReport report = quiet();
  report.arrived = 800;
  report.overload = 330;
  EXPECT_THAT(poll_text(report), HasSubstr("The last day had 800 messages, and polls bring about 470 of so many. "
                                           "Take everything instead of polls, or choose more --slots: cwtchc sync\n"));
}

TEST(PollText, WhatNoPollReachesComesByTakingEverythingOnce) {
  client::PollReport report = quiet();
  report.outside = 7;
  EXPECT_THAT(poll_text(report), AllOf(HasSubstr("Out of reach of polls: 7 messages"), HasSubstr("cwtchc sync\n"),
                                       Not(HasSubstr("The last day"))));
}

TEST(PollText, TheRest) {
  client::PollReport report;
  report.waiting = 2;
  report.count(fail(Errc::busy, "server: it is busy"));
  EXPECT_THAT(poll_text(report), AllOf(HasSubstr("too few new records"), HasSubstr("next polls: 2 messages\n"),
                                       HasSubstr("Without a usable answer: 1 query (server: it is busy")));
}

}  // namespace
}  // namespace cwtch::cwtchc
