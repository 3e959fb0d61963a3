#include "engine/server/mailbox.hpp"

#include <bit>

#include "engine/core/codec.hpp"
#include "engine/log/mutant.hpp"

namespace cwtch::server {

RecordRing::RecordRing(size_t ring_bytes) : memory_(new uint8_t[ring_bytes]), ring_bytes_(ring_bytes) {
  CHECK(std::has_single_bit(ring_bytes));
}

bool RecordRing::push(void* tag, ByteView record) {
  const size_t entry_bytes = round_up(sizeof(Entry) + record.size(), sizeof(Entry));
  const uint64_t tail = tail_.load(std::memory_order_relaxed);
  const size_t at = tail & (ring_bytes_ - 1);
  // Positions are multiples of 16, so at the end there is always room for the header that says "skip".
  const size_t skip = ring_bytes_ - at < entry_bytes ? ring_bytes_ - at : 0;
  const uint64_t used = tail - head_.load(std::memory_order_acquire);
  if (used + skip + entry_bytes > ring_bytes_) return false;
  if (skip != 0) {
    const Entry entry{nullptr, 0, static_cast<uint32_t>(skip)};
    std::memcpy(memory_.get() + at, &entry, sizeof entry);
  }
  uint8_t* const to = memory_.get() + (skip != 0 ? 0 : at);
  const Entry entry{tag, static_cast<uint32_t>(record.size()), static_cast<uint32_t>(entry_bytes)};
  std::memcpy(to, &entry, sizeof entry);
  // The bytes come before the tail that shows them. The mutant shows what lies there before they do.
  const bool bytes_late = mutant(log::Mutant::mailbox_out_of_order);
  if (!record.empty() && !bytes_late) std::memcpy(to + sizeof entry, record.data(), record.size());
  tail_.store(tail + skip + entry_bytes, std::memory_order_release);
  return true;
}

bool RecordRing::front(void*& tag, ByteView& record) {
  uint64_t head = head_.load(std::memory_order_relaxed);
  const uint64_t tail = tail_.load(std::memory_order_acquire);
  while (head != tail) {
    const uint8_t* const from = memory_.get() + (head & (ring_bytes_ - 1));
    Entry entry;
    std::memcpy(&entry, from, sizeof entry);
    if (entry.tag != nullptr) {
      tag = entry.tag;
      record = {from + sizeof entry, entry.record_bytes};
      return true;
    }
    head += entry.entry_bytes;
    head_.store(head, std::memory_order_release);
  }
  return false;
}

void RecordRing::pop() {
  const uint64_t head = head_.load(std::memory_order_relaxed);
  Entry entry;
  std::memcpy(&entry, memory_.get() + (head & (ring_bytes_ - 1)), sizeof entry);
  CHECK(entry.tag != nullptr);
  head_.store(head + entry.entry_bytes, std::memory_order_release);
}

Mailbox::Mailbox(size_t posts_max, size_t ring_bytes)
    : posts_max_(posts_max), posts_(ring_bytes), replies_(std::bit_ceil(posts_max)) {}

bool Mailbox::send(log::Append& append, ByteView record) {
  if (in_flight_ == posts_max_ || !posts_.push(&append, record)) return false;
  in_flight_ += 1;
  return true;
}

bool Mailbox::receive(Reply& reply) {
  if (!replies_.pop(reply)) return false;
  CHECK(in_flight_ > 0);
  in_flight_ -= 1;
  return true;
}

bool Mailbox::take(log::Append*& append, ByteView& record) {
  void* tag = nullptr;
  if (!posts_.front(tag, record)) return false;
  append = static_cast<log::Append*>(tag);
  return true;
}

void Mailbox::release() { posts_.pop(); }

void Mailbox::reply(const Reply& reply) { CHECK(replies_.push(reply)); }

}  // namespace cwtch::server
