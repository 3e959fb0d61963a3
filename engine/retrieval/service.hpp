// Private retrieval as a service: makes databases of what is sealed, and answers queries in batches, on threads of its
// own, so that no shard ever waits for it.
//
//   builder thread   the newest sealed rows -> missing databases, by merging where a scheme can -> a new Catalog
//   answer threads   QueryQueue -> Server::answer() for a batch -> each query's shard
//
// Bound:   queries_max queries that wait or are answered (a Place each); memory_bytes_max of databases per scheme, and
//          poll_bytes_max of those of polls: what does not fit is not offered, oldest first.
// Thread:  the service's own; what shards call takes a mutex that nobody holds for long.
// Order:   a query comes back once, on the thread that collects for its shard.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "engine/core/clock.hpp"
#include "engine/log/index_block.hpp"
#include "engine/retrieval/catalog.hpp"
#include "engine/retrieval/sealed_rows.hpp"
#include "pir/query_queue.hpp"

namespace cwtch::retrieval {

// One query of a client; a member of whoever waits for it.
struct Query {
  std::shared_ptr<const Database> database;
  Bytes request;
  Bytes answer;  // set when it is back
  uint32_t shard = 0;
  void (*callback)(void* owner, Query& query) = nullptr;
  void* owner = nullptr;
  bool in_flight = false;
  ~Query() { CHECK(!in_flight); }
};

class Service {
 public:
  struct Options {
    std::string server;  // hostname of the server's key
    std::vector<const pir::Scheme*> schemes;
    uint64_t rows_max = pir::Grid().rows_max;  // of a database
    uint32_t row_bytes = log::kRowBytesDefault;
    uint64_t memory_bytes_max = uint64_t{1} << 30;
    bool polls = true;  // databases over windows, for schemes that have parts
    uint64_t poll_bytes_max = uint64_t{3} << 30;
    uint32_t threads = 1;
    pir::QueryQueue::Options queue;
  };
  // Called by an answer thread when queries of this shard are back: collect() them.
  using Wake = void (*)(void* owner, uint32_t shard);
  // Text for the operator: a database that cannot be made, or begins not to fit. On the builder's thread.
  using Report = void (*)(void* owner, const std::string& what);

  Service(const Options& options, io::Files& files, const Clock& clock, std::shared_ptr<log::Shared> log,
          uint32_t shards, void* owner, Wake wake, Report report);
  ~Service();

  void start();
  // No new databases; queries in flight come back. Any thread.
  void stop();

  // What is offered now. Never null.
  std::shared_ptr<const Catalog> catalog() const;
  uint64_t catalog_version() const { return version_.load(std::memory_order_acquire); }
  // Segments were sealed, merged or retired: look again.
  void layout_moved();

  // A place for one query from when it is whole to when its answer is back.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : service_(std::exchange(other.service_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(service_, other.service_);
      return *this;
    }
    ~Place() {
      if (service_ != nullptr) service_->places_.fetch_sub(1, std::memory_order_relaxed);
    }
    explicit operator bool() const { return service_ != nullptr; }

   private:
    friend class Service;
    explicit Place(Service* service) : service_(service) {}
    Service* service_ = nullptr;
  };
  Place reserve();  // false: none is free

  // REQUIRES: it holds a Place, and its request has passed the database's check(). Calls back from
  // collect(query.shard).
  void submit(Query& query);
  // On shard `shard`'s thread: calls back for every query of its that is back.
  void collect(uint32_t shard);
  bool has_answers(uint32_t shard) const { return !answered_[shard].empty.load(std::memory_order_acquire); }

 private:
  struct Answered {
    std::mutex mutex;
    std::vector<Query*> queries;
    std::atomic<bool> empty{true};
  };

  void build_loop();
  void answer_loop();
  bool build(const log::Layout& layout);
  void publish(const pir::WindowList& windows, const std::vector<Offer>& offers);
  // Takes databases of polls that these windows do not have from the catalog, so that there is room for their
  // successors.
  void retire_polls(const pir::WindowList& windows);
  using Known = std::vector<std::shared_ptr<const Database>>;  // what a scheme has already
  // Both bring what was offered before up to date, or leave it where something new cannot be made: polls only if they
  // are of these windows.
  Status add_polls(const pir::WindowList& windows, const log::Layout& layout, Offer& offer);
  Status add_history(const pir::WindowList& windows, const log::Layout& layout, Offer& offer);
  Result<std::shared_ptr<const Database>> make_database(const pir::Scheme& scheme, const pir::Geometry& geometry,
                                                        const Known& known, const log::Layout& layout);
  pir::Geometry geometry_of(const pir::Grid::Stretch& stretch) const;

  const Options options_;
  const pir::Context context_;
  const bool polls_;  // wanted, and some scheme has parts
  io::Files& files_;
  const Clock& clock_;
  const std::shared_ptr<log::Shared> log_;
  void* const owner_;
  const Wake wake_;
  const Report report_;

  std::set<std::string> unfit_polls_;  // the builder's: what has been reported as too large, and still is

  mutable std::mutex catalog_mutex_;
  std::shared_ptr<const Catalog> catalog_;
  std::atomic<uint64_t> version_{0};

  std::mutex mutex_;  // of what follows
  std::condition_variable work_, layout_;
  pir::QueryQueue queue_;
  bool stopping_ = false;
  bool layout_moved_ = true;

  std::atomic<uint32_t> places_{0};
  std::vector<Answered> answered_;
  std::vector<std::thread> threads_;
};

}  // namespace cwtch::retrieval
