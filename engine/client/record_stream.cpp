#include "engine/client/record_stream.hpp"

namespace cwtch::client {
namespace {

constexpr size_t kFrameBytesMax = 5 << 20;  // a filler may be as long as the largest chunk

}  // namespace

RecordStream::RecordStream(log::Position position, std::optional<uint32_t> chain)
    : buffer_(kBufferBytes), position_(position), chain_(chain) {}

MutableBytes RecordStream::room() {
  if (buffer_.size() - size_ < kBufferBytes / 4) buffer_.resize(size_ + kBufferBytes);
  return MutableBytes(buffer_).subspan(size_);
}

Status RecordStream::received(size_t size, const std::function<Status(log::Position, ByteView)>& visit) {
  size_ += size;
  return walk(visit, std::nullopt);
}

Status RecordStream::received_until(size_t size, log::Position end,
                                    const std::function<Status(log::Position, ByteView)>& visit) {
  size_ += size;
  return walk(visit, end);
}

Status RecordStream::walk(const std::function<Status(log::Position, ByteView)>& visit,
                          std::optional<log::Position> end) {
  const ByteView bytes = ByteView(buffer_).first(size_);
  log::FrameWalker walker = chain_ ? log::FrameWalker(bytes, position_, *chain_) : log::FrameWalker(bytes, position_);
  while (!end || position_ < *end) {
    const Result<std::optional<log::Frame>> frame = walker.next();
    if (!frame) return fail(Errc::corrupt, frame.error().context);
    if (!*frame) break;
    chain_ = walker.chain();
    if ((*frame)->kind != log::FrameKind::record) continue;
    position_ = walker.position();
    if (const Status visited = visit((*frame)->position, (*frame)->payload); !visited) return visited;
  }
  const size_t rest = walker.rest().size();
  if (rest > kFrameBytesMax) return fail(Errc::corrupt, "log: frame of impossible size");
  std::memmove(buffer_.data(), buffer_.data() + walker.offset(), rest);
  size_ = rest;
  if (buffer_.size() > 2 * kBufferBytes && rest < kBufferBytes) {
    buffer_.resize(kBufferBytes + rest);
    buffer_.shrink_to_fit();
  }
  return {};
}

}  // namespace cwtch::client
