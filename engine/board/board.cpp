#include "engine/board/board.hpp"

#include "engine/core/check.hpp"

namespace cwtch::board {

Board::Board(LogGate& log, Admission& admission, const Options& options)
    : log_(log), admission_(admission), options_(options) {}

Board::~Board() { CHECK(idle()); }

Status Board::before_log(ByteView record, ByteView credential) {
  if (const Status form = check_form(record); !form) return form;
  if (log_.read_only()) return fail(Errc::read_only, "post: the log accepts no posts");
  if (draining_) return fail(Errc::busy, "post: the server is shutting down");
  if (in_flight_ >= options_.posts_in_flight_max) return fail(Errc::busy, "post: too many posts in flight");
  return admission_.admit(credential, record);
}

void Board::post(Post& post, ByteView record, ByteView credential, void (*callback)(void* owner, Post& post),
                 void* owner) {
  CHECK(!post.in_flight());
  CHECK(callback != nullptr);
  post.board_ = this;
  post.callback_ = callback;
  post.owner_ = owner;
  if (const Status allowed = before_log(record, credential); !allowed) return finish(post, fail(allowed.error()));
  ++in_flight_;
  log_.append(post.append_, record, append_done, &post);
}

void Board::append_done(void* owner, log::Append& append) {
  Post& post = *static_cast<Post*>(owner);
  Board& board = *post.board_;
  CHECK(board.in_flight_ > 0);
  --board.in_flight_;
  if (!append.result) return board.finish(post, fail(append.result.error()));
  board.finish(post, Post::Done{append.result->position, append.result->repeated});
}

void Board::finish(Post& post, Result<Post::Done> result) {
  post.result = std::move(result);
  if (post.result) {
    ++(post.result->repeated ? statistics_.repeated : statistics_.accepted);
  } else {
    switch (post.result.error().code) {
      case Errc::malformed:
        ++statistics_.malformed;
        break;
      case Errc::too_large:
        ++statistics_.too_large;
        break;
      case Errc::conflict:
        ++statistics_.conflicts;
        break;
      case Errc::denied:
        ++statistics_.denied;
        break;
      case Errc::busy:
        ++statistics_.busy;
        break;
      case Errc::read_only:
      case Errc::no_space:
        ++statistics_.read_only;
        break;
      default:
        ++statistics_.failed;
    }
  }
  post.callback_(post.owner_, post);  // last: the owner may start the post again or destroy it
}

}  // namespace cwtch::board
