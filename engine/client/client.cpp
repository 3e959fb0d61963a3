#include "engine/client/client.hpp"

#include <sodium.h>

#include <algorithm>

#include "engine/client/overlay.hpp"
#include "engine/client/record_stream.hpp"

namespace cwtch::client {
namespace {

constexpr size_t kAnswerBytesMax = 4096;
constexpr size_t kEventsPerSave = 512;
constexpr uint64_t kRecordsPerProgress = 256;
constexpr int kPostTries = 8;

std::vector<Event> only(Event event) {
  std::vector<Event> events;
  events.push_back(std::move(event));
  return events;
}

}  // namespace

// One synchronisation under way.
struct Client::Pull {
  Keyring keyring;
  std::vector<GroupId> groups;  // as the keyring numbers them
  Known sealed, reached;        // what was known before
  SegmentList list;
  RecordStream stream;
  std::vector<Event> events;
  SyncReport report;
  Progress progress;
  std::function<void(const Progress&)> on_progress;
  std::function<void(const MessageStored&)> on_message;
  Known new_sealed;  // the newest boundary that was passed
};

Client::Client(Store& store, Random& random, Dialer& dialer, const Endpoint& endpoint, std::string host,
               const Options& options)
    : store_(store),
      random_(random),
      dialer_(dialer),
      http_(dialer, endpoint),
      host_(std::move(host)),
      options_(options) {}

// ---- what the server says ----

Result<HttpAnswer> Client::get(const std::string& target) {
  Result<HttpAnswer> answer = http_.request({.method = "GET", .target = target, .content_type = {}, .body = {}});
  if (!answer) return answer;
  if (answer->status != 200) return fail(refused(*answer).error());
  return answer;
}

// The server's refusal as an Error. Its words are not repeated: they are not ours to vouch for.
Status Client::refused(const HttpAnswer& answer) {
  const HttpProblem problem = http_.read_problem(answer);
  switch (answer.status) {
    case 400:
    case 422:
      return fail(Errc::malformed, "server: it calls our request malformed");
    case 401:
    case 403:
      return fail(Errc::denied, problem.type == "position-not-served"
                                    ? "server: it does not serve from this position (leaky modes are off there)"
                                    : "server: it refuses this request");
    case 404:
      return fail(Errc::not_found, "server: it does not have this");
    case 409:
      return fail(Errc::conflict, "server: another record has this signature or nonce");
    case 410:
      return fail(Errc::gone, "server: retention has removed this");
    case 413:
      return fail(Errc::too_large, "server: it takes no records of this size");
    case 429:
    case 503:
      return fail(problem.type == "read-only" ? Errc::read_only : Errc::busy,
                  problem.type == "read-only" ? "server: its log accepts no posts now" : "server: it is busy");
    default:
      return fail(Errc::io, "server: it failed to answer");
  }
}

Result<ServerFacts> Client::facts() {
  const Result<HttpAnswer> answer = get("/v1/server");
  if (!answer) return fail(answer.error());
  const Result<Bytes> body = http_.read_all(kServerDocumentBytesMax);
  if (!body) return fail(body.error());
  Result<ServerFacts> facts = parse_server(text_of(*body));
  if (!facts) return facts;
  if (facts->host != host_)
    return fail(Errc::denied,
                "server: another server answers at this address. If it has moved, its key would be the same");
  return facts;
}

Result<ServerFacts> Client::meet(Dialer& dialer, const Endpoint& endpoint) {
  HttpClient http(dialer, endpoint);
  const Result<HttpAnswer> answer =
      http.request({.method = "GET", .target = "/v1/server", .content_type = {}, .body = {}});
  if (!answer) return fail(answer.error());
  if (answer->status != 200) return fail(Errc::unsupported, "server: no cwtchd answers there");
  const Result<Bytes> body = http.read_all(kServerDocumentBytesMax);
  if (!body) return fail(body.error());
  return parse_server(text_of(*body));
}

Result<SegmentList> Client::segment_list() {
  const Result<HttpAnswer> answer = get("/v1/segments");
  if (!answer) return fail(answer.error());
  const Result<Bytes> body = http_.read_all(kSegmentListBytesMax);
  if (!body) return fail(body.error());
  return parse_segments(text_of(*body));
}

// ---- synchronisation ----

Status Client::take(Pull& pull, ByteView record, log::Position position) {
  for (size_t match = pull.keyring.match(record); match != Keyring::kNone;
       match = pull.keyring.match(record, match + 1)) {
    const GroupState* const state = store_.profile().group(pull.groups[match]);
    const Result<Message> message = open(state->group, record);
    if (!message) {
      if (message.error().code != Errc::not_found) pull.report.unreadable += 1;
      continue;
    }
    const Result<PublicKey> author = key_of_hostname(message->author);
    if (!author) continue;
    MessageStored stored;
    stored.group = state->group.id;
    stored.position = position.value;
    std::copy_n(record.begin(), stored.signature.size(), stored.signature.begin());
    stored.previous = message->previous;
    stored.author = *author;
    stored.timestamp = message->timestamp;
    stored.text = message->text;
    pull.report.own_bytes += record.size();
    if (state->tree.find(stored.signature) == Tree::kUnknown) pull.report.messages += 1;
    if (pull.on_message) pull.on_message(stored);
    pull.events.emplace_back(std::move(stored));
    break;
  }
  return {};
}

Status Client::visit(Pull& pull, log::Position position, ByteView record) {
  pull.report.records += 1;
  // What we have seen before must be what we saw: a server cannot change the past.
  const uint64_t next = position.value + 1;
  if (next == pull.reached.position && pull.stream.chain() != pull.reached.chain)
    return fail(Errc::corrupt, "server: it has changed records that it served before. Do not trust it any more");
  if (next <= pull.list.tail_first) {
    const bool border = next == pull.list.tail_first;
    if (border) pull.new_sealed = {next, *pull.stream.chain()};
  }
  if (position.value >= pull.reached.position) {
    if (const Status taken = take(pull, record, position); !taken) return taken;
    if (pull.events.size() >= kEventsPerSave) {
      if (const Status saved = save(pull, false); !saved) return saved;
    }
  }
  if (pull.report.records % kRecordsPerProgress == 0 && pull.on_progress) {
    pull.progress.records_done = pull.report.records;
    pull.on_progress(pull.progress);
  }
  return {};
}

// Messages first, then how far we are: after a crash in between they are found again, and nothing is missed.
Status Client::save(Pull& pull, bool final) {
  if (final || !pull.events.empty()) {
    const uint64_t reached = pull.stream.position().value;
    if (pull.stream.chain() && reached >= pull.reached.position) {
      const Known sealed = pull.new_sealed.position >= pull.sealed.position ? pull.new_sealed : pull.sealed;
      pull.events.emplace_back(Synced{host_, sealed.position, sealed.chain, reached, *pull.stream.chain()});
    }
    if (const Status saved = store_.commit(pull.events, final ? Store::Keep::durable : Store::Keep::relaxed); !saved)
      return saved;
    pull.events.clear();
  }
  return {};
}

Status Client::pull_log(Pull& pull, const std::string& target, bool follow) {
  const Result<HttpAnswer> answer = get(target);
  if (!answer) return fail(answer.error());
  while (true) {
    const Result<size_t> got = http_.read(pull.stream.room());
    if (!got) {
      (void)save(pull, false);  // what did arrive is ours to keep
      return fail(got.error());
    }
    if (*got == 0) break;
    pull.progress.bytes += *got;
    const Status received = pull.stream.received(
        *got, [&](log::Position position, ByteView record) { return visit(pull, position, record); });
    if (!received) return received;
    if (follow && !pull.events.empty()) {
      if (const Status saved = save(pull, false); !saved) return saved;
    }
  }
  if (!pull.stream.between_frames()) return fail(Errc::corrupt, "server: the log ends inside a frame");
  return {};
}

// A whole file, checked against the hash in the list; its table and footer are for mirrors, not for us.
Status Client::pull_segment(Pull& pull, const SealedSegment& segment) {
  const Result<HttpAnswer> answer = get("/v1/segments/" + segment.name());
  if (!answer) return fail(answer.error());
  crypto_hash_sha256_state hash;
  crypto_hash_sha256_init(&hash);
  uint64_t bytes = 0;
  Bytes rest(64 * 1024);
  while (true) {
    const bool records_left = pull.stream.position().value <= segment.last;
    const MutableBytes room = records_left ? pull.stream.room() : MutableBytes(rest);
    const Result<size_t> got = http_.read(room);
    if (!got) {
      (void)save(pull, false);
      return fail(got.error());
    }
    if (*got == 0) break;
    bytes += *got;
    pull.progress.bytes += *got;
    if (bytes > segment.bytes) return fail(Errc::corrupt, "server: the segment is longer than it said");
    crypto_hash_sha256_update(&hash, room.data(), *got);
    if (!records_left) continue;
    const Status received = pull.stream.received_until(
        *got, {segment.last + 1},
        [&](log::Position position, ByteView record) { return visit(pull, position, record); });
    if (!received) return received;
  }
  ByteArray<32> digest;
  crypto_hash_sha256_final(&hash, digest.data());
  if (bytes != segment.bytes || digest != segment.sha256)
    return fail(Errc::corrupt, "server: the segment is not the one it listed");
  if (pull.stream.position().value != segment.last + 1)
    return fail(Errc::corrupt, "server: records are missing in a segment");
  pull.stream.drop_rest();
  pull.new_sealed = {segment.last + 1, *pull.stream.chain()};
  return {};
}

Status Client::pull_segments(Pull& pull) {
  for (int tries = 0;; ++tries) {
    bool again = false;
    for (const SealedSegment& segment : pull.list.segments) {
      if (segment.last < pull.stream.position().value) continue;
      Status pulled;
      if (segment.first == pull.stream.position().value) {
        pulled = pull_segment(pull, segment);
      } else {  // merged since: the part of it that we lack, from a boundary that stays one
        pulled = pull_log(
            pull,
            "/v1/log?from=" + std::to_string(pull.stream.position().value) + "&to=" + std::to_string(segment.last + 1),
            false);
        if (pulled) pull.new_sealed = {segment.last + 1, *pull.stream.chain()};
      }
      if (!pulled && pulled.error().code == Errc::not_found && tries < 3) {  // it was merged just now
        again = true;
        break;
      }
      if (!pulled) return pulled;
    }
    if (!again) break;
    Result<SegmentList> list = segment_list();
    if (!list) return fail(list.error());
    pull.list = std::move(*list);
  }
  return pull_log(pull, "/v1/log?from=" + std::to_string(pull.stream.position().value), false);
}

Client::Pull Client::make_pull(SegmentList list, bool from_reached) {
  const ServerState* const state = store_.profile().server(host_);
  const Known sealed = state == nullptr ? Known{} : state->sealed;
  const Known reached = state == nullptr ? Known{} : state->reached;
  const Known known = from_reached && reached.position > sealed.position ? reached : sealed;
  uint64_t start = known.position;
  std::optional<uint32_t> chain = known.chain;
  std::vector<Event> events;
  if (list.first_retained > start) {
    if (list.first_retained > reached.position)
      events.emplace_back(Missed{host_, reached.position, list.first_retained});
    start = list.first_retained;
    chain.reset();  // the first anchor says it
  }
  Pull pull{.keyring = Keyring(host_),
            .groups = {},
            .sealed = sealed,
            .reached = reached,
            .list = std::move(list),
            .stream = RecordStream({start}, chain),
            .events = std::move(events),
            .report = {},
            .progress = {},
            .on_progress = nullptr,
            .on_message = nullptr,
            .new_sealed = {}};
  for (const GroupState& group : store_.profile().groups()) {
    if (group.group.server != host_) continue;
    pull.keyring.add(group.group);
    pull.groups.push_back(group.group.id);
  }
  return pull;
}

Result<SyncReport> Client::sync(Scheme scheme, const std::function<void(const Progress&)>& progress) {
  if (const Status fresh = store_.refresh(); !fresh) return fail(fresh.error());
  const Result<ServerFacts> facts = this->facts();
  if (!facts) return fail(facts.error());
  if (scheme == Scheme::cursor) {
    if (!options_.allow_leaky)
      return fail(Errc::denied,
                  "sync: scheme cursor lets the server link your sessions; --allow-leaky if you accept that");
    if (!facts->allows("cursor")) return fail(Errc::unsupported, "sync: this server does not allow scheme cursor");
  }
  Result<SegmentList> list = segment_list();
  if (!list) return fail(list.error());

  const ServerState* const state = store_.profile().server(host_);
  if (state != nullptr && facts->committed_end < state->reached.position)
    return fail(Errc::corrupt, "server: its log is shorter than it was. It has lost records, or hides them from you");
  Pull pull = make_pull(std::move(*list), scheme == Scheme::cursor);
  pull.on_progress = progress;
  const uint64_t start = pull.stream.position().value;
  pull.progress.records_total = facts->committed_end - std::min(facts->committed_end, start);
  const uint64_t bytes_before = http_.traffic().bytes_received;
  if (scheme == Scheme::segments) {
    if (const Status pulled = pull_segments(pull); !pulled) return fail(pulled.error());
  } else {
    Status pulled = pull_log(pull, "/v1/log?from=" + std::to_string(start), false);
    if (!pulled) return fail(pulled.error());
  }
  if (const Status saved = save(pull, true); !saved) return fail(saved.error());
  pull.progress.records_done = pull.report.records;
  pull.progress.records_total = pull.report.records;
  if (progress) progress(pull.progress);
  pull.report.bytes = http_.traffic().bytes_received - bytes_before;
  return pull.report;
}

Status Client::watch(const std::function<void(const MessageStored&)>& on_message) {
  const Result<ServerFacts> facts = this->facts();
  if (!facts) return fail(facts.error());
  Result<SegmentList> list = segment_list();
  if (!list) return fail(list.error());
  Pull pull = make_pull(std::move(*list), false);
  pull.on_message = on_message;
  return pull_log(pull, "/v1/log?from=" + std::to_string(pull.stream.position().value) + "&follow=1", true);
}

// ---- posting ----

Result<uint64_t> Client::post_record(ByteView record) {
  for (int tries = 0;; ++tries) {
    const Result<HttpAnswer> answer = http_.request(
        {.method = "POST", .target = "/v1/records", .content_type = "application/octet-stream", .body = record});
    if (!answer) return fail(answer.error());
    if (answer->status == 200 || answer->status == 201) {
      const Result<Bytes> body = http_.read_all(kAnswerBytesMax);
      if (!body) return fail(body.error());
      return parse_posted(text_of(*body));
    }
    const Error error = refused(*answer).error();
    // A full queue clears in milliseconds; a post may be repeated without harm.
    if (error.code != Errc::busy || tries == kPostTries) return fail(error);
  }
}

Result<std::vector<uint64_t>> Client::post(const GroupId& group, std::string_view text, Form form) {
  const GroupState* state = store_.profile().group(group);
  if (state == nullptr) return fail(Errc::not_found, "post: this profile is not in that group");
  const Result<std::vector<std::string>> texts = split(text, form, random_);
  if (!texts) return fail(texts.error());
  const uint64_t now_s = options_.now_s();
  const Result<PublicKey> author = key_of_hostname(store_.identity().hostname());
  if (!author) return fail(author.error());
  std::vector<uint64_t> positions;
  for (const std::string& part : *texts) {
    state = store_.profile().group(group);
    const std::optional<Signature> previous = state->newest_signature();
    Result<Bytes> record = compose(state->group, store_.identity(), {part, now_s, previous}, form, random_);
    if (!record) return fail(record.error());
    // Kept before it is sent: whatever happens, it is never posted twice with different bytes.
    if (const Status kept = store_.commit(only(Composed{group, *record}), Store::Keep::relaxed); !kept)
      return fail(kept.error());
    const Result<uint64_t> position = post_record(*record);
    MessageStored stored;
    stored.group = group;
    std::copy_n(record->begin(), stored.signature.size(), stored.signature.begin());
    if (!position) {
      const Errc code = position.error().code;
      const bool never = code == Errc::conflict || code == Errc::malformed || code == Errc::too_large;
      if (never) (void)store_.commit(only(Refused{stored.signature}), Store::Keep::relaxed);
      return fail(position.error());
    }
    stored.position = *position;
    stored.acknowledged = true;
    stored.previous = previous;
    stored.author = *author;
    stored.timestamp = now_s;
    stored.text = part;
    if (const Status kept = store_.commit(only(stored), Store::Keep::relaxed); !kept) return fail(kept.error());
    positions.push_back(*position);
  }
  return positions;
}

Status Client::post_outbox() {
  while (!store_.profile().outbox().empty()) {
    const Composed composed = store_.profile().outbox().front();
    const GroupState* const state = store_.profile().group(composed.group);
    Signature signature;
    std::copy_n(composed.record.begin(), signature.size(), signature.begin());
    if (state == nullptr || state->group.server != host_) return {};  // of another server: not ours to send
    const Result<Message> message = open(state->group, composed.record);
    const Result<uint64_t> position =
        message ? post_record(composed.record) : Result<uint64_t>(fail(Errc::malformed, "post: unreadable"));
    if (!position) {
      const Errc code = position.error().code;
      if (code != Errc::conflict && code != Errc::malformed && code != Errc::too_large) return fail(position.error());
      if (const Status kept = store_.commit(only(Refused{signature}), Store::Keep::relaxed); !kept) return kept;
      continue;
    }
    MessageStored stored;
    stored.group = composed.group;
    stored.position = *position;
    stored.acknowledged = true;
    stored.signature = signature;
    stored.previous = message->previous;
    const Result<PublicKey> author = key_of_hostname(message->author);
    if (!author) return fail(author.error());
    stored.author = *author;
    stored.timestamp = message->timestamp;
    stored.text = message->text;
    if (const Status kept = store_.commit(only(stored), Store::Keep::relaxed); !kept) return kept;
  }
  return {};
}

}  // namespace cwtch::client
