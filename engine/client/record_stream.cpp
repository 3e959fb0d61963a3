#include "engine/client/record_stream.hpp"

namespace cwtch::client {

RecordStream::RecordStream(log::Position position, std::optional<uint32_t> chain)
    : position_(position), chain_(chain) {}

MutableBytes RecordStream::room() {
  if (buffer_.size() < size_ + kReceiveBytes) buffer_.resize(size_ + kReceiveBytes);
  return MutableBytes(buffer_).subspan(size_, kReceiveBytes);
}

Status RecordStream::received(size_t size, Visitor& visitor, std::optional<log::Position> end) {
  size_ += size;
  CHECK(size_ <= buffer_.size());
  const ByteView bytes = ByteView(buffer_).first(size_);
  log::FrameWalker walker = chain_ ? log::FrameWalker(bytes, position_, *chain_) : log::FrameWalker(bytes, position_);
  while (!end || position_ < *end) {
    const Result<std::optional<log::Frame>> frame = walker.next();
    if (!frame) {
      if (!walked_ && chain_)
        return fail(Errc::corrupt, "server: what it serves does not continue what it served before");
      return fail(Errc::corrupt, frame.error().context);
    }
    if (!*frame) break;
    walked_ = true;
    chain_ = walker.chain();
    if ((*frame)->kind == log::FrameKind::anchor) visitor.anchor(walker.position(), *chain_);
    if ((*frame)->kind != log::FrameKind::record) continue;
    position_ = walker.position();
    if (const Status seen = visitor.record((*frame)->position, (*frame)->payload, *chain_); !seen) return seen;
  }
  const size_t rest = walker.rest().size();
  if (rest > kFrameBytesMax) return fail(Errc::corrupt, "log: a frame of impossible size");
  std::memmove(buffer_.data(), buffer_.data() + walker.offset(), rest);
  size_ = rest;
  if (buffer_.size() > 4 * kReceiveBytes && rest <= kReceiveBytes) {
    buffer_.resize(2 * kReceiveBytes);
    buffer_.shrink_to_fit();
  }
  return {};
}

}  // namespace cwtch::client
