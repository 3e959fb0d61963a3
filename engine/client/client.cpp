#include "engine/client/client.hpp"

#include <algorithm>

#include "engine/client/overlay.hpp"
#include "engine/core/check.hpp"

namespace cwtch::client {
namespace {

// A full queue clears in milliseconds; after 0.6 s the post is kept for later.
constexpr uint32_t kBusyPauseMs = 10;
constexpr uint32_t kBusyPauseMsMax = 320;

Signature signature_of(ByteView record) {
  Signature signature;
  std::copy_n(record.begin(), signature.size(), signature.begin());
  return signature;
}

// Whether the server will say the same for ever.
bool refused_for_good(Errc code) {
  return code == Errc::conflict || code == Errc::malformed || code == Errc::too_large;
}

}  // namespace

Client::Client(Store& store, Random& random, Dialer& dialer, const Endpoint& endpoint, std::string host,
               const Options& options)
    : store_(store),
      random_(random),
      reading_(dialer, endpoint),
      lists_(dialer, endpoint),
      posting_(dialer, endpoint),
      host_(std::move(host)),
      options_(options) {}

void Client::cancel() {
  for (ServerLink* const link : {&reading_, &lists_, &posting_}) link->cancel();
}

Result<ServerFacts> Client::facts() { return reading_.facts_of(host_); }

Result<ServerFacts> Client::meet(Dialer& dialer, const Endpoint& endpoint) {
  return ServerLink(dialer, endpoint).facts();
}

// ---- reading ----

Result<Pull> Client::begin(ServerFacts* facts, bool from_reached) {
  if (const Status fresh = store_.refresh(); !fresh) return fail(fresh.error());
  Result<ServerFacts> said = this->facts();
  if (!said) return fail(said.error());
  *facts = std::move(*said);
  Result<SegmentList> list = reading_.segments();
  if (!list) return fail(list.error());
  const ServerState* const state = store_.profile().server(host_);
  if (state != nullptr && facts->committed_end < state->reached.position)
    return fail(Errc::corrupt, "server: its log is shorter than it was. It has lost records, or hides them from you");
  return Pull(store_, host_, std::move(*list), from_reached);
}

Result<SyncReport> Client::sync(Scheme scheme, const std::function<void(const Progress&)>& progress) {
  const bool cursor = scheme == Scheme::cursor;
  if (cursor && !options_.allow_leaky)
    return fail(Errc::denied,
                "sync: scheme cursor lets the server link your sessions; --allow-leaky if you accept that");
  const uint64_t bytes_before = traffic().bytes_received;
  ServerFacts facts;
  Result<Pull> pull = begin(&facts, cursor);
  if (!pull) return fail(pull.error());
  if (cursor && !facts.allows("cursor"))
    return fail(Errc::unsupported, "sync: this server does not allow scheme cursor");

  pull->on_progress = progress;
  pull->records_total = facts.committed_end - std::min(facts.committed_end, pull->position());
  const Status read = scheme == Scheme::segments ? pull->read_segments(reading_) : pull->read_log(reading_);
  if (!read) return fail(read.error());
  if (pull->position() < facts.committed_end)
    return fail(Errc::corrupt, "server: its log ends before where it said it ends");
  if (const Status kept = pull->save(true); !kept) return fail(kept.error());
  SyncReport report = pull->report();
  report.bytes = traffic().bytes_received - bytes_before;
  if (progress) progress({report.records, report.records, report.bytes});
  return report;
}

Result<IndexReport> Client::read_index() {
  if (const Status fresh = store_.refresh(); !fresh) return fail(fresh.error());
  const Result<ServerFacts> facts = this->facts();
  if (!facts) return fail(facts.error());
  Result<SegmentList> list = reading_.segments();
  if (!list) return fail(list.error());
  IndexPull pull(store_, host_, std::move(*list));
  if (const Status read = pull.read(reading_, facts->committed_end, Store::Keep::durable); !read)
    return fail(read.error());
  return pull.report();
}

Status Client::watch(const std::function<void(const MessageStored&)>& on_message) {
  ServerFacts facts;
  Result<Pull> pull = begin(&facts, false);
  if (!pull) return fail(pull.error());
  pull->on_message = on_message;
  return pull->follow_log(reading_, lists_);
}

// ---- posting ----

Result<std::vector<uint64_t>> Client::post(const GroupId& group, std::string_view text, Form form) {
  CHECK(options_.now_s != nullptr);
  if (const Status fresh = store_.refresh(); !fresh) return fail(fresh.error());
  const GroupState* state = store_.profile().group(group);
  if (state == nullptr) return fail(Errc::not_found, "post: this profile is not in that group");
  if (state->group.server != host_) return fail(Errc::not_found, "post: that group is on another server");
  const Result<std::vector<std::string>> texts = split(text, form, random_);
  if (!texts) return fail(texts.error());

  // Kept, all of it, before any of it is sent: whatever happens, nothing is posted twice with different bytes, and a
  // long text is not cut short.
  std::optional<Signature> previous = state->newest_signature();
  for (const Composed& waiting : store_.profile().outbox()) {
    if (waiting.group == group) previous = signature_of(waiting.record);
  }
  std::vector<Event> composed;
  std::vector<Signature> signatures;
  const uint64_t now_s = options_.now_s();
  for (const std::string& part : *texts) {
    Result<Bytes> record = compose(state->group, store_.identity(), {part, now_s, previous}, form, random_);
    if (!record) return fail(record.error());
    previous = signature_of(*record);
    signatures.push_back(*previous);
    composed.emplace_back(Composed{group, std::move(*record)});
  }
  if (const Status kept = store_.commit(composed, options_.posts); !kept) return fail(kept.error());
  const Result<Sent> sent = post_outbox();
  if (!sent) return fail(sent.error());

  state = store_.profile().group(group);  // the profile may have been read anew
  std::vector<uint64_t> positions;
  for (const Signature& signature : signatures) {
    const size_t number = state->tree.find(signature);
    if (number == Tree::kUnknown) return fail(sent->refusal);
    positions.push_back(state->messages[number].position);
  }
  return positions;
}

Result<Sent> Client::post_outbox() {
  std::vector<Composed> waiting;  // a copy: another process may empty the outbox meanwhile
  for (const Composed& composed : store_.profile().outbox()) {
    const GroupState* const state = store_.profile().group(composed.group);
    if (state != nullptr && state->group.server == host_) waiting.push_back(composed);
  }
  Sent sent;
  for (const Composed& composed : waiting) {
    if (const Status done = send(composed, sent); !done) return fail(done.error());
  }
  return sent;
}

// Sends one record and keeps the server's answer. A refusal for good is an answer too.
Status Client::send(const Composed& composed, Sent& sent) {
  Result<Opened> opened = open(store_.profile().group(composed.group)->group, composed.record);
  if (!opened) return fail(Errc::corrupt, "outbox: a record of ours does not open");
  Result<uint64_t> position = posting_.post(composed.record);
  for (uint32_t pause_ms = kBusyPauseMs; options_.pause_ms != nullptr && pause_ms <= kBusyPauseMsMax; pause_ms *= 2) {
    if (position || position.error().code != Errc::busy) break;
    options_.pause_ms(pause_ms);
    position = posting_.post(composed.record);
  }
  if (!position && refused_for_good(position.error().code)) {
    sent.refused += 1;
    sent.refusal = position.error();
    return store_.commit(only(Refused{signature_of(composed.record)}), Store::Keep::relaxed);
  }
  if (!position) return fail(position.error());

  sent.accepted += 1;
  MessageStored stored = stored_message(composed.group, composed.record, std::move(*opened));
  stored.position = *position;
  stored.acknowledged = true;
  return store_.commit(only(std::move(stored)), Store::Keep::relaxed);
}

}  // namespace cwtch::client
