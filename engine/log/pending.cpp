#include "engine/log/pending.hpp"

#include <algorithm>

#include "engine/log/frame.hpp"

namespace cwtch::log {

struct PendingPosts::Post {
  PendingPosts* parent;
  Append* append;
  Bytes record;
  std::array<Key, 2> keys;
  int key = 0;           // which of the two is asked for
  bool again = false;    // a record with one of the keys was placed meanwhile
  size_t candidate = 0;  // of lookup.candidates
  Lookup lookup;
  Fetch fetch;
};

PendingPosts::PendingPosts(KeyIndex& index, const Tail& tail, Owner& owner)
    : index_(index), tail_(tail), owner_(owner) {}

PendingPosts::~PendingPosts() { CHECK(posts_.empty()); }

void PendingPosts::add(Append& append, ByteView record, const std::array<Key, 2>& keys) {
  CHECK(!full());
  auto post = std::make_unique<Post>();
  post->parent = this;
  post->append = &append;
  post->record.assign(record.begin(), record.end());
  post->keys = keys;
  posts_.push_back(std::move(post));
  ask(*posts_.back());
}

void PendingPosts::placed(const std::array<Key, 2>& keys) {
  for (const auto& post : posts_) {
    for (size_t i = 0; i < 2; ++i) post->again |= post->keys[i].fingerprint == keys[i].fingerprint;
  }
}

std::unique_ptr<PendingPosts::Post> PendingPosts::take(Post& post) {
  const auto at = std::find_if(posts_.begin(), posts_.end(), [&](const auto& p) { return p.get() == &post; });
  std::unique_ptr<Post> taken = std::move(*at);
  posts_.erase(at);
  return taken;
}

void PendingPosts::ask(Post& post) {
  post.candidate = 0;
  const auto done = [](void* self, Lookup&) {
    auto* const waiting = static_cast<Post*>(self);
    waiting->parent->look_done(*waiting);
  };
  if (index_.lookup(post.lookup, post.keys[static_cast<size_t>(post.key)].fingerprint, done, &post)) look_done(post);
}

void PendingPosts::look_done(Post& post) {
  if (!post.lookup.result) {
    const std::unique_ptr<Post> taken = take(post);
    return owner_.pending_failed(*taken->append, taken->lookup.result.error());
  }
  judge(post);
}

// Looks at the candidates from post.candidate on; a fingerprint alone decides nothing.
void PendingPosts::judge(Post& post) {
  while (post.candidate < post.lookup.candidates.size()) {
    const Position position = post.lookup.candidates[post.candidate];
    if (position >= tail_.first()) {
      if (position >= tail_.next()) {
        post.candidate += 1;
        continue;
      }
      return compare(post, tail_.record(position), position);
    }
    const auto found = [](void* self, Fetch&) {
      auto* const waiting = static_cast<Post*>(self);
      waiting->parent->find_done(*waiting);
    };
    return reader_->find(post.fetch, position, found, &post);
  }
  if (post.key == 0) {
    post.key = 1;
    return ask(post);
  }
  if (post.again) {
    post.again = false;
    post.key = 0;
    return ask(post);
  }
  const std::unique_ptr<Post> taken = take(post);
  owner_.pending_absent(*taken->append, taken->record, taken->keys);
}

void PendingPosts::find_done(Post& post) {
  const Position position = post.lookup.candidates[post.candidate];
  if (!post.fetch.result) {
    const Error error = post.fetch.result.error();
    if (error.code == Errc::gone || error.code == Errc::not_found) {  // retention took it meanwhile
      post.candidate += 1;
      return judge(post);
    }
    const std::unique_ptr<Post> taken = take(post);
    return owner_.pending_failed(*taken->append, error);
  }
  const Result<View> view = reader_->view(post.fetch.offset, kRecordFrameBytesMax);
  if (!view) {
    if (view.error().code == Errc::busy) {  // the chunk was dropped again: ask once more
      return judge(post);
    }
    const std::unique_ptr<Post> taken = take(post);
    return owner_.pending_failed(*taken->append, view.error());
  }
  // The chunk was verified when it was read; the frame starts here.
  const ByteView bytes = view->bytes();
  CHECK(bytes.size() >= sizeof(FrameHeader));
  const size_t size = load_le<uint32_t>(bytes.data()) & 0xFFFFFF;
  CHECK(load_le<uint64_t>(bytes.data() + 8) == position.value && bytes.size() >= sizeof(FrameHeader) + size);
  compare(post, bytes.subspan(sizeof(FrameHeader), size), position);
}

void PendingPosts::compare(Post& post, ByteView other, Position position) {
  if (equal_vartime(other, post.record)) {
    const std::unique_ptr<Post> taken = take(post);
    return owner_.pending_repeated(*taken->append, position);
  }
  const bool same = post.key == 0 ? equal_vartime(signature_of(other), signature_of(post.record))
                                  : equal_vartime(nonce_of(other), nonce_of(post.record));
  if (same) {
    const std::unique_ptr<Post> taken = take(post);
    return owner_.pending_failed(*taken->append, {Errc::conflict, 0,
                                                  post.key == 0 ? "post: this signature is taken by another record"
                                                                : "post: this nonce is taken by another record"});
  }
  post.candidate += 1;
  judge(post);
}

}  // namespace cwtch::log
