// An intrusive doubly linked list: no allocation, O(1) removal, an element is in at most one list per link.
// Elements leave by themselves when destroyed.
#pragma once

#include "engine/core/check.hpp"

namespace cwtch {

class ListLink {
 public:
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (!linked()) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T>
  friend class List;
  ListLink* next_ = nullptr;
  ListLink* previous_ = nullptr;
};

// T derives from ListLink (once; a type that sits in two lists has a member struct per further list).
template <class T>
class List {
 public:
  List() { head_.next_ = head_.previous_ = &head_; }
  ~List() {
    while (!empty()) pop_front();
    head_.next_ = head_.previous_ = nullptr;
  }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  bool empty() const { return head_.next_ == &head_; }
  T& front() {
    CHECK(!empty());
    return static_cast<T&>(*head_.next_);
  }
  T& back() {
    CHECK(!empty());
    return static_cast<T&>(*head_.previous_);
  }
  void push_back(T& element) { insert(element, head_); }
  void push_front(T& element) { insert(element, *head_.next_); }
  T& pop_front() {
    T& element = front();
    static_cast<ListLink&>(element).unlink();
    return element;
  }
  // nullptr at the end. Read the next one before `element` is unlinked.
  T* next(T& element) {
    ListLink* const n = static_cast<ListLink&>(element).next_;
    return n == &head_ ? nullptr : static_cast<T*>(n);
  }
  // Moves all elements of `other` behind our own.
  void splice_back(List& other) {
    while (!other.empty()) push_back(other.pop_front());
  }

 private:
  void insert(ListLink& link, ListLink& before) {
    CHECK(!link.linked());
    link.next_ = &before;
    link.previous_ = before.previous_;
    before.previous_->next_ = &link;
    before.previous_ = &link;
  }

  ListLink head_;
};

}  // namespace cwtch
