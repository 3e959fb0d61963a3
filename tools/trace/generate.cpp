#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/core/random.hpp"
#include "tools/trace/statistics.hpp"

namespace cwtch::trace {
namespace {

double uniform(Random& random) { return static_cast<double>(random.next() >> 11) * 0x1p-53; }

// The value at `share`, log-linear between the quantiles we know: tails fall off as they do in the real trace.
double value_at(const Quantiles& quantiles, double share) {
  size_t i = 1;
  while (i + 1 < kQuantiles.size() && kQuantiles[i] < share) ++i;
  const double part = (share - kQuantiles[i - 1]) / (kQuantiles[i] - kQuantiles[i - 1]);
  const double low = std::log1p(quantiles[i - 1]);
  const double high = std::log1p(quantiles[i]);
  return std::expm1(low + (high - low) * part);
}
double draw(const Quantiles& quantiles, Random& random) { return value_at(quantiles, uniform(random)); }

constexpr const char* kSyllables[] = {"ka", "lo",  "mi", "ren", "tu", "sha", "vo", "pel",
                                      "ni", "dor", "ge", "ath", "us", "bri", "qo", "é"};

std::string make_text(size_t bytes, Random& random) {
  std::string text;
  while (text.size() < bytes) {
    if (!text.empty()) text += random.below(9) == 0 ? ", " : " ";
    for (uint64_t n = 1 + random.below(4); n > 0; --n) text += kSyllables[random.below(std::size(kSyllables))];
  }
  text.resize(bytes);
  // Never end inside a two-byte letter.
  if (!text.empty() && (static_cast<uint8_t>(text.back()) & 0x80) != 0) text.back() = '.';
  if (text.size() > 1 && static_cast<uint8_t>(text[text.size() - 2]) == 0xC3 && text.back() == '.')
    text[text.size() - 2] = '.';
  return text;
}

}  // namespace

Trace generate(uint32_t groups_count, uint64_t seed) {
  const Statistics& shape = kUbuntuIrc;
  SeededRandom random(seed);
  Trace trace;
  trace.groups_count = groups_count;
  std::vector<uint32_t> memberships;  // one entry per (sender, group): who is in many groups is drawn more often
  for (uint32_t group = 0; group < groups_count; ++group) {
    // Large groups have more senders: one draw places a group in both distributions, with some noise.
    const double place = uniform(random);
    const double beside = std::clamp(place + (uniform(random) - 0.5) * 0.5, 0.0, 1.0);
    const auto size = static_cast<size_t>(value_at(shape.messages_per_group, place));
    const auto senders_count = static_cast<size_t>(value_at(shape.senders_per_group, beside));

    std::vector<uint32_t> members;
    while (members.size() < senders_count) {
      const bool known = !memberships.empty() && uniform(random) < 1 - 1 / shape.groups_per_sender;
      uint32_t sender;
      if (known) {
        sender = memberships[random.below(memberships.size())];
        if (std::find(members.begin(), members.end(), sender) != members.end()) continue;
      } else {
        sender = static_cast<uint32_t>(trace.senders.size());
        trace.senders.push_back("member" + std::to_string(sender));
      }
      members.push_back(sender);
    }
    memberships.insert(memberships.end(), members.begin(), members.end());

    // Everybody speaks at least once; who speaks how often follows the real skew.
    std::vector<double> weights(senders_count);
    for (double& weight : weights) weight = draw(shape.messages_per_member, random);
    std::vector<double> sums(senders_count);
    std::partial_sum(weights.begin(), weights.end(), sums.begin());
    const auto by_weight = [&] {
      const auto at = std::upper_bound(sums.begin(), sums.end(), uniform(random) * sums.back());
      return static_cast<size_t>(std::min<ptrdiff_t>(at - sums.begin(), static_cast<ptrdiff_t>(senders_count) - 1));
    };
    std::vector<size_t> order(size);
    for (size_t i = 0; i < size; ++i) order[i] = i < senders_count ? i : by_weight();
    for (size_t i = size; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);

    double seconds = 60.0 * static_cast<double>(random.below(24 * 60));
    for (size_t i = 0; i < size; ++i) {
      // Bursts: some senders go on at once. A swap with a later turn of theirs keeps everybody's count.
      if (i > 0 && uniform(random) < shape.same_sender_again * 0.75) {
        const auto later = std::find(order.begin() + static_cast<ptrdiff_t>(i), order.end(), order[i - 1]);
        if (later != order.end()) std::swap(*later, order[i]);
      }
      const auto bytes = static_cast<size_t>(draw(shape.text_bytes, random));
      trace.messages.push_back({static_cast<uint32_t>(seconds), group, members[order[i]], make_text(bytes, random)});
      seconds += draw(shape.pause_seconds, random);
    }
  }
  std::stable_sort(trace.messages.begin(), trace.messages.end(), [](const Message& a, const Message& b) {
    return a.seconds != b.seconds ? a.seconds < b.seconds : a.group < b.group;
  });
  return trace;
}

}  // namespace cwtch::trace
