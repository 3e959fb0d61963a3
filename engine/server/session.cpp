#include "engine/server/session.hpp"

#include <algorithm>

namespace cwtch::server {
namespace {

constexpr Error kDone{Errc::closed, 0, "session: the answer was the last"};
constexpr uint32_t kLingerBytesMax = 256 * 1024;
constexpr size_t kContentPieceBytesMax = 256 * 1024;
constexpr size_t kSmallContentBytes = 64 * 1024;  // goes out before anything that is long
constexpr Error kTooSlow{Errc::timeout, 0, "session: the peer is too slow"};

const http::Problem kTooManyQueries{
    .type = http::ProblemType::busy, .detail = "too many queries are under way; try again", .retry_after_s = 5};

http::Problem problem_of_position(const Error& error, bool beyond_end) {
  if (error.code != Errc::not_found) return http::problem_of_read(error);
  http::Problem problem;
  problem.type = beyond_end ? http::ProblemType::no_such_position : http::ProblemType::position_not_served;
  problem.detail = beyond_end ? "the log does not reach so far"
                              : "only starts of segments and the end may be named here; GET /v1/segments lists them";
  return problem;
}

}  // namespace

Session::Session(Services& services)
    : services_(services),
      connection_(services.io, services.send_queue, *this),
      deadline_(this),
      cursor_(services.reader, services.feed, *this) {
  services_.idle_deadlines.arm(deadline_, services_.io.now_ns());
}

Session::~Session() = default;

Session::Work& Session::work() {
  if (work_ == nullptr) work_.reset(new Work);  // not make_unique, which would clear the room for the head first
  return *work_;
}

MutableBytes Session::head_room() { return MutableBytes(work().head).subspan(head_bytes_); }

// ---- requests ----

Status Session::feed(ByteView bytes) {
  if (state_ == State::lingering) {
    lingered_bytes_ += static_cast<uint32_t>(bytes.size());
    if (lingered_bytes_ > kLingerBytesMax) return fail(Errc::closed, "session: the peer does not stop sending");
    return {};
  }
  if (state_ != State::reading) {  // behind the request that is being answered
    Bytes& rest = work().rest;
    rest.insert(rest.end(), bytes.begin(), bytes.end());
    connection_.recv_pause();
    return {};
  }
  return parse(bytes);
}

Status Session::parse(ByteView bytes) {
  if (parser_.idle()) services_.request_deadlines.arm(deadline_, services_.io.now_ns());
  while (true) {
    http::Head head;
    const http::RequestParser::Fed fed = parser_.feed(bytes, head);
    bytes = bytes.subspan(fed.consumed);
    switch (fed.event) {
      case http::RequestParser::Event::need_more:
        return {};
      case http::RequestParser::Event::head:
        begin(head);
        if (state_ != State::reading) return {};  // refused with a body that nobody will read
        break;
      case http::RequestParser::Event::body:
        work().body.add(fed.body, parser_.body_rest());
        if (work().transfer.linked()) services_.transfers.moved(work().transfer, this);
        break;
      case http::RequestParser::Event::complete: {
        if (!bytes.empty()) {
          work().rest.assign(bytes.begin(), bytes.end());
          connection_.recv_pause();
        }
        deadline_.disarm();
        act();
        return {};
      }
      case http::RequestParser::Event::refused:
        keep_alive_ = false;
        answer_problem(parser_.problem());
        return {};
    }
  }
}

void Session::begin(const http::Head& head) {
  keep_alive_ = head.keep_alive && !draining_;
  http_1_0_ = head.http_1_0;
  head_only_ = head.method == http::Method::head;
  refused_ = false;
  const auto refuse = [&](const http::Problem& problem) {
    if (parser_.discard_body()) {
      work().problem = problem;
      refused_ = true;
      return;
    }
    // Too long to be dropped first, or the client waits for leave to send it: the connection ends with the answer.
    keep_alive_ = false;
    answer_problem(problem);
  };
  const tl::expected<http::Routed, http::Problem> routed = http::route(head);
  if (!routed) return refuse(routed.error());
  head_only_ = routed->head_only;
  work().command = routed->command;
  if (const auto* const post = std::get_if<http::PostRecord>(&routed->command)) keep_credential(post->credential);
  uint64_t body_bytes_max = routed->body_bytes_max;
  if (const auto* const query = std::get_if<http::PostQuery>(&routed->command)) {
    const auto bytes = select_database(*query);
    if (!bytes) return refuse(bytes.error());
    keep_credential(query->credential);
    body_bytes_max = *bytes;
  }
  if (const auto taken = parser_.take_body(body_bytes_max); !taken) return refuse(taken.error());
  if (work().query.database != nullptr) services_.transfers.moved(work().transfer, this);
  if (const auto* const segment = std::get_if<http::GetSegment>(&routed->command)) {
    if (const auto selected = select(*segment); !selected) {
      work().problem = selected.error();
      refused_ = true;
      return;
    }
  }
  if (head.expect_continue && head.content_length.value_or(0) > 0) {
    std::memcpy(work().head, http::kContinue.data(), http::kContinue.size());
    head_sent_ = 0;
    head_bytes_ = http::kContinue.size();
    connection_.send_start();
  }
}

void Session::keep_credential(std::string_view credential) {
  const ByteView bytes = bytes_of(credential);
  work().credential.assign(bytes.begin(), bytes.end());
}

void Session::act() {
  state_ = State::answering;
  if (refused_) return answer_problem(work().problem);
  const http::Command command = work().command;
  if (std::holds_alternative<http::GetServer>(command)) return get_document(services_.server_document());
  if (std::holds_alternative<http::GetSegments>(command)) return get_document(services_.segments_document());
  if (const auto* const log = std::get_if<http::GetLog>(&command)) return get_log(*log);
  if (const auto* const index = std::get_if<http::GetIndex>(&command)) return get_index(*index);
  if (std::holds_alternative<http::GetSegment>(command)) return get_segment();
  if (std::holds_alternative<http::GetDatabases>(command)) return get_document(services_.databases_document());
  if (const auto* const blob = std::get_if<http::GetBlob>(&command)) return get_blob(*blob);
  if (std::holds_alternative<http::PostQuery>(command)) return query();
  post();
}

void Session::get_document(std::shared_ptr<const std::string> document) {
  const size_t size = http::write_json_head(head_room(), {keep_alive_, http_1_0_}, document->size());
  if (!head_only_) {
    work().content = bytes_of(*document);
    work().content_keeps = std::move(document);
  }
  answer(size);
}

// ---- private retrieval ----

void Session::get_blob(const http::GetBlob& request) {
  const auto blob = services_.retrieval != nullptr ? services_.catalog()->blob(request.sha256) : nullptr;
  if (blob == nullptr) {
    return answer_problem({.type = http::ProblemType::not_found, .detail = "no such blob; GET /v1/shards lists them"});
  }
  const bool not_modified = http::none_match_hits(request.if_none_match, request.sha256);
  const size_t size =
      http::write_blob_head(head_room(), {keep_alive_, http_1_0_}, not_modified, blob->bytes.size(), request.sha256);
  if (!head_only_ && !not_modified) {
    work().content = blob->bytes;
    work().content_keeps = blob;
  }
  answer(size);
}

// How long the query must be. Before its body arrives: what is for no database is not received.
tl::expected<uint64_t, http::Problem> Session::select_database(const http::PostQuery& request) {
  http::Problem problem{.type = http::ProblemType::not_found, .detail = "no such database; GET /v1/shards lists them"};
  if (services_.retrieval == nullptr) return tl::unexpected(problem);
  if (services_.query_admission.closed())
    return tl::unexpected(http::Problem{.type = http::ProblemType::denied, .detail = "no queries are answered here"});
  Work& w = work();
  retrieval::Catalog::Found found = services_.catalog()->find(request.scheme, request.name);
  if (found.retired) problem = {.type = http::ProblemType::retired, .detail = "its successor is in the making"};
  if (found.successor != nullptr) {
    problem.detail = "covers its first row now; GET /v1/shards lists all";
    problem.about(found.successor->name);
  }
  if (found.database == nullptr) return tl::unexpected(problem);
  w.query.database = std::move(found.database);
  return w.query.database->request_bytes;
}

void Session::query() {
  Work& w = work();
  w.transfer.end();
  const ByteView body = w.body.whole();
  if (const Status checked = w.query.database->server->check(body); !checked) {
    return answer_problem({.type = http::ProblemType::malformed_query, .detail = checked.error().context});
  }
  w.query_place = services_.retrieval->reserve();
  if (!w.query_place) return answer_problem(kTooManyQueries);
  if (const Status admitted = services_.query_admission.admit(w.credential, body); !admitted) {
    w.query_place = {};
    return answer_problem({.type = http::ProblemType::denied, .detail = admitted.error().context});
  }
  state_ = State::querying;
  w.query.request.assign(body.begin(), body.end());
  w.body.reset();
  w.query.shard = services_.shard_number;
  w.query.callback = &Session::queried;
  w.query.owner = this;
  services_.retrieval->submit(w.query);
}

void Session::queried(void* session, retrieval::Query& query) {
  auto& self = *static_cast<Session*>(session);
  if (!self.connection_.open()) return self.connection_.close_when_idle();
  Work& w = self.work();
  const size_t size = http::write_bytes_head(self.head_room(), {self.keep_alive_, self.http_1_0_}, query.answer.size());
  w.query_place = {};
  self.services_.transfers.moved(w.transfer, session);
  w.content = query.answer;  // lives as long as `work_`
  self.answer(size);
}

// ---- the log ----

Result<uint64_t> Session::place_of(log::Position position) { return services_.reader.boundary(position); }

void Session::get_log(const http::GetLog& request) {
  Work& w = work();
  w.from = request.from.value_or(services_.reader.first_retained());
  w.to = request.to.value_or(services_.reader.committed().end);
  w.follow = request.follow;
  w.finding_to = false;
  if (w.to < w.from) {
    const bool beyond = w.from > services_.reader.committed().end;
    http::Problem problem;
    problem.type = beyond ? http::ProblemType::no_such_position : http::ProblemType::bad_parameter;
    problem.detail = beyond ? "the log does not reach so far" : "`to` lies before `from`";
    return answer_problem(problem);
  }
  const Result<uint64_t> from = place_of(w.from);
  if (from) return from_found(*from);
  if (from.error().code == Errc::busy) return wait_for_table(w.from);
  const bool beyond = w.from > services_.reader.committed().end;
  if (from.error().code != Errc::not_found || beyond || !services_.leaky_modes)
    return answer_problem(problem_of_position(from.error(), beyond));
  state_ = State::preparing;
  services_.reader.find(w.find, w.from, &Session::found, this);
}

void Session::wait_for_table(log::Position position) {
  state_ = State::preparing;
  services_.reader.find_boundary(work().find, position, &Session::table_read, this);
}

void Session::table_read(void* session, log::Fetch& fetch) {
  auto& self = *static_cast<Session*>(session);
  if (!self.connection_.open()) return self.connection_.close_when_idle();
  const bool damaged =
      !fetch.result && (fetch.result.error().code == Errc::corrupt || fetch.result.error().code == Errc::io);
  if (damaged) return self.answer_problem(http::problem_of_read(fetch.result.error()));
  const http::Command command = self.work().command;
  self.get_log(std::get<http::GetLog>(command));
}

void Session::found(void* session, log::Fetch& fetch) {
  auto& self = *static_cast<Session*>(session);
  if (!self.connection_.open()) return self.connection_.close_when_idle();
  if (!fetch.result) return self.answer_problem(http::problem_of_read(fetch.result.error()));
  if (self.work().finding_to) {
    self.to_found(fetch.offset);
  } else {
    self.from_found(fetch.offset);
  }
}

void Session::from_found(uint64_t offset) {
  Work& w = work();
  w.from_offset = offset;
  if (w.follow) return to_found(offset);
  const Result<uint64_t> to = place_of(w.to);
  if (to) return to_found(*to);
  if (to.error().code == Errc::busy) return wait_for_table(w.to);
  const bool beyond = w.to > services_.reader.committed().end;
  if (to.error().code != Errc::not_found || beyond || !services_.leaky_modes)
    return answer_problem(problem_of_position(to.error(), beyond));
  state_ = State::preparing;
  w.finding_to = true;
  services_.reader.find(w.find, w.to, &Session::found, this);
}

void Session::to_found(uint64_t offset) {
  Work& w = work();
  w.log_head = true;
  w.log_answer = {.first = w.from,
                  .end = w.follow ? services_.reader.committed().end : w.to,
                  .follow = w.follow,
                  .content_bytes = offset - w.from_offset};
  if (w.follow) {
    cursor_.open_follow(w.from_offset);
  } else if (offset > w.from_offset) {
    cursor_.open_range(w.from_offset, offset);
  }
  prepare();
}

// ---- the index stream ----

// Boundaries only, also where leaky modes are allowed: a block begins where it was sealed.
void Session::get_index(const http::GetIndex& request) {
  const log::Position from = request.from.value_or(services_.reader.first_retained());
  const Result<log::Reader::IndexRange> range =
      services_.reader.index(from, request.sealed ? log::Reader::IndexEnd::sealed : log::Reader::IndexEnd::committed);
  if (!range && range.error().code == Errc::busy) {
    state_ = State::preparing;
    return services_.reader.find_index(work().find, from, &Session::index_read, this);
  }
  if (!range) {
    Error error = range.error();
    if (error.code == Errc::no_space) error.code = Errc::busy;  // to the client: try again
    services_.report_damage(services_.reader.damaged_file(), error);
    return answer_problem(problem_of_position(error, from > services_.reader.committed().end));
  }
  Work& w = work();
  w.log_head = true;
  w.log_answer = {.first = from, .end = range->end, .follow = false, .content_bytes = range->bytes()};
  if (!head_only_) cursor_.open_index(*range);
  prepare();
}

void Session::index_read(void* session, log::Fetch&) {
  auto& self = *static_cast<Session*>(session);
  if (!self.connection_.open()) return self.connection_.close_when_idle();
  const http::Command command = self.work().command;
  self.get_index(std::get<http::GetIndex>(command));
}

// ---- segments ----

tl::expected<void, http::Problem> Session::select(const http::GetSegment& request) {
  for (const auto& segment : services_.reader.layout().segments) {
    if (segment->first != request.first || segment->end.value != request.last.value + 1) continue;
    Work& w = work();
    w.sha256 = request.index ? segment->index.sha256 : segment->sha256;
    w.file_bytes = request.index ? segment->index.bytes : segment->file_bytes;
    const tl::expected<http::Selection, http::Problem> selection =
        http::resolve(request, head_only_, w.file_bytes, w.sha256);
    if (!selection) return tl::unexpected(selection.error());
    w.selection = *selection;
    w.log_head = false;
    if (selection->status == 304 || selection->bytes == 0 || head_only_) return {};
    const uint64_t end = selection->offset + selection->bytes;
    if (request.index) {
      cursor_.open_index_file(segment, selection->offset, end);
    } else {
      cursor_.open_file(segment, selection->offset, end);
    }
    return {};
  }
  http::Problem problem;
  const bool gone = request.last < services_.reader.first_retained();
  problem.type = gone ? http::ProblemType::gone : http::ProblemType::not_found;
  problem.detail = gone ? "retention has removed this segment" : "no such segment; GET /v1/segments lists them";
  return tl::unexpected(problem);
}

void Session::get_segment() { prepare(); }

// Damage is found before the answer's head says that all is well.
void Session::prepare() {
  state_ = State::preparing;
  Work& w = work();
  if (!head_only_) {
    const Result<bool> ready = cursor_.prepare();
    if (!ready) {
      services_.report_damage(services_.reader.damaged_file(), ready.error());
      return answer_problem(http::problem_of_read(ready.error()));
    }
    if (!*ready) return;  // cursor_ready() goes on
  } else {
    cursor_.close();
  }
  const http::Reuse reuse{keep_alive_, http_1_0_};
  answer(w.log_head ? http::write_log_head(head_room(), reuse, w.log_answer)
                    : http::write_segment_head(head_room(), reuse, w.selection, w.file_bytes, w.sha256));
}

void Session::cursor_ready() {
  if (!connection_.open()) return connection_.close_when_idle();
  if (state_ == State::preparing) return prepare();
  connection_.send_start();
}

// ---- posts ----

void Session::post() {
  state_ = State::posting;
  Work& w = work();
  services_.board.post(w.post, w.body.whole(), w.credential, &Session::posted, this);
}

void Session::posted(void* session, board::Post& post) {
  auto& self = *static_cast<Session*>(session);
  if (!self.connection_.open()) return self.connection_.close_when_idle();
  self.work().body.reset();
  if (!post.result) return self.answer_problem(http::problem_of_post(post.result.error()));
  self.answer(http::write_posted(self.head_room(), {self.keep_alive_, self.http_1_0_}, post.result->position,
                                 post.result->repeated));
}

// ---- answers ----

void Session::answer_problem(const http::Problem& problem) {
  cursor_.close();
  if (problem.close) keep_alive_ = false;
  answer(http::write_problem(head_room(), {keep_alive_, http_1_0_}, problem, head_only_));
}

void Session::answer(size_t head_bytes) {
  state_ = State::answering;
  head_bytes_ = static_cast<uint16_t>(head_bytes_ + head_bytes);
  work().query.database.reset();  // whoever does not take his answer holds no database
  services_.stall_deadlines.arm(deadline_, services_.io.now_ns());
  connection_.send_start();
}

Result<net::Handler::Piece> Session::pull() {
  if (head_sent_ < head_bytes_) {
    // Promised only if it follows at once: the kernel keeps a short packet back for 200 ms otherwise.
    const bool rest = sends_content() || !(cursor_.done() || cursor_.waits());
    const bool more = state_ == State::answering && rest;
    return Piece{ByteView(work_->head).subspan(head_sent_, static_cast<size_t>(head_bytes_ - head_sent_)), more};
  }
  if (state_ != State::answering) return Piece{};
  if (sends_content()) {
    const ByteView rest = work_->content.subspan(work_->content_sent);
    return Piece{rest.first(std::min(rest.size(), kContentPieceBytesMax)), false};
  }
  if (cursor_.done()) return Piece{};
  Result<stream::Cursor::Piece> piece = cursor_.pull();
  if (!piece) {
    // The head has promised more: only the end of the connection can take that back.
    services_.report_damage(services_.reader.damaged_file(), piece.error());
    return fail(piece.error());
  }
  if (piece->bytes.empty() && cursor_.follows()) {
    // Nothing new: this is where followers spend their lives, so nothing else is kept.
    services_.heartbeats.arm(deadline_, services_.io.now_ns());
    if (work_ != nullptr && work_->rest.empty() && !work_->find.in_flight) {
      work_.reset();
      head_sent_ = head_bytes_ = 0;
    }
  }
  return Piece{piece->bytes, piece->more};
}

void Session::sent(size_t size) {
  if (!connection_.open()) return cursor_.close();
  if (size > 0 && state_ == State::answering) services_.stall_deadlines.arm(deadline_, services_.io.now_ns());
  if (head_sent_ < head_bytes_) {
    head_sent_ = static_cast<uint16_t>(head_sent_ + size);
    if (head_sent_ < head_bytes_) return;
    head_sent_ = head_bytes_ = 0;
    if (state_ != State::answering) return;  // that was "100 Continue"
    // What follows is the log's: a reader that stops costs no more than a follower that waits.
    if (!sends_content() && work_->rest.empty() && !work_->find.in_flight && !work_->post.in_flight()) work_.reset();
  } else if (sends_content()) {
    work_->content_sent += size;
    if (work_->transfer.linked()) services_.transfers.moved(work_->transfer, this);
  } else {
    cursor_.sent(size);
  }
  const bool more = sends_content() || !cursor_.done();
  if (!more) answer_done();
}

void Session::answer_done() {
  if (!keep_alive_ || draining_ || peer_finished_) return linger();
  state_ = State::reading;
  parser_.next();
  head_only_ = http_1_0_ = false;  // of the next request nothing is known, also if it never becomes one
  Bytes rest;
  if (work_ != nullptr) rest = std::move(work_->rest);
  work_.reset();
  services_.idle_deadlines.arm(deadline_, services_.io.now_ns());
  if (!rest.empty()) {
    if (const Status parsed = parse(rest); !parsed) return connection_.close_start(parsed.error());
    if (state_ != State::reading) return;
  }
  connection_.recv_resume();
}

// The last answer is out. If bytes of the peer's are unread, closing now would reset the connection, and the answer may
// be lost on its way: they are read and dropped until the peer has seen the answer and closes, for a while.
void Session::linger() {
  const bool all_read = parser_.complete() && (work_ == nullptr || work_->rest.empty());
  if (all_read || peer_finished_) return connection_.close_start(kDone);
  state_ = State::lingering;
  work_.reset();
  connection_.send_finish();
  services_.request_deadlines.arm(deadline_, services_.io.now_ns());
  connection_.recv_resume();
}

net::Urgency Session::urgency() const {
  if (state_ != State::answering && head_sent_ == head_bytes_) return net::Urgency::none;
  // The head of a long answer is no more urgent than what follows it.
  if (work_ != nullptr && work_->content.size() > kSmallContentBytes) return net::Urgency::bulk;
  return cursor_.done() || cursor_.live() ? net::Urgency::live : net::Urgency::bulk;
}

// ---- the end ----

Status Session::finished() {
  peer_finished_ = true;
  // A client may close its half and still wait for its answer; a follower that does so has gone.
  if (state_ == State::reading || state_ == State::lingering || cursor_.follows())
    return fail(Errc::closed, "session: the peer has finished");
  return {};
}

void Session::drain() {
  draining_ = true;
  // Whoever reads the log goes on where it was, at another time; answers to posts, and small ones, go out.
  const bool reads_log = state_ == State::preparing || (!cursor_.done() && !cursor_.follows());
  if (state_ == State::reading || state_ == State::lingering || reads_log) return connection_.close_start(kDone);
  keep_alive_ = false;
  if (cursor_.follows()) {
    cursor_.finish();
    connection_.send_start();
  }
}

void Session::deadline_expired(void* session) {
  auto& self = *static_cast<Session*>(session);
  if (!self.connection_.open()) return;
  switch (self.state_) {
    case State::reading:
      if (self.parser_.idle()) return self.connection_.close_start(kTooSlow);
      {
        self.keep_alive_ = false;
        http::Problem problem;
        problem.type = http::ProblemType::request_timeout;
        problem.detail = "the request did not arrive in time";
        problem.close = true;
        return self.answer_problem(problem);
      }
    case State::posting:
    case State::querying:
    case State::preparing:
      return;  // we are the slow ones
    case State::lingering:
      return self.connection_.close_start(kTooSlow);
    case State::answering:
      if (self.cursor_.follows() && !self.connection_.sending()) {
        self.cursor_.heartbeat();
        return self.connection_.send_start();
      }
      return self.connection_.close_start(kTooSlow);
  }
}

void Session::pushed_out(void* session) {
  auto& self = *static_cast<Session*>(session);
  if (self.state_ != State::reading) return self.connection_.close_start(kTooSlow);
  http::Problem problem = kTooManyQueries;
  problem.close = true;  // the rest of the query will not be read
  self.work().body.reset();
  self.answer_problem(problem);
}

void Session::closing(const Error&) {
  deadline_.disarm();
  if (work_ != nullptr) {
    services_.reader.cancel(work_->find);
    work_->transfer.end();
  }
  cursor_.quiet();
}

bool Session::idle() const {
  return cursor_.idle() && (work_ == nullptr || (!work_->post.in_flight() && !work_->query.in_flight));
}

void Session::closed() {
  cursor_.close();
  services_.session_closed(*this);
}

}  // namespace cwtch::server
