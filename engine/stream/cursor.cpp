#include "engine/stream/cursor.hpp"

#include <algorithm>
#include <cstring>

#include "engine/log/frame.hpp"

namespace cwtch::stream {
namespace {

constexpr size_t kHeartbeatBytes = sizeof(log::FrameHeader);  // a filler frame without payload

}  // namespace

Cursor::~Cursor() { CHECK(idle()); }

void Cursor::open_range(uint64_t offset, uint64_t end) {
  CHECK(mode_ == Mode::closed && offset <= end);
  offset_ = offset;
  end_ = end;
  if (offset < end) mode_ = Mode::range;
}

void Cursor::open_file(std::shared_ptr<const log::Segment> segment, uint64_t offset, uint64_t end) {
  CHECK(mode_ == Mode::closed && offset <= end && end <= segment->file_bytes);
  offset_ = offset;
  end_ = end;
  if (offset == end) return;
  segment_ = std::move(segment);
  mode_ = Mode::file;
}

void Cursor::open_index(const log::Reader::IndexRange& range) {
  CHECK(mode_ == Mode::closed && range.bytes() > 0);
  offset_ = range.offset;
  end_ = range.sealed_end + range.tail->size();
  tail_ = range.tail;
  mode_ = Mode::index;
}

void Cursor::open_index_file(std::shared_ptr<const log::Segment> segment, uint64_t offset, uint64_t end) {
  CHECK(mode_ == Mode::closed && offset <= end && end <= segment->index.bytes);
  offset_ = offset;
  end_ = end;
  if (offset == end) return;
  segment_ = std::move(segment);
  mode_ = Mode::index_file;
}

void Cursor::open_follow(uint64_t offset) {
  CHECK(mode_ == Mode::closed);
  offset_ = offset;
  end_ = UINT64_MAX;
  stage_ = Stage::between;
  heartbeat_due_ = finishing_ = false;
  mode_ = Mode::follow;
}

void Cursor::quiet() {
  ListLink::unlink();
  reader_.cancel(fetch_);
}

void Cursor::close() {
  quiet();
  view_.reset();
  block_.reset();
  segment_.reset();
  tail_.reset();
  mode_ = Mode::closed;
}

ByteView Cursor::index_tail() const {
  if (mode_ != Mode::index || end_ - offset_ > tail_->size()) return {};
  return ByteView(*tail_).last(end_ - offset_);
}

Result<log::View> Cursor::view(size_t size_max) {
  switch (mode_) {
    case Mode::file:
      return reader_.view_file(*segment_, offset_, size_max);
    case Mode::index:
      return reader_.view_index(offset_, std::min<uint64_t>(size_max, end_ - tail_->size() - offset_));
    case Mode::index_file:
      return reader_.view_index_file(*segment_, offset_, size_max);
    case Mode::closed:
    case Mode::range:
    case Mode::follow:
      break;
  }
  return reader_.view(offset_, size_max);
}

void Cursor::fetch() {
  if (fetch_.in_flight) return;
  switch (mode_) {
    case Mode::file:
      return reader_.fetch_file(fetch_, *segment_, offset_, &Cursor::fetched, this);
    case Mode::index:
      return reader_.fetch_index(fetch_, offset_, &Cursor::fetched, this);
    case Mode::index_file:
      return reader_.fetch_index_file(fetch_, *segment_, offset_, &Cursor::fetched, this);
    case Mode::closed:
    case Mode::range:
    case Mode::follow:
      break;
  }
  reader_.fetch(fetch_, offset_, &Cursor::fetched, this);
}

// Whether it worked is what view() says next.
void Cursor::fetched(void* cursor, log::Fetch&) { static_cast<Cursor*>(cursor)->owner_.cursor_ready(); }

Result<bool> Cursor::prepare() {
  if (mode_ == Mode::closed) return true;
  if (mode_ == Mode::follow && offset_ == reader_.committed().offset) return true;
  if (!index_tail().empty()) return true;
  const Result<log::View> first = view(1);
  if (first) return true;
  if (first.error().code != Errc::busy) return fail(first.error());
  fetch();
  return false;
}

Result<Cursor::Piece> Cursor::pull() {
  CHECK(view_.bytes().empty());
  if (mode_ == Mode::closed || fetch_.in_flight) return Piece{};
  if (mode_ == Mode::follow) return pull_follow();
  if (const ByteView tail = index_tail(); !tail.empty())
    return Piece{tail.first(std::min(tail.size(), kPieceBytesMax))};
  Result<log::View> bytes = view(std::min<uint64_t>(end_ - offset_, kPieceBytesMax));
  if (!bytes && bytes.error().code == Errc::busy) {
    fetch();
    return Piece{};
  }
  if (!bytes) return fail(bytes.error());
  CHECK(!bytes->bytes().empty());  // `end` was committed when it was chosen
  view_ = std::move(*bytes);
  return Piece{view_.bytes()};
}

void Cursor::sent(size_t size) {
  if (mode_ == Mode::closed) return;
  if (mode_ == Mode::follow) {
    sent_follow(size);
  } else {
    offset_ += size;
    CHECK(offset_ <= end_);
  }
  view_.reset();
  block_.reset();
  if (offset_ == end_) close();
}

bool Cursor::live() const {
  if (mode_ != Mode::follow) return false;
  if (stage_ == Stage::data) return false;
  if (stage_ == Stage::heartbeat || stage_ == Stage::last) return true;
  return reader_.committed().offset - offset_ <= Feed::kJoinBytesMax;
}

void Cursor::heartbeat() {
  if (mode_ != Mode::follow || stage_ != Stage::between) return;
  heartbeat_due_ = true;
  ListLink::unlink();
}

void Cursor::finish() {
  if (mode_ != Mode::follow) return;
  finishing_ = true;
  ListLink::unlink();
}

Cursor::Piece Cursor::small(bool more) const { return {ByteView(small_, small_bytes_).subspan(stage_sent_), more}; }

Result<Cursor::Piece> Cursor::pull_follow() {
  if (stage_ == Stage::between) {
    const Result<Piece> begun = begin_chunk();
    if (!begun || stage_ == Stage::between) return begun;
  }
  switch (stage_) {
    case Stage::head:
      return small(true);
    case Stage::heartbeat:
      return small(false);
    case Stage::end:
      return Piece{bytes_of(http::kChunkEnd).subspan(stage_sent_)};
    case Stage::last:
      return Piece{bytes_of(http::kLastChunk).subspan(stage_sent_)};
    case Stage::joined:
    case Stage::data:
    case Stage::between:
      break;
  }
  // A chunk lies within one view: the bytes that it was begun with are there in one piece, or on their way.
  const size_t rest = stage_ == Stage::data ? chunk_bytes_ - stage_sent_ : chunk_bytes_;
  Result<log::View> bytes = view(rest);
  if (!bytes && bytes.error().code == Errc::busy) {
    fetch();
    return Piece{};
  }
  if (!bytes) return fail(bytes.error());
  CHECK(bytes->bytes().size() == rest);
  if (stage_ == Stage::joined) {
    block_ = feed_.framed(offset_, bytes->bytes());
    if (block_) return Piece{block_.bytes().subspan(stage_sent_)};
    split_chunk();
    return pull_follow();
  }
  view_ = std::move(*bytes);
  return Piece{view_.bytes(), true};
}

// Decides what the next chunk is. Stays between chunks when there is nothing to say.
Result<Cursor::Piece> Cursor::begin_chunk() {
  stage_sent_ = 0;
  if (finishing_) {
    stage_ = Stage::last;
    return Piece{};
  }
  const Result<log::View> bytes = view(kPieceBytesMax);
  if (!bytes && bytes.error().code == Errc::busy) {
    fetch();
    return Piece{};
  }
  if (!bytes) return fail(bytes.error());
  if (!bytes->bytes().empty()) {
    heartbeat_due_ = false;
    chunk_bytes_ = static_cast<uint32_t>(bytes->bytes().size());
    stage_ = chunk_bytes_ <= Feed::kJoinBytesMax ? Stage::joined : Stage::head;
    if (stage_ == Stage::head) small_bytes_ = static_cast<uint8_t>(http::write_chunk_head(small_, chunk_bytes_));
    return Piece{};
  }
  if (heartbeat_due_) {
    heartbeat_due_ = false;
    stage_ = Stage::heartbeat;
    size_t size = http::write_chunk_head(small_, kHeartbeatBytes);
    log::write_filler({small_ + size, kHeartbeatBytes}, reader_.committed().end, kHeartbeatBytes);
    size += kHeartbeatBytes;
    std::memcpy(small_ + size, http::kChunkEnd.data(), http::kChunkEnd.size());
    small_bytes_ = static_cast<uint8_t>(size + http::kChunkEnd.size());
    return Piece{};
  }
  if (!ListLink::linked()) feed_.wait(*this);
  return Piece{};
}

// From one joined piece to three, wherever its sending has got to.
void Cursor::split_chunk() {
  small_bytes_ = static_cast<uint8_t>(http::write_chunk_head(small_, chunk_bytes_));
  stage_ = Stage::head;
  if (stage_sent_ < small_bytes_) return;
  stage_sent_ -= small_bytes_;
  stage_ = Stage::data;
  offset_ += std::min(stage_sent_, chunk_bytes_);
  if (stage_sent_ < chunk_bytes_) return;
  stage_sent_ -= chunk_bytes_;
  stage_ = Stage::end;
}

void Cursor::sent_follow(size_t size) {
  stage_sent_ += static_cast<uint32_t>(size);
  switch (stage_) {
    case Stage::between:
      CHECK(size == 0);
      break;
    case Stage::joined:
      if (block_ && stage_sent_ == block_.bytes().size()) {
        offset_ += chunk_bytes_;
        stage_ = Stage::between;
      }
      break;
    case Stage::head:
      if (stage_sent_ < small_bytes_) break;
      stage_ = Stage::data;
      stage_sent_ = 0;
      break;
    case Stage::data:
      offset_ += size;
      if (stage_sent_ < chunk_bytes_) break;
      stage_ = Stage::end;
      stage_sent_ = 0;
      break;
    case Stage::end:
      if (stage_sent_ == http::kChunkEnd.size()) stage_ = Stage::between;
      break;
    case Stage::heartbeat:
      if (stage_sent_ == small_bytes_) stage_ = Stage::between;
      break;
    case Stage::last:
      if (stage_sent_ == http::kLastChunk.size()) end_ = offset_;
      break;
  }
}

}  // namespace cwtch::stream
