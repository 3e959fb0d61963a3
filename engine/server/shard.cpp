#include "engine/server/shard.hpp"

#include <algorithm>

#include "engine/server/safe_log.hpp"
#include "engine/server/session.hpp"

namespace cwtch::server {
namespace {

constexpr uint64_t kTickNs = 250 * kMillisecond;
constexpr size_t kMailboxPosts = 4096;
constexpr size_t kMailboxBytes = 8 << 20;
constexpr uint64_t kDrainNs = 2 * kSecond;
constexpr size_t kDamagedFilesMax = 1000;  // each is reported once

log::Reader::Options reader_options(const Config& config) {
  log::Reader::Options options;
  options.cache_bytes = config.cache_bytes;
  options.read_ahead_chunks = static_cast<uint32_t>(config.read_ahead_chunks);
  return options;
}

http::DatabaseEntry entry_of(const retrieval::Database& database) {
  const pir::Geometry& geometry = database.server->geometry();
  std::vector<http::DatabaseEntry::Static> statics;
  for (const pir::Blob& blob : database.server->statics()) statics.push_back({blob.sha256, blob.bytes.size()});
  return {.name = database.name,
          .first_row = geometry.first_row,
          .rows = geometry.rows,
          .parts = geometry.parts,
          .partition = pir::name(geometry.partition),
          .request_bytes = database.request_bytes,
          .answer_bytes = database.answer_bytes,
          .statics = std::move(statics)};
}

http::DatabasesDocument document_of(const retrieval::Catalog& catalog, const Config& config, uint32_t row_bytes) {
  http::DatabasesDocument document{
      .row_bytes = row_bytes, .windows_first_row = catalog.windows.first_row, .windows = {}, .offers = {}};
  for (const pir::Window& window : catalog.windows.windows) document.windows.push_back({window.hour, window.end_row});
  for (const retrieval::Offer& offer : catalog.offers) {
    const pir::Grid grid = retrieval::grid_of(*offer.scheme, config.database_rows_max);
    http::OfferEntry entry{.scheme = offer.scheme->info().name,
                           .parameters = offer.scheme->info().parameters,
                           .unit = grid.unit,
                           .factor = grid.factor,
                           .rows_max = grid.rows_max,
                           .first_row = offer.first_row,
                           .end_row = offer.end_row,
                           .databases = {},
                           .hot = {},
                           .day = {}};
    for (const auto& database : offer.databases) entry.databases.push_back(entry_of(*database));
    if (offer.hot != nullptr) entry.hot = entry_of(*offer.hot);
    if (offer.day != nullptr) entry.day = entry_of(*offer.day);
    document.offers.push_back(std::move(entry));
  }
  return document;
}

}  // namespace

ShardParts::ShardParts(std::unique_ptr<io::Io> io, const ShardContext& context)
    : io_(std::move(io)),
      reader_(log::Reader::make(*io_, context.files, context.log, reader_options(context.config))) {}

Shard::Shard(ShardContext& context, uint32_t number, std::unique_ptr<io::Io> owned_io, log::Log* log)
    : ShardParts(std::move(owned_io), context),
      Services(*io_, *reader_, feed_, board_, send_queue_, request_deadlines_, idle_deadlines_, stall_deadlines_,
               heartbeats_, transfers_, context.config.leaky_modes, context.retrieval, context.query_admission, number),
      context_(context),
      number_(number),
      log_(log),
      feed_(*reader_),
      board_(*this, context.admission, {}),
      send_queue_(context.config.bulk_bytes_per_turn),
      request_deadlines_(context.config.request_s * kSecond, &Session::deadline_expired),
      idle_deadlines_(context.config.idle_s * kSecond, &Session::deadline_expired),
      stall_deadlines_(context.config.stall_s * kSecond, &Session::deadline_expired),
      heartbeats_(context.config.heartbeat_s * kSecond, &Session::deadline_expired),
      transfers_(context.config.queries_max, &Session::pushed_out),
      mailbox_(log == nullptr ? kMailboxPosts : 1, log == nullptr ? kMailboxBytes : 4096) {}

Shard::~Shard() {
  if (phase_ == Phase::serving && !tick_.in_flight()) {  // the server did not get as far as run()
    for (const auto& listener : listeners_) {
      listener->stop();
      while (!listener->idle()) io_->turn(true);
    }
  }
  CHECK(sessions_.empty());
}

Status Shard::listen(const std::vector<io::Address>& addresses) {
  for (const io::Address& address : addresses) {
    listeners_.push_back(std::make_unique<net::Listener>(*io_, static_cast<net::Listener::Owner&>(*this)));
    net::Listener::Options options;
    options.address = address;
    options.socket.reuse_port = context_.config.shards > 1;
    options.socket.backlog = 4096;
    options.socket.send_buffer_bytes = static_cast<int>(context_.config.send_buffer_bytes);
    if (const Status started = listeners_.back()->start(options); !started) return started;
  }
  return {};
}

void Shard::run() {
  while (phase_ != Phase::over) turn(true);
}

void Shard::wake(Shard* from) {
  if (asleep_.exchange(false, std::memory_order_acq_rel)) io_->notify(from == nullptr ? nullptr : from->io_.get());
}

void Shard::wake_for_news(Shard* from) {
  if (wants_news_.exchange(false, std::memory_order_acq_rel)) wake(from);
}

// What others may have put here since the last turn looked.
bool Shard::work_outside() const {
  if (phase_ == Phase::serving && context_.stopping.load(std::memory_order_acquire)) return true;
  if (context_.log->layout_version.load(std::memory_order_acquire) != reader_->layout().version) return true;
  if (feed_.has_waiters() && context_.log->committed().offset != reader_->committed().offset) return true;
  if (context_.retrieval != nullptr && context_.retrieval->has_answers(number_)) return true;
  if (log_ == nullptr) return mailbox_.has_replies();
  if (phase_ == Phase::closing && context_.posting_shards.load(std::memory_order_acquire) == 0) return true;
  return std::any_of(context_.shards.begin(), context_.shards.end(),
                     [this](const auto& shard) { return shard.get() != this && shard->mailbox_.has_posts(); });
}

void Shard::turn(bool may_wait) {
  if (!tick_.in_flight() && phase_ == Phase::serving) {
    io_->on_notify([](void*) {}, nullptr);
    reader_->populate();
    if (log_ != nullptr) {
      log_->start(*io_);
      log_->on_published(&Shard::published, this);
    }
    io_->timer(tick_, kTickNs, io::then<&Shard::tick>(this));
  }
  bool wait = may_wait && send_queue_.empty() && phase_ != Phase::over;
  if (wait) {
    wants_news_.exchange(feed_.has_waiters(), std::memory_order_acq_rel);
    asleep_.exchange(true, std::memory_order_acq_rel);
    wait = !work_outside();
  }
  io_->turn(wait);
  // An exchange, not a store: what others did before they found us awake is seen below.
  asleep_.exchange(false, std::memory_order_acq_rel);
  if (log_ != nullptr) {
    take_posts();
    log_->turn_end();
  } else {
    take_replies();
  }
  if (context_.retrieval != nullptr && context_.retrieval->has_answers(number_)) context_.retrieval->collect(number_);
  reader_->refresh();
  feed_.publish();
  send_queue_.run();
  closed_sessions_.clear();

  wake_others();
  if (phase_ != Phase::serving || context_.stopping.load(std::memory_order_acquire)) advance_shutdown();
  if (may_wait) return;
  // Whoever calls turn(false) comes back when the Io has something: others must say so to it.
  wants_news_.store(feed_.has_waiters());
  asleep_.store(true);
}

void Shard::wake_others() {
  for (Shard* const shard : to_wake_) shard->wake(this);
  to_wake_.clear();
  if (!std::exchange(published_, false)) return;
  // A new layout is adopted soon even by a shard that nobody reads from: it holds files that retention has removed.
  const uint64_t layout = context_.log->layout_version.load(std::memory_order_acquire);
  const bool layout_moved = std::exchange(published_layout_, layout) != layout;
  if (layout_moved && context_.retrieval != nullptr) context_.retrieval->layout_moved();
  for (const auto& shard : context_.shards) {
    if (shard.get() == this) continue;
    if (layout_moved) {
      shard->wake(this);
    } else {
      shard->wake_for_news(this);
    }
  }
}

// ---- posts ----

void Shard::append(log::Append& append, ByteView record, void (*callback)(void*, log::Append&), void* owner) {
  if (log_ != nullptr) return log_->append(append, record, callback, owner);
  append.callback = callback;
  append.owner = owner;
  if (!mailbox_.send(append, record)) {
    append.result = fail(Errc::busy, "post: too many are on their way to the log");
    return callback(owner, append);
  }
  append.in_flight = true;
  if (std::find(to_wake_.begin(), to_wake_.end(), context_.writer) == to_wake_.end())
    to_wake_.push_back(context_.writer);
}

void Shard::take_posts() {
  for (const auto& shard : context_.shards) {
    if (shard.get() == this) continue;
    Mailbox& mailbox = shard->mailbox_;
    log::Append* origin = nullptr;
    ByteView record;
    while (mailbox.take(origin, record)) {
      std::unique_ptr<Remote> remote;
      if (remotes_free_.empty()) {
        remote = std::make_unique<Remote>();
      } else {
        remote = std::move(remotes_free_.back());
        remotes_free_.pop_back();
      }
      remote->origin = origin;
      remote->mailbox = &mailbox;
      remote->shard = shard.get();
      remote->writer = this;
      Remote* const started = remote.release();  // its own again in remote_done()
      log_->append(started->append, record, &Shard::remote_done, started);
      mailbox.release();
    }
  }
}

void Shard::remote_done(void* owner, log::Append& append) {
  std::unique_ptr<Remote> remote(static_cast<Remote*>(owner));
  Shard& writer = *remote->writer;
  remote->mailbox->reply({remote->origin, append.result});
  if (std::find(writer.to_wake_.begin(), writer.to_wake_.end(), remote->shard) == writer.to_wake_.end())
    writer.to_wake_.push_back(remote->shard);
  writer.remotes_free_.push_back(std::move(remote));
}

void Shard::take_replies() {
  Mailbox::Reply reply;
  while (mailbox_.receive(reply)) {
    reply.append->in_flight = false;
    reply.append->result = reply.result;
    reply.append->callback(reply.append->owner, *reply.append);
  }
}

void Shard::published(void* shard) { static_cast<Shard*>(shard)->published_ = true; }

// ---- connections ----

void Shard::accepted(io::Socket socket, bool zero_copy) {
  auto session = std::make_unique<Session>(static_cast<Services&>(*this));
  sessions_.push_back(*session);
  sessions_count_ += 1;
  counters_.accepted.fetch_add(1, std::memory_order_relaxed);
  session.release()->start(socket, zero_copy);  // ours again in session_closed()
}

bool Shard::make_room() { return idle_deadlines_.expire_oldest(); }

void Shard::session_closed(Session& session) {
  session.unlink();
  sessions_count_ -= 1;
  closed_sessions_.emplace_back(&session);
  // Each in its turn is told first: room that one of them takes is gone for the others.
  first_told_ += 1;
  for (size_t i = 0; i < listeners_.size(); ++i) listeners_[(first_told_ + i) % listeners_.size()]->room_again();
}

void Shard::report_damage(const std::string& file, const Error& error) {
  if (error.code != Errc::corrupt && error.code != Errc::io) return;  // retention, or a queue that is full
  if (damaged_files_.size() >= kDamagedFilesMax || !damaged_files_.insert(file).second) return;
  safe_log::error("damaged: {}: {}; the rest is served, cwtchd verify lists all damage", safe_log::Public{file}, error);
}

// ---- documents ----

std::shared_ptr<const std::string> Shard::server_document() {
  const log::Position end = reader_->committed().end;
  const uint64_t version = reader_->layout().version;
  if (server_document_ == nullptr || end.value != document_end_ || version != document_version_) {
    http::ServerDocument document = context_.server_document;
    document.first_retained = reader_->first_retained();
    document.committed_end = end;
    server_document_ = std::make_shared<const std::string>(http::to_json(document));
    document_end_ = end.value;
    document_version_ = version;
  }
  return server_document_;
}

std::shared_ptr<const std::string> Shard::segments_document() {
  const log::Layout& layout = reader_->layout();
  if (segments_document_ == nullptr || layout.version != segments_version_) {
    std::vector<http::SegmentEntry> entries;
    for (const auto& segment : layout.segments)
      entries.push_back({segment->first,
                         {segment->end.value - 1},
                         segment->file_bytes,
                         segment->sha256,
                         segment->chain_before,
                         segment->index.bytes,
                         segment->index.sha256});
    segments_document_ = std::make_shared<const std::string>(
        http::to_json(http::SegmentsDocument{layout.first_retained, layout.tail.front()->first, entries}));
    segments_version_ = layout.version;
  }
  return segments_document_;
}

std::shared_ptr<const retrieval::Catalog> Shard::catalog() {
  const uint64_t version = context_.retrieval->catalog_version();
  if (catalog_ == nullptr || version != catalog_version_) {
    catalog_ = context_.retrieval->catalog();
    catalog_version_ = version;
    databases_document_ = nullptr;
  }
  return catalog_;
}

std::shared_ptr<const std::string> Shard::databases_document() {
  const std::shared_ptr<const retrieval::Catalog> offered =
      context_.retrieval != nullptr ? catalog() : std::make_shared<const retrieval::Catalog>();
  if (databases_document_ == nullptr) {
    databases_document_ = std::make_shared<const std::string>(
        http::to_json(document_of(*offered, context_.config, context_.log->row_bytes)));
  }
  return databases_document_;
}

// ---- time and the end ----

void Shard::tick(io::Timer&) {
  const uint64_t now_ns = io_->now_ns();
  for (net::DeadlineList* const list : {&request_deadlines_, &idle_deadlines_, &stall_deadlines_, &heartbeats_})
    list->tick(now_ns);
  if (log_ != nullptr) log_->tick();
  // Whether anybody asks here or not: an old catalog is gigabytes of databases that nobody else has any more.
  if (context_.retrieval != nullptr) catalog();
  update_counters();
  if (phase_ != Phase::over) io_->timer(tick_, kTickNs, io::then<&Shard::tick>(this));
}

void Shard::advance_shutdown() {
  switch (phase_) {
    case Phase::serving:
      phase_ = Phase::draining_posts;
      drain_until_ns_ = io_->now_ns() + kDrainNs;
      for (const auto& listener : listeners_) listener->stop();
      reader_->stop_populating();
      board_.drain();
      for (Session* s = sessions_.empty() ? nullptr : &sessions_.front(); s != nullptr;) {
        Session* const next = sessions_.next(*s);
        s->drain();
        s = next;
      }
      [[fallthrough]];
    case Phase::draining_posts:
      if (!board_.idle()) return;
      phase_ = Phase::draining_answers;
      context_.posting_shards.fetch_sub(1, std::memory_order_acq_rel);
      if (log_ == nullptr && context_.writer != nullptr) context_.writer->wake(this);
      [[fallthrough]];
    case Phase::draining_answers:
      // Answers to posts and the ends of followed logs are on their way; a peer that does not take them is cut off.
      if (!sessions_.empty() && io_->now_ns() < drain_until_ns_) return;
      phase_ = Phase::closing;
      for (Session* s = sessions_.empty() ? nullptr : &sessions_.front(); s != nullptr;) {
        Session* const next = sessions_.next(*s);
        s->close({Errc::closed, 0, "server: shutting down"});
        s = next;
      }
      [[fallthrough]];
    case Phase::closing: {
      closed_sessions_.clear();
      const bool listeners_idle =
          std::all_of(listeners_.begin(), listeners_.end(), [](const auto& l) { return l->idle(); });
      if (!sessions_.empty() || !listeners_idle || !reader_->idle()) return;
      if (log_ != nullptr) {
        if (context_.posting_shards.load(std::memory_order_acquire) > 0) return;
        log_->drain();
      }
      phase_ = Phase::closing_log;
    }
      [[fallthrough]];
    case Phase::closing_log:
      if (log_ != nullptr && !log_->idle()) return;
      if (tick_.in_flight()) {
        phase_ = Phase::over;  // tick() will not arm it again
        io_->cancel(tick_);
        while (tick_.in_flight()) io_->turn(false);
      }
      phase_ = Phase::over;
      update_counters();
      return;
    case Phase::over:
      return;
  }
}

void Shard::update_counters() {
  const auto set = [](std::atomic<uint64_t>& counter, uint64_t value) {
    counter.store(value, std::memory_order_relaxed);
  };
  set(counters_.connections, sessions_count_);
  const board::Board::Statistics& posts = board_.statistics();
  set(counters_.posts_accepted, posts.accepted);
  set(counters_.posts_repeated, posts.repeated);
  set(counters_.posts_refused,
      posts.malformed + posts.too_large + posts.conflicts + posts.denied + posts.busy + posts.read_only + posts.failed);
  const log::Reader::Statistics chunks = reader_->statistics();
  set(counters_.chunk_hits, chunks.hits);
  set(counters_.chunk_misses, chunks.misses);
  set(counters_.chunk_bytes_read, chunks.bytes_read);
  set(counters_.damaged_chunks, chunks.corrupt_chunks);
  set(counters_.index_mends, chunks.index_mends);
  if (log_ == nullptr) return;
  const log::Statistics writer = log_->statistics();
  set(counters_.groups, writer.groups_written);
  set(counters_.group_bytes, writer.group_bytes_written);
  set(counters_.segments_sealed, writer.segments_sealed);
  set(counters_.segments_merged, writer.segments_merged);
  set(counters_.segments_retired, writer.segments_retired);
  set(counters_.index_memory_bytes, writer.index_memory_bytes);
  set(counters_.start_bytes_read, writer.start_bytes_read);
  set(counters_.index_keys, writer.index_keys);
  if (writer.poison && !counters_.poisoned.exchange(true))
    safe_log::error("the log is closed to posts: {}; restart to re-verify it from the medium", *writer.poison);
  const bool read_only = context_.log->read_only.load(std::memory_order_relaxed);
  if (read_only != std::exchange(reported_read_only_, read_only)) {
    if (read_only && !writer.poison) safe_log::warn("posts are refused until there is space on the medium");
    if (!read_only) safe_log::info("posts are accepted again");
  }
}

}  // namespace cwtch::server
