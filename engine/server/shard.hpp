// One thread with one of everything: an Io, listeners, connections, a reader of the log. One shard also has the log's
// writer; the others reach it through a mailbox.
//
// A turn of the loop, in this order:
//   io.turn()        what has come back; requests are parsed, posts are handed on
//   the writer       takes posts from the mailboxes, starts the next group
//   reader, feed     adopt what is committed; followers are woken
//   send queue       live senders first, then bulk up to the budget of a turn
//
// Thread:  run() is the shard's; everything else is said at each function.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/board/board.hpp"
#include "engine/http/documents.hpp"
#include "engine/log/log.hpp"
#include "engine/log/reader.hpp"
#include "engine/net/listener.hpp"
#include "engine/server/config.hpp"
#include "engine/server/counters.hpp"
#include "engine/server/mailbox.hpp"
#include "engine/server/services.hpp"

namespace cwtch::server {

class Session;
class Shard;

// What all shards share; outlives them.
struct ShardContext {
  const Config& config;
  io::Files& files;
  std::shared_ptr<log::Shared> log;
  board::Admission& admission;           // of posts
  board::Admission& query_admission;     // of queries
  http::ServerDocument server_document;  // without what changes: positions
  std::vector<std::unique_ptr<Shard>> shards;
  Shard* writer = nullptr;
  retrieval::Service* retrieval = nullptr;  // started before the shards, stopped after them
  std::atomic<bool> stopping{false};
  std::atomic<uint32_t> posting_shards{0};  // those that may still hand posts over
};

// Made first: the rest of a shard refers to them.
struct ShardParts {
  ShardParts(std::unique_ptr<io::Io> io, const ShardContext& context);

  std::unique_ptr<io::Io> io_;
  std::unique_ptr<log::Reader> reader_;
};

class Shard final : private ShardParts, private Services, private net::Listener::Owner, private board::LogGate {
 public:
  // `log`: this shard is the writer.
  Shard(ShardContext& context, uint32_t number, std::unique_ptr<io::Io> io, log::Log* log);
  ~Shard();

  // Before run(), from the thread that makes the server.
  Status listen(const std::vector<io::Address>& addresses);
  const io::Address& address(size_t listener) const { return listeners_[listener]->address(); }

  // The loop; returns when the server stops and everything of this shard is over.
  void run();

  // Any thread, after something was put where this shard looks: mailboxes, the committed position, `stopping`. `from`:
  // the caller's shard, if it has one. Costs a system call only if this shard sleeps or is about to: both sides
  // exchange one atomic, so one of them sees what the other has done.
  void wake(Shard* from);
  // The same, if somebody waits here for the committed position to move.
  void wake_for_news(Shard* from);
  const Counters& counters() const { return counters_; }
  const char* io_name() const { return io_->name(); }

  // ---- for the simulator and tests: one turn at a time ----
  void turn(bool may_wait);
  bool finished() const { return phase_ == Phase::over; }

 private:
  enum class Phase : uint8_t { serving, draining_posts, draining_answers, closing, closing_log, over };

  // A post of another shard, while the log has it.
  struct Remote {
    log::Append append;
    log::Append* origin;
    Mailbox* mailbox;
    Shard* shard;
    Shard* writer;
  };

  // Services
  std::shared_ptr<const std::string> server_document() override;
  std::shared_ptr<const std::string> segments_document() override;
  std::shared_ptr<const std::string> databases_document() override;
  std::shared_ptr<const retrieval::Catalog> catalog() override;
  void session_closed(Session& session) override;
  void report_damage(const std::string& file, const Error& error) override;
  // net::Listener::Owner
  void accepted(io::Socket socket, bool zero_copy) override;
  bool has_room() const override { return sessions_count_ < context_.config.connections_max; }
  bool make_room() override;
  // board::LogGate
  void append(log::Append& append, ByteView record, void (*callback)(void* owner, log::Append&), void* owner) override;
  bool read_only() const override { return context_.log->read_only.load(std::memory_order_relaxed); }

  bool work_outside() const;
  void wake_others();
  void take_posts();
  void take_replies();
  static void remote_done(void* remote, log::Append& append);
  static void published(void* shard);
  void tick(io::Timer& timer);
  void advance_shutdown();
  void update_counters();

  ShardContext& context_;
  const uint32_t number_;
  log::Log* const log_;
  stream::Feed feed_;
  board::Board board_;
  net::SendQueue send_queue_;
  net::DeadlineList request_deadlines_;
  net::DeadlineList idle_deadlines_;
  net::DeadlineList stall_deadlines_;
  net::DeadlineList heartbeats_;
  Transfers transfers_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  List<Session> sessions_;
  std::vector<std::unique_ptr<Session>> closed_sessions_;  // destroyed after the callbacks of the turn
  size_t sessions_count_ = 0;
  size_t first_told_ = 0;  // of listeners_, about room

  Mailbox mailbox_;  // to the writer; unused by the writer itself
  std::vector<std::unique_ptr<Remote>> remotes_free_;
  std::vector<Shard*> to_wake_;
  bool published_ = false;
  uint64_t published_layout_ = 0;
  alignas(64) std::atomic<bool> asleep_{false};
  std::atomic<bool> wants_news_{false};

  io::Timer tick_;
  Phase phase_ = Phase::serving;
  uint64_t drain_until_ns_ = 0;
  std::set<std::string> damaged_files_;  // reported already
  bool reported_read_only_ = false;
  uint64_t document_end_ = UINT64_MAX;
  uint64_t document_version_ = UINT64_MAX;
  std::shared_ptr<const std::string> server_document_;
  std::shared_ptr<const std::string> segments_document_;
  uint64_t segments_version_ = UINT64_MAX;
  std::shared_ptr<const std::string> databases_document_;
  std::shared_ptr<const retrieval::Catalog> catalog_;
  uint64_t catalog_version_ = UINT64_MAX;
  Counters counters_;
};

}  // namespace cwtch::server
