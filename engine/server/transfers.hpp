// Queries that arrive and answers to them that leave, of one shard: bounded, and never full. When one more begins than
// there may be, the one that has been silent the longest ends. So whoever trickles pushes out others who trickle, and
// keeps nobody out who sends and takes at once.
//
// Thread: the shard's.
#pragma once

#include "engine/core/list.hpp"

namespace cwtch::server {

class Transfers {
 public:
  // A member of whoever sends or receives; in no list until it has moved. Ends when destroyed.
  class Transfer : public ListLink {
   public:
    ~Transfer() { end(); }
    void end() {
      if (!linked()) return;
      unlink();
      transfers_->count_ -= 1;
    }

   private:
    friend class Transfers;
    Transfers* transfers_ = nullptr;
    void* owner_ = nullptr;
  };
  using PushedOut = void (*)(void* owner);  // its transfer has ended by then

  Transfers(size_t count_max, PushedOut pushed_out) : count_max_(count_max), pushed_out_(pushed_out) {}

  // `transfer` begins, or goes on.
  void moved(Transfer& transfer, void* owner) {
    transfer.end();
    if (count_ == count_max_) {
      Transfer& silent = list_.front();
      void* const loser = silent.owner_;
      silent.end();
      pushed_out_(loser);
    }
    transfer.transfers_ = this;
    transfer.owner_ = owner;
    list_.push_back(transfer);
    count_ += 1;
  }

 private:
  const size_t count_max_;
  const PushedOut pushed_out_;
  size_t count_ = 0;
  List<Transfer> list_;
};

}  // namespace cwtch::server
