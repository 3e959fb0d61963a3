#include "tools/trace/statistics.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace cwtch::trace {
namespace {

Quantiles quantiles(std::vector<double> values) {
  Quantiles q{};
  if (values.empty()) return q;
  std::sort(values.begin(), values.end());
  for (size_t i = 0; i < q.size(); ++i)
    q[i] = values[std::min(values.size() - 1, static_cast<size_t>(kQuantiles[i] * static_cast<double>(values.size())))];
  return q;
}

}  // namespace

Statistics measure(const Trace& trace) {
  std::vector<std::vector<const Message*>> groups(trace.groups_count);
  std::vector<std::set<uint32_t>> groups_of(trace.senders.size());
  std::vector<double> lengths;
  for (const Message& message : trace.messages) {
    groups[message.group].push_back(&message);
    groups_of[message.sender].insert(message.group);
    lengths.push_back(static_cast<double>(message.text.size()));
  }

  std::vector<double> sizes;
  std::vector<double> senders;
  std::vector<double> per_member;
  std::vector<double> pauses;
  double again = 0;
  double share = 0;
  for (const auto& group : groups) {
    if (group.empty()) continue;
    std::map<uint32_t, double> said;
    for (size_t i = 0; i < group.size(); ++i) {
      said[group[i]->sender] += 1;
      if (i == 0) continue;
      pauses.push_back(static_cast<double>(group[i]->seconds) - static_cast<double>(group[i - 1]->seconds));
      again += group[i]->sender == group[i - 1]->sender ? 1 : 0;
    }
    std::vector<double> counts;
    for (const auto& [sender, count] : said) counts.push_back(count);
    std::sort(counts.rbegin(), counts.rend());
    double busiest = 0;
    for (size_t i = 0; i < std::max<size_t>(1, counts.size() / 10); ++i) busiest += counts[i];
    share += busiest / static_cast<double>(group.size());
    sizes.push_back(static_cast<double>(group.size()));
    senders.push_back(static_cast<double>(said.size()));
    per_member.insert(per_member.end(), counts.begin(), counts.end());
  }
  double memberships = 0;
  for (const auto& of : groups_of) memberships += static_cast<double>(of.size());
  const auto groups_heard = static_cast<double>(std::max<size_t>(1, sizes.size()));
  const auto pauses_heard = static_cast<double>(std::max<size_t>(1, pauses.size()));
  return {.messages_per_group = quantiles(sizes),
          .senders_per_group = quantiles(senders),
          .messages_per_member = quantiles(per_member),
          .text_bytes = quantiles(lengths),
          .pause_seconds = quantiles(pauses),
          .busiest_tenth_share = share / groups_heard,
          .same_sender_again = again / pauses_heard,
          .groups_per_sender = memberships / static_cast<double>(std::max<size_t>(1, groups_of.size()))};
}

}  // namespace cwtch::trace
