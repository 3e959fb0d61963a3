#include "engine/retrieval/service.hpp"

#include <algorithm>
#include <chrono>

namespace cwtch::retrieval {
namespace {

constexpr const char* kAsBefore = "; what was offered before still is";

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
  pir::WindowList windows;
  if (polls_) {
    auto sealed = sealed_windows(files_, layout, options_.row_bytes);
    if (!sealed) report_(owner_, "windows: " + sealed.error().message() + kAsBefore);
    windows = sealed ? std::move(*sealed) : catalog()->windows;
    retire_polls(windows);
  }
  const std::shared_ptr<const Catalog> before = catalog();
  std::vector<Offer> offers;
  for (const pir::Scheme* scheme : options_.schemes) {
    const auto old = std::find_if(before->offers.begin(), before->offers.end(),
                                  [&](const Offer& offer) { return offer.scheme == scheme; });
    offers.push_back(old == before->offers.end() ? Offer{.scheme = scheme} : *old);
  }
  // Polls first, of all schemes, and at once: whoever polls is waiting for the newest window, and history takes long.
  for (const auto add : {&Service::add_polls, &Service::add_history}) {
    for (Offer& offer : offers) {
      const Status added = (this->*add)(windows, layout, offer);
      if (!added && added.error().code == Errc::cancelled) return false;
      if (!added) report_(owner_, std::string(offer.scheme->info().name) + ": " + added.error().message() + kAsBefore);
    }
    publish(windows, offers);
  }
  return true;
}

void Service::publish(const pir::WindowList& windows, const std::vector<Offer>& offers) {
  auto made = std::make_shared<Catalog>();
  made->windows = windows;
  made->offers = offers;
  made->index();
  std::shared_ptr<const Catalog> catalog = std::move(made);
  {
    const std::lock_guard lock(catalog_mutex_);
    catalog_.swap(catalog);
  }
  version_.fetch_add(1, std::memory_order_release);
}

void Service::retire_polls(const pir::WindowList& windows) {
  const std::shared_ptr<const Catalog> now = catalog();
  std::vector<Offer> offers = now->offers;
  bool outdated = false;
  for (Offer& offer : offers) {
    const auto keep = [&](std::shared_ptr<const Database>& database, const std::optional<pir::Geometry>& geometry) {
      if (database == nullptr || (geometry && database->server->geometry() == *geometry)) return;
      database.reset();
      offer.polls_in_the_making = outdated = true;
    };
    keep(offer.hot, pir::hot_database(windows, options_.row_bytes));
    keep(offer.day, pir::day_database(windows, options_.row_bytes));
  }
  if (outdated) publish(now->windows, offers);
}

pir::Geometry Service::geometry_of(const pir::Grid::Stretch& stretch) const {
  return {.first_row = stretch.first_row, .rows = stretch.rows, .row_bytes = options_.row_bytes};
}

Status Service::add_polls(const pir::WindowList& windows, const log::Layout& layout, Offer& offer) {
  const Known known = offer.all();
  offer.hot = offer.day = {};
  offer.polls_in_the_making = false;
  double memory = 0;
  const auto add = [&](const char* which, const std::optional<pir::Geometry>& geometry,
                       std::shared_ptr<const Database>& to) -> Status {
    if (!geometry || !pir::check(*geometry) || !offer.scheme->fits(*geometry)) return {};
    const pir::Cost cost = offer.scheme->cost(*geometry, 1);
    memory += cost.server_bytes + cost.statics_bytes;
    const bool fits = memory <= static_cast<double>(options_.poll_bytes_max);
    const std::string what = std::string(offer.scheme->info().name) + "'s " + which + " database of polls";
    if (fits) {
      unfit_polls_.erase(what);
    } else if (unfit_polls_.insert(what).second) {
      report_(owner_, what + " is not offered: it would take the memory of polls to " +
                          std::to_string(static_cast<uint64_t>(memory)) + " bytes, and poll_bytes_max is " +
                          std::to_string(options_.poll_bytes_max));
    }
    if (!fits) return {};
    auto made = make_database(*offer.scheme, *geometry, known, layout);
    if (!made) return fail(made.error());
    to = std::move(*made);
    return {};
  };
  const Status added = add("hot", pir::hot_database(windows, options_.row_bytes), offer.hot);
  if (!added) return added;
  return add("day", pir::day_database(windows, options_.row_bytes), offer.day);
}

Status Service::add_history(const pir::WindowList&, const log::Layout& layout, Offer& offer) {
  const Known known = offer.all();
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

  std::vector<std::shared_ptr<const Database>> databases;
  for (const pir::Grid::Stretch& stretch : stretches) {
    auto made = make_database(scheme, geometry_of(stretch), known, layout);
    if (!made) return fail(made.error());
    databases.push_back(std::move(*made));
  }
  offer.databases = std::move(databases);
  offer.first_row = stretches.empty() ? 0 : stretches.front().first_row;
  offer.end_row = stretches.empty() ? 0 : stretches.back().first_row + stretches.back().rows;
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
