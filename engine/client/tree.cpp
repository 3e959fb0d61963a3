#include "engine/client/tree.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace cwtch::client {

void Tree::add(const Signature& signature, const std::optional<Signature>& previous, const PublicKey& author,
               uint64_t position) {
  CHECK(known_.emplace(signature, known_.size()).second);
  missing_.erase(signature);
  // A message that names itself names nothing: it would be a gap for ever.
  if (!previous || known_.contains(*previous)) return;
  const auto [place, inserted] = missing_.try_emplace(*previous, Gap{*previous, author, position});
  if (inserted) return;
  Gap& gap = place->second;
  ++gap.references;
  if (position < gap.position) {
    gap.position = position;
    gap.author = author;
  }
}

size_t Tree::find(const Signature& signature) const {
  const auto found = known_.find(signature);
  return found == known_.end() ? kUnknown : found->second;
}

std::vector<Gap> Tree::gaps() const {
  std::vector<Gap> gaps;
  gaps.reserve(missing_.size());
  for (const auto& [signature, gap] : missing_) gaps.push_back(gap);
  std::sort(gaps.begin(), gaps.end(), [](const Gap& a, const Gap& b) { return a.position < b.position; });
  return gaps;
}

}  // namespace cwtch::client
