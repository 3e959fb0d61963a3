#include "engine/client/retrieve.hpp"

#include <algorithm>

#include "engine/client/message.hpp"
#include "engine/client/mutant.hpp"
#include "engine/client/record_stream.hpp"

namespace cwtch::client {
namespace {

// Whatever the server says:
constexpr double kStaticsBytesMax = 4e9;                // of all databases, which are in memory together
constexpr uint64_t kIndexBytesMax = uint64_t{1} << 30;  // sixty million records
constexpr uint64_t kTailBytesMax = uint64_t{512} << 20;

}  // namespace

Retrieve::Retrieve(Store& store, Random& random, Dialer& dialer, Payer& payer, MarkClock& clock,
                   const Endpoint& endpoint, std::string host, const RetrieveOptions& options)
    : store_(store),
      random_(random),
      dialer_(dialer),
      payer_(payer),
      clock_(clock),
      endpoint_(endpoint),
      host_(std::move(host)),
      options_(options),
      keyring_(host_) {}

Result<RetrieveReport> Retrieve::run() {
  if (const Status fresh = store_.refresh(); !fresh) return fail(fresh.error());
  groups_ = keyring_.add_all(store_.profile());
  ServerLink link(dialer_, endpoint_);
  uint64_t before = 0;
  const auto spent = [&] {
    const uint64_t now = link.traffic().bytes();
    return now - std::exchange(before, now);
  };

  const Result<ServerFacts> facts = link.facts_of(host_);
  if (!facts) return fail(facts.error());
  const auto scheme = choose_scheme(options_.scheme, options_.allow_relaxed_trust, payer_, *facts);
  if (!scheme) return fail(scheme.error());
  const Result<OfferList> offers = link.offers();
  if (!offers) return fail(offers.error());
  if (const Status checked = check_offer(*offers, **scheme); !checked) return fail(checked.error());
  const Result<SegmentList> segments = link.segments();
  if (!segments) return fail(segments.error());
  report_.documents_bytes = spent();

  IndexPull pull(store_, host_, *segments, end_row_);
  const Result<Bytes> index = pull.fetch_sealed(link, facts->committed_end, kIndexBytesMax);
  if (!index) return fail(index.error());
  report_.index_bytes = spent();
  for (Database& database : databases_) {
    auto client = connect(link, **scheme, host_, database.offered);
    if (!client) return fail(client.error());
    database.client = std::move(*client);
  }
  report_.statics_bytes = spent();
  link.disconnect();

  Marks marks(clock_, options_.mark_ms);
  if (const Status understood = understand(pull, *index); !understood) return fail(understood.error());
  query_all(**scheme, marks);
  // From the public boundary before what the databases do not have: the same for everybody.
  const uint64_t from = segments->boundary_at(tail_position_);
  const Result<Bytes> tail = link.document("/v1/log?from=" + std::to_string(from), kTailBytesMax);
  report_.tail_bytes = spent();
  link.disconnect();

  // Nothing is asked from here on.
  open_lap();
  report_.waiting = collector_->records();
  report_.overran = marks.overran();
  for (const RowCollector::Whole& whole : fetched_)
    report_.judge(store_.profile(), whole.wanted, whole.rows, row_bytes_, events_);
  const Status read = tail ? read_tail(*tail, from) : Status(fail(tail.error()));
  if (const Status kept = store_.commit(events_, Store::Keep::durable); !kept) return fail(kept.error());
  if (!read) return fail(read.error());
  return report_;
}

Status Retrieve::check_offer(const OfferList& list, const pir::Scheme& scheme) {
  const auto offer = find_offer(list, scheme);
  if (!offer) return fail(offer.error());
  const auto databases = history_databases(list, **offer, scheme);
  if (!databases) return fail(databases.error());
  double statics_bytes = 0;
  for (const OfferedDatabase& database : *databases) {
    statics_bytes += scheme.cost(database.geometry, 1).statics_bytes;
    databases_.push_back({database, nullptr});
  }
  if (statics_bytes > kStaticsBytesMax)
    return fail(Errc::too_large, "retrieve: the static parts of so many databases are more than a fetch may hold");
  first_row_ = (*offer)->first_row;
  end_row_ = (*offer)->end_row;
  row_bytes_ = list.row_bytes;
  return {};
}

Status Retrieve::understand(IndexPull& pull, ByteView index) {
  // Durably not now, but behind the last request: a disk takes its time only if there is something to keep.
  if (const Status read = pull.take_sealed(index, Store::Keep::relaxed); !read) return read;
  if (pull.place().row < end_row_) return fail(Errc::corrupt, "server: its index ends before its databases do");
  if (pull.row_bytes() != row_bytes_)
    return fail(Errc::corrupt, "server: its index counts in other rows than its databases have");
  tail_position_ = pull.beyond();
  report_.records = pull.report().records;

  auto turns = store_.profile().server(host_)->wanted.turns();
  for (auto& records : turns) {
    report_.outside += std::erase_if(records, [&](const RecordWanted& wanted) { return wanted.row < first_row_; });
    std::erase_if(records, [&](const RecordWanted& wanted) { return wanted.row + wanted.rows > end_row_; });
  }
  collector_.emplace(turns);
  report_.wanted = collector_->records();
  return {};
}

// Database after database, and again; as many at a time as fit into a lap.
void Retrieve::query_all(const pir::Scheme& scheme, Marks& marks) {
  const Desk desk{scheme, dialer_, endpoint_, payer_};
  RetrieveProgress progress{0, uint64_t{options_.rounds} * databases_.size()};
  for (uint64_t made = 0; made < progress.queries_total;) {
    open_lap();
    collector_->again();
    uint64_t bytes = 0;
    do {
      const Database& database = databases_[made % databases_.size()];
      lap_.emplace_back(*database.client, database.offered.offer.name, collector_->choose(database.offered.geometry),
                        random_);
      bytes += database.client->request_bytes();
      ++made;
    } while (made < progress.queries_total && bytes < options_.lap_bytes);
    clock_.worked();
    marks.next();
    if (mutant(Mutant::skip_when_idle) && report_.wanted == 0) lap_.clear();
    for (Question& question : lap_) {
      if (mutant(Mutant::encrypt_between_queries)) clock_.worked();
      report_.query_bytes += question.ask(desk);
      if (mutant(Mutant::retry_at_once) && question.failed()) report_.query_bytes += question.ask(desk);
      progress.queries_done += 1;
      if (on_progress) on_progress(progress);
    }
    marks.begin();
  }
}

void Retrieve::open_lap() {
  for (Question& question : lap_) report_.count(question.open(*collector_, fetched_));
  lap_.clear();
}

// A record of the tail, in full.
void Retrieve::keep(size_t group, uint64_t position, ByteView record) {
  const GroupState& state = *store_.profile().group(groups_[group]);
  const RecordWanted* const wanted = store_.profile().server(host_)->wanted.find(state.group.id, position);
  if (wanted != nullptr) {
    const Verdict verdict = judge_record(state.group, *wanted, record, events_);
    return report_.count(verdict, state, events_.back());
  }
  // Known already, or ours and now seen in its place, or behind what the index had.
  Result<Opened> opened = open(state.group, record);
  if (!opened) return;
  MessageStored stored = stored_message(state.group.id, record, std::move(*opened));
  stored.position = position;
  const size_t known = state.tree.find(stored.signature);
  if (known != Tree::kUnknown && !state.messages[known].acknowledged) return;
  if (known == Tree::kUnknown) report_.messages += 1;
  events_.emplace_back(std::move(stored));
}

Status Retrieve::read_tail(ByteView tail, uint64_t from) {
  struct Visitor final : RecordStream::Visitor {
    explicit Visitor(Retrieve& owner) : retrieve(owner) {}
    Status record(log::Position position, ByteView record, uint32_t) override {
      if (position.value < retrieve.tail_position_) return {};  // fetched as rows, or to be
      const size_t group = retrieve.keyring_.match(record);
      if (group != Keyring::kNone) retrieve.keep(group, position.value, record);
      return {};
    }
    void anchor(log::Position, uint32_t) override {}
    Retrieve& retrieve;
  };
  Visitor visitor(*this);
  RecordStream stream({from}, std::nullopt);
  while (!tail.empty()) {
    const MutableBytes room = stream.room();
    const size_t size = std::min(room.size(), tail.size());
    std::copy_n(tail.begin(), size, room.begin());
    if (const Status read = stream.received(size, visitor); !read) return read;
    tail = tail.subspan(size);
  }
  if (!stream.between_frames()) return fail(Errc::corrupt, "server: its log ends inside a frame");
  return {};
}

}  // namespace cwtch::client
