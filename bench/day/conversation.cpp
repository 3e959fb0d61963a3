#include "bench/day/conversation.hpp"

#include <algorithm>
#include <cmath>

#include "tools/trace/statistics.hpp"
#include "tools/trace/trace.hpp"

namespace cwtch::bench {
namespace {

constexpr double kSlowerBy = 1.02;  // a step of the search for how slow

std::vector<size_t> messages_per_day(const std::vector<double>& seconds, double slower, double day_seconds) {
  std::vector<size_t> counts;
  for (const double at : seconds) {
    const auto day = static_cast<size_t>(at * slower / day_seconds);
    if (day >= counts.size()) counts.resize(day + 1);
    counts[day] += 1;
  }
  return counts;
}

}  // namespace

Result<Days> make_days(const DaysOptions& options) {
  const double day_seconds = options.day_seconds;
  const uint64_t others_count = options.records_per_day - options.wanted_per_day;
  const auto smallest_group = static_cast<uint64_t>(trace::kUbuntuIrc.messages_per_group.front());
  const auto groups = static_cast<uint32_t>(1 + (others_count + smallest_group - 1) / smallest_group);
  const Result<trace::Trace> trace =
      options.trace.empty() ? trace::generate(groups, options.seed) : trace::load(options.trace);
  if (!trace) return fail(trace.error());

  Days days;
  std::vector<double> ours;
  std::vector<uint32_t> others;
  std::vector<const std::string*> texts;
  for (const trace::Message& message : trace->messages) {
    if (message.group == 0) {
      ours.push_back(message.seconds);
      texts.push_back(&message.text);
    } else {
      others.push_back(message.seconds % options.day_seconds);
    }
  }
  if (ours.empty() || others.empty()) return fail(Errc::malformed, "a day needs a trace of two groups");
  // What is too much goes evenly, and so does what a given trace has too little of.
  std::sort(others.begin(), others.end());
  for (uint64_t i = 0; i < others_count; ++i) days.others.push_back(others[i * others.size() / others_count]);

  double slower = 1;
  std::vector<size_t> counts;
  while (counts = messages_per_day(ours, slower, day_seconds),
         *std::ranges::max_element(counts) > options.wanted_per_day)
    slower *= kSlowerBy;
  const auto busiest = static_cast<size_t>(std::ranges::max_element(counts) - counts.begin());
  days.ours.resize(kDays);
  for (size_t i = 0; i < ours.size(); ++i) {
    const double at = ours[i] * slower;
    const auto day = static_cast<size_t>(at / day_seconds) + 1 - busiest;  // before the first: huge
    if (day < kDays) days.ours[day].push_back({static_cast<uint32_t>(std::fmod(at, day_seconds)), *texts[i]});
  }
  return days;
}

}  // namespace cwtch::bench
