// One client of the native API: requests in, answers out, one at a time. Glue between the HTTP machine, the board, the
// log's cursors and a connection; it decides nothing about bytes itself.
//
// Pipelining: what arrives behind a request waits (it is at most one receive buffer) until the answer is out.
// Memory:     while idle or following without news: this object, and nothing else of ours.
// Thread:     its shard's.
#pragma once

#include "engine/board/board.hpp"
#include "engine/http/answer.hpp"
#include "engine/http/body.hpp"
#include "engine/http/request.hpp"
#include "engine/http/routes.hpp"
#include "engine/net/connection.hpp"
#include "engine/server/services.hpp"
#include "engine/stream/cursor.hpp"

namespace cwtch::server {

class Session final : public ListLink, private net::Handler, private stream::Cursor::Owner {
 public:
  explicit Session(Services& services);
  ~Session();

  void start(io::Socket socket, bool zero_copy) { connection_.start(socket, zero_copy); }
  void close(const Error& reason) { connection_.close_start(reason); }
  // No request is being answered or has begun to arrive.
  bool idle_between_requests() const { return state_ == State::reading && parser_.idle(); }
  bool posting() const { return state_ == State::posting || state_ == State::querying; }
  // For every DeadlineList of the shard.
  static void deadline_expired(void* session);
  // For Transfers: others who have more to say need the room.
  static void pushed_out(void* session);
  // A follower's answer ends after what it is sending; everything else closes once its answer is out.
  void drain();

 private:
  enum class State : uint8_t { reading, posting, querying, preparing, answering, lingering };
  // Alive only while a request is under way.
  struct Work {
    uint8_t head[http::kContinue.size() + http::kAnswerBytesMax];
    Bytes credential;
    http::Command command;
    http::Body body;
    http::Problem problem;
    http::LogAnswer log_answer;
    http::Selection selection{};
    ByteArray<32> sha256{};
    uint64_t file_bytes = 0;
    ByteView content;  // of an answer that is in memory; `content_keeps` holds it
    std::shared_ptr<const void> content_keeps;
    size_t content_sent = 0;
    Transfers::Transfer transfer;           // of a query that arrives, or of its answer
    retrieval::Service::Place query_place;  // between the two
    retrieval::Query query;
    Bytes rest;  // of the pipeline
    board::Post post;
    log::Fetch find;
    log::Position from, to;
    uint64_t from_offset = 0;
    bool finding_to = false;
    bool follow = false;
    bool log_head = false;  // the prepared cursor is of the log or the index, not of a segment
  };

  // net::Handler
  Status feed(ByteView bytes) override;
  Status finished() override;
  Result<Piece> pull() override;
  void sent(size_t size) override;
  net::Urgency urgency() const override;
  void closing(const Error& reason) override;
  bool idle() const override;
  void closed() override;
  // stream::Cursor::Owner
  void cursor_ready() override;

  Status parse(ByteView bytes);
  void begin(const http::Head& head);
  void keep_credential(std::string_view credential);
  void act();
  void get_log(const http::GetLog& request);
  Result<uint64_t> place_of(log::Position position);
  void wait_for_table(log::Position position);
  static void table_read(void* session, log::Fetch& fetch);
  void from_found(uint64_t offset);
  void to_found(uint64_t offset);
  Work& work();
  tl::expected<void, http::Problem> select(const http::GetSegment& request);
  void get_index(const http::GetIndex& request);
  static void index_read(void* session, log::Fetch& fetch);
  void get_segment();
  void get_document(std::shared_ptr<const std::string> document);
  void get_blob(const http::GetBlob& request);
  tl::expected<uint64_t, http::Problem> select_database(const http::PostQuery& request);
  void query();
  static void queried(void* session, retrieval::Query& query);
  bool sends_content() const { return work_ != nullptr && work_->content_sent < work_->content.size(); }
  void post();
  void prepare();
  void answer_problem(const http::Problem& problem);
  void answer(size_t head_bytes);
  void answer_done();
  void linger();
  MutableBytes head_room();
  static void posted(void* session, board::Post& post);
  static void found(void* session, log::Fetch& fetch);

  Services& services_;
  net::Connection connection_;
  http::RequestParser parser_;
  net::Deadline deadline_;
  State state_ = State::reading;
  bool head_only_ = false;
  bool keep_alive_ = true;
  bool http_1_0_ = false;
  bool draining_ = false;
  bool peer_finished_ = false;
  bool refused_ = false;  // Work::problem is the answer once the request is complete
  uint16_t head_sent_ = 0;
  uint16_t head_bytes_ = 0;  // of Work::head: what is to be sent before anything else

  uint32_t lingered_bytes_ = 0;
  std::unique_ptr<Work> work_;
  stream::Cursor cursor_;
};

}  // namespace cwtch::server
