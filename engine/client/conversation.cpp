#include "engine/client/conversation.hpp"

#include <algorithm>

namespace cwtch::client {
namespace {

constexpr std::string_view kMissingPiece = "[...]";

bool earlier(const Line& a, const Line& b) { return a.position < b.position; }

}  // namespace

std::optional<Line> Joiner::add(const MessageStored& message) {
  Overlay overlay = parse_overlay(message.text);
  Line line{message.position, message.signature,       message.author,      message.timestamp,
            overlay.kind,     std::move(overlay.text), message.acknowledged};
  if (!overlay.part) return line;

  const Part& part = *overlay.part;
  Waiting& waiting = sets_[{message.author, part.set, part.count}];
  if (waiting.newest.complete() && !waiting.pieces.empty()) return {};
  if (!waiting.pieces.emplace(part.index, std::move(line.text)).second) return {};
  line.text.clear();
  line.parts = static_cast<uint32_t>(waiting.pieces.size());
  line.parts_count = part.count;
  waiting.newest = line;
  if (!line.complete()) return {};
  for (auto& [index, piece] : waiting.pieces) {
    line.text += piece;
    piece = {};  // only the fact stays
  }
  return line;
}

std::vector<Line> Joiner::incomplete() const {
  std::vector<Line> lines;
  for (const auto& [key, waiting] : sets_) {
    if (waiting.newest.complete()) continue;
    Line& line = lines.emplace_back(waiting.newest);
    uint32_t next = 0;
    for (const auto& [index, piece] : waiting.pieces) {
      if (index > next) line.text += kMissingPiece;
      line.text += piece;
      next = index + 1;
    }
    if (next < line.parts_count) line.text += kMissingPiece;
  }
  std::sort(lines.begin(), lines.end(), earlier);
  return lines;
}

std::vector<Line> conversation(const GroupState& group) {
  std::vector<const MessageStored*> ordered;
  ordered.reserve(group.messages.size());
  for (const MessageStored& message : group.messages) ordered.push_back(&message);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const MessageStored* a, const MessageStored* b) { return a->position < b->position; });
  std::vector<Line> lines;
  Joiner joiner;
  for (const MessageStored* message : ordered) {
    if (std::optional<Line> line = joiner.add(*message)) lines.push_back(std::move(*line));
  }
  const std::vector<Line> incomplete = joiner.incomplete();
  lines.insert(lines.end(), incomplete.begin(), incomplete.end());
  std::stable_sort(lines.begin(), lines.end(), earlier);
  return lines;
}

}  // namespace cwtch::client
