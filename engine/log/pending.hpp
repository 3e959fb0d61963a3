// Posts whose keys may be known already: the key index had no quick "absent", so its runs and perhaps a record have to
// be read before the post can be placed.
//
// Thread: the writer's. Bounded: no more than kPendingMax records are kept; the next one is told to try again.
#pragma once

#include <memory>
#include <vector>

#include "engine/log/key_index.hpp"
#include "engine/log/log.hpp"
#include "engine/log/reader.hpp"
#include "engine/log/tail.hpp"

namespace cwtch::log {

class PendingPosts {
 public:
  static constexpr size_t kPendingMax = 256;

  // What becomes of a post.
  class Owner {
   public:
    // Neither key is known: place the record now.
    virtual void pending_absent(Append& append, ByteView record, const std::array<Key, 2>& keys) = 0;
    // The identical record is at `position`, durable or about to be.
    virtual void pending_repeated(Append& append, Position position) = 0;
    virtual void pending_failed(Append& append, const Error& error) = 0;

   protected:
    ~Owner() = default;
  };

  PendingPosts(KeyIndex& index, const Tail& tail, Owner& owner);
  ~PendingPosts();  // REQUIRES: empty()

  void start(Reader& reader) { reader_ = &reader; }
  bool empty() const { return posts_.empty(); }
  bool full() const { return posts_.size() >= kPendingMax; }
  // Takes a copy of the record. REQUIRES: !full(). May end before it returns.
  void add(Append& append, ByteView record, const std::array<Key, 2>& keys);
  // A record with these keys was placed: whoever waits with one of them has to ask again.
  void placed(const std::array<Key, 2>& keys);

 private:
  struct Post;

  void ask(Post& post);
  void judge(Post& post);
  void compare(Post& post, ByteView other, Position position);
  void look_done(Post& post);
  void find_done(Post& post);
  std::unique_ptr<Post> take(Post& post);

  KeyIndex& index_;
  const Tail& tail_;
  Owner& owner_;
  Reader* reader_ = nullptr;
  std::vector<std::unique_ptr<Post>> posts_;
};

}  // namespace cwtch::log
