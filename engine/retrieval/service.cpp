#include "engine/retrieval/service.hpp"

#include <algorithm>
#include <chrono>

namespace cwtch::retrieval {
namespace {

bool has_parts(const pir::Scheme* scheme) {
  return scheme->fits({.rows = pir::kHotParts * pir::kPollPartRowsMin, .parts = pir::kHotParts}).has_value();
}

}  // namespace

Service::Service(const Options& options, io::Files& files, const Clock& clock, std::shared_ptr<log::Shared> log,
                 uint32_t shards, void* owner, Wake wake, Report report)
    : options_(options),
      context_{.server = options.server},
      polls_(options.polls && std::any_of(options.schemes.begin(), options.schemes.end(), has_parts)),
      files_(files),
      clock_(clock),
      log_(std::move(log)),
      owner_(owner),
      wake_(wake),
      report_(report),
      catalog_(std::make_shared<Catalog>()),
      queue_(options.queue),
      answered_(shards) {}

Service::~Service() {
  stop();
  for (std::thread& thread : threads_) thread.join();
}

void Service::start() {
  threads_.emplace_back([this] { build_loop(); });
  for (uint32_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { answer_loop(); });
}

void Service::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  work_.notify_all();
  layout_.notify_all();
}

std::shared_ptr<const Catalog> Service::catalog() const {
  const std::lock_guard lock(catalog_mutex_);
  return catalog_;
}

void Service::layout_moved() {
  const std::lock_guard lock(mutex_);
  layout_moved_ = true;
  layout_.notify_one();
}

// ---- databases ----

void Service::build_loop() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      layout_.wait(lock, [this] { return stopping_ || layout_moved_; });
      if (stopping_) return;
      layout_moved_ = false;
    }
    if (!build(*log_->layout())) return;
  }
}

// False: stopping.
bool Service::build(const log::Layout& layout) {
  auto next = std::make_shared<Catalog>();
  if (polls_) {
    auto windows = sealed_windows(files_, layout, options_.row_bytes);
    if (!windows) report_(owner_, "windows: " + windows.error().message());
    next->windows = windows ? std::move(*windows) : catalog()->windows;
    retire_polls(next->windows);
  }
  const std::shared_ptr<const Catalog> before = catalog();
  for (const pir::Scheme* scheme : options_.schemes) {
    const auto old = std::find_if(before->offers.begin(), before->offers.end(),
                                  [&](const Offer& offer) { return offer.scheme == scheme; });
    const Offer* const known = old == before->offers.end() ? nullptr : &*old;
    Result<Offer> offer = make_offer(*scheme, next->windows, known, layout);
    if (!offer && offer.error().code == Errc::cancelled) return false;
    if (offer) {
      next->offers.push_back(std::move(*offer));
    } else {
      report_(owner_, std::string(scheme->info().name) + ": " + offer.error().message());
      // What was offered before is no worse than it was, but its polls need the windows of then.
      if (known != nullptr) next->offers.push_back(*known);
      if (known != nullptr && next->windows != before->windows) next->offers.back().hot = next->offers.back().day = {};
    }
  }
  next->index();
  publish(std::move(next));
  return true;
}

void Service::publish(std::shared_ptr<const Catalog> catalog) {
  {
    const std::lock_guard lock(catalog_mutex_);
    catalog_.swap(catalog);
  }
  version_.fetch_add(1, std::memory_order_release);
}

void Service::retire_polls(const pir::WindowList& windows) {
  const std::shared_ptr<const Catalog> now = catalog();
  auto next = std::make_shared<Catalog>();
  next->windows = now->windows;
  next->offers = now->offers;
  bool outdated = false;
  const auto keep = [&](std::shared_ptr<const Database>& database, const std::optional<pir::Geometry>& geometry) {
    if (database == nullptr || (geometry && database->server->geometry() == *geometry)) return;
    database.reset();
    outdated = true;
  };
  for (Offer& offer : next->offers) {
    keep(offer.hot, pir::hot_database(windows, options_.row_bytes));
    keep(offer.day, pir::day_database(windows, options_.row_bytes));
  }
  if (!outdated) return;
  next->index();
  publish(std::move(next));
}

pir::Geometry Service::geometry_of(const pir::Grid::Stretch& stretch) const {
  return {.first_row = stretch.first_row, .rows = stretch.rows, .row_bytes = options_.row_bytes};
}

Result<Offer> Service::make_offer(const pir::Scheme& scheme, const pir::WindowList& windows, const Offer* before,
                                  const log::Layout& layout) {
  const Known known = before != nullptr ? before->all() : Known();
  Offer offer{.scheme = &scheme};
  // Polls first: whoever polls is waiting for the newest window.
  if (const Status added = add_polls(windows, known, layout, offer); !added) return fail(added.error());
  if (const Status added = add_history(known, layout, offer); !added) return fail(added.error());
  return offer;
}

Status Service::add_polls(const pir::WindowList& windows, const Known& known, const log::Layout& layout, Offer& offer) {
  double memory = 0;
  const auto add = [&](const std::optional<pir::Geometry>& geometry, std::shared_ptr<const Database>& to) -> Status {
    if (!geometry || !pir::check(*geometry) || !offer.scheme->fits(*geometry)) return {};
    const pir::Cost cost = offer.scheme->cost(*geometry, 1);
    memory += cost.server_bytes + cost.statics_bytes;
    if (memory > static_cast<double>(options_.poll_bytes_max)) return {};
    auto made = make_database(*offer.scheme, *geometry, known, layout);
    if (!made) return fail(made.error());
    to = std::move(*made);
    return {};
  };
  if (const Status added = add(pir::hot_database(windows, options_.row_bytes), offer.hot); !added) return added;
  return add(pir::day_database(windows, options_.row_bytes), offer.day);
}

Status Service::add_history(const Known& known, const log::Layout& layout, Offer& offer) {
  const pir::Scheme& scheme = *offer.scheme;
  const SealedRange sealed = sealed_range(layout);
  std::vector<pir::Grid::Stretch> stretches =
      grid_of(scheme, options_.rows_max).cover(sealed.first_row, sealed.end_row);
  // The newest that fit into the memory.
  double memory = 0;
  auto first = stretches.end();
  while (first != stretches.begin()) {
    const pir::Cost cost = scheme.cost(geometry_of(*std::prev(first)), 1);
    memory += cost.server_bytes + cost.statics_bytes;
    if (memory > static_cast<double>(options_.memory_bytes_max)) break;
    --first;
  }
  stretches.erase(stretches.begin(), first);

  for (const pir::Grid::Stretch& stretch : stretches) {
    auto made = make_database(scheme, geometry_of(stretch), known, layout);
    if (!made) return fail(made.error());
    offer.databases.push_back(std::move(*made));
  }
  if (!stretches.empty()) {
    offer.first_row = stretches.front().first_row;
    offer.end_row = stretches.back().first_row + stretches.back().rows;
  }
  return {};
}

Result<std::shared_ptr<const Database>> Service::make_database(const pir::Scheme& scheme, const pir::Geometry& geometry,
                                                               const Known& known, const log::Layout& layout) {
  std::vector<const pir::Server*> inside;  // known ones that make up the stretch
  uint64_t covered = geometry.first_row;
  for (const auto& database : known) {
    const pir::Geometry& other = database->server->geometry();
    if (other == geometry) return database;
    if (other.parts == 1 && other.first_row == covered && other.end_row() <= geometry.end_row()) {
      inside.push_back(database->server.get());
      covered = other.end_row();
    }
  }
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(Errc::cancelled, "retrieval: stopping");
  }
  std::unique_ptr<pir::Server> server;
  if (scheme.info().merges && geometry.parts == 1 && inside.size() > 1 && covered == geometry.end_row()) {
    server = scheme.merge(context_, inside);
  } else {
    const auto rows = SealedRows::load(files_, layout, geometry.first_row, geometry.rows, geometry.row_bytes);
    if (!rows) return fail(rows.error());
    server = scheme.serve(context_, geometry, *rows);
  }
  const pir::Cost cost = scheme.cost(geometry, 1);
  auto database = std::make_shared<Database>();
  database->scheme = &scheme;
  database->name = pir::name_of(geometry);
  database->server = std::move(server);
  database->request_bytes = static_cast<uint64_t>(cost.request_bytes);
  database->answer_bytes = static_cast<uint64_t>(cost.answer_bytes);
  return database;
}

// ---- queries ----

Service::Place Service::reserve() {
  if (places_.fetch_add(1, std::memory_order_relaxed) < options_.queue.queries_max) return Place(this);
  places_.fetch_sub(1, std::memory_order_relaxed);
  return {};
}

void Service::submit(Query& query) {
  CHECK(!query.in_flight);
  query.in_flight = true;
  const std::lock_guard lock(mutex_);
  CHECK(!queue_.full());  // there are no more places than that
  queue_.push(query.database.get(), &query, clock_.monotonic_ns());
  work_.notify_one();
}

void Service::answer_loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    const std::vector<void*> batch = queue_.take(clock_.monotonic_ns());
    if (batch.empty()) {
      const auto due = queue_.due_ns();
      if (!due && stopping_) return;
      if (!due) {
        work_.wait(lock);
      } else {
        const uint64_t now = clock_.monotonic_ns();
        if (*due > now) work_.wait_for(lock, std::chrono::nanoseconds(*due - now));
      }
      continue;
    }
    lock.unlock();
    std::vector<ByteView> requests;
    for (void* const query : batch) requests.push_back(static_cast<Query*>(query)->request);
    const pir::Server& server = *static_cast<Query*>(batch[0])->database->server;
    std::vector<Bytes> answers = server.answer(requests);
    for (size_t i = 0; i < batch.size(); ++i) {
      auto& query = *static_cast<Query*>(batch[i]);
      query.answer = std::move(answers[i]);
      const uint32_t shard = query.shard;
      {
        Answered& answered = answered_[shard];
        const std::lock_guard answered_lock(answered.mutex);
        answered.queries.push_back(&query);  // its shard may destroy it as soon as the lock is free
        answered.empty.store(false, std::memory_order_release);
      }
      wake_(owner_, shard);
    }
    lock.lock();
  }
}

void Service::collect(uint32_t shard) {
  Answered& answered = answered_[shard];
  std::vector<Query*> queries;
  {
    const std::lock_guard lock(answered.mutex);
    queries.swap(answered.queries);
    answered.empty.store(true, std::memory_order_release);
  }
  for (Query* const query : queries) {
    query->in_flight = false;
    query->callback(query->owner, *query);
  }
}

}  // namespace cwtch::retrieval
