#include "tools/cwtchc/poll_text.hpp"

#include <fmt/format.h>

#include "tools/cwtchc/plural.hpp"

namespace cwtch::cwtchc {

std::string poll_text(const client::PollReport& report) {
  const auto megabytes = [](uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
  std::string text =
      fmt::format("{}{}, {} of ours; {:.2f} MB moved: index {:.2f}, static parts {:.2f}, queries {:.2f}{}\n",
                  plural(report.queries, "query"), report.day ? ", the day's among them" : "",
                  plural(report.messages, "new message"), megabytes(report.bytes()), megabytes(report.index_bytes),
                  megabytes(report.statics_bytes), megabytes(report.query_bytes),
                  report.day ? fmt::format(", the day's {:.2f}", megabytes(report.day_bytes)) : "");
  if (report.queries == 0)
    text += "The server has too few new records for polls, or is preparing them: cwtchc sync costs as little\n";
  if (report.waiting > 0) text += fmt::format("Waiting for the next polls: {}\n", plural(report.waiting, "message"));
  if (report.outside > 0)
    text += fmt::format(
        "Out of reach of polls: {}. More came than they bring, or this program was away. "
        "Take everything once: cwtchc sync\n",
        plural(report.outside, "message"));
  if (report.overload > 0)
    text += fmt::format(
        "The last day had {}, and polls bring about {} of so many. "
        "Take everything instead of polls, or choose more --slots: cwtchc sync\n",
        plural(report.arrived, "message"), report.arrived - report.overload);
  if (report.spoiled > 0)
    text += fmt::format("Not what the index names: {}; each is tried {} times in all\n",
                        plural(report.spoiled, "record"), client::WantedQueue::kTriesMax);
  if (report.overran)
    text += "This machine, or the network, needed longer than --mark: choose a longer one, for then its work shows\n";
  if (report.failed_queries > 0)
    text += fmt::format("Without a usable answer: {} ({}). What they were for waits for another\n",
                        plural(report.failed_queries, "query"), report.query_failure->message());
  return text;
}

}  // namespace cwtch::cwtchc
