#include "engine/client/retrieve.hpp"

#include <algorithm>

#include "engine/client/message.hpp"
#include "engine/client/record_stream.hpp"
#include "pir/grid.hpp"

namespace cwtch::client {
namespace {

// Whatever the server says:
constexpr uint64_t kRowsMaxAllowed = 1 << 20;  // of a database
constexpr uint64_t kDatabasesMax = 1 << 16;

}  // namespace

Retrieve::Retrieve(Store& store, Random& random, Dialer& dialer, const Endpoint& endpoint, std::string host,
                   const RetrieveOptions& options)
    : store_(store),
      random_(random),
      dialer_(dialer),
      endpoint_(endpoint),
      host_(std::move(host)),
      options_(options),
      keyring_(host_) {
  groups_ = keyring_.add_all(store.profile());
}

Result<RetrieveReport> Retrieve::run(ServerLink& link, const ServerFacts& facts) {
  const auto scheme = choose_scheme(options_.scheme, options_.allow_relaxed_trust, facts);
  if (!scheme) return fail(scheme.error());
  scheme_ = *scheme;
  const Result<OfferList> list = link.offers();
  if (!list) return fail(list.error());
  if (const Status checked = check_offer(*list); !checked) return fail(checked.error());
  uint64_t before = link.traffic().bytes();
  const auto spent = [&] {
    const uint64_t now = link.traffic().bytes();
    return now - std::exchange(before, now);
  };

  if (const Status read = read_index(link, facts); !read) return fail(read.error());
  report_.index_bytes = spent();
  if (const Status read = read_statics(link); !read) return fail(read.error());
  report_.statics_bytes = spent();
  query_all();
  const Status tail = read_tail(link);
  report_.tail_bytes = spent();
  for (const RowCollector::Whole& whole : fetched_) {
    const GroupState& state = *store_.profile().group(whole.wanted.group);
    const Verdict verdict = judge_rows(state.group, whole.wanted, whole.rows, row_bytes_, events_);
    report_.count(verdict, state, events_.back());
  }
  if (const Status kept = store_.commit(events_, Store::Keep::durable); !kept) return fail(kept.error());
  if (!tail) return fail(tail.error());
  return report_;
}

// Only what anybody would be offered: the grid's own ranges, of the sizes that follow from them.
Status Retrieve::check_offer(const OfferList& list) {
  const auto found = find_offer(list, *scheme_);
  if (!found) return fail(found.error());
  const SchemeOffer* const offer = *found;
  const pir::Grid grid{.unit = scheme_->info().rows_min, .rows_max = offer->rows_max};
  if (offer->unit != grid.unit || offer->factor != grid.factor || grid.rows_max > kRowsMaxAllowed ||
      offer->first_row > offer->end_row) {
    return fail(Errc::corrupt, "server: its databases are not on the public grid");
  }
  if ((offer->end_row - offer->first_row) / grid.unit > kDatabasesMax * grid.factor) {
    return fail(Errc::corrupt, "server: its databases are too many");
  }
  const auto stretches = grid.cover(offer->first_row, offer->end_row);
  // A row between the databases and the tail would never come.
  const bool whole = stretches.empty() ? offer->first_row == offer->end_row
                                       : offer->first_row == stretches.front().first_row &&
                                             offer->end_row == stretches.back().first_row + stretches.back().rows;
  bool same = whole && stretches.size() == offer->databases.size();
  for (size_t i = 0; same && i < stretches.size(); ++i) {
    const pir::Geometry geometry{
        .first_row = stretches[i].first_row, .rows = stretches[i].rows, .row_bytes = list.row_bytes};
    same = pir::check(geometry) && scheme_->fits(geometry) && pir::name_of(geometry) == offer->databases[i].name;
    geometries_.push_back(geometry);
  }
  if (!same) return fail(Errc::corrupt, "server: its databases are not those of the public grid");
  offer_ = *offer;
  row_bytes_ = list.row_bytes;
  return {};
}

Status Retrieve::read_index(ServerLink& link, const ServerFacts& facts) {
  Result<SegmentList> list = link.segments();
  if (!list) return fail(list.error());
  list_ = std::move(*list);
  IndexPull pull(store_, host_, list_, offer_.end_row);
  // Durably not now, but behind the last request: a disk takes its time only if there is something to keep.
  if (const Status read = pull.read(link, facts.committed_end, Store::Keep::relaxed); !read) return read;
  if (pull.place().row < offer_.end_row) return fail(Errc::corrupt, "server: its index ends before its databases do");
  if (pull.row_bytes() != row_bytes_)
    return fail(Errc::corrupt, "server: its index counts in other rows than its databases have");
  tail_position_ = pull.beyond();
  report_.records = pull.report().records;

  auto turns = store_.profile().server(host_)->wanted.turns();
  for (auto& records : turns) {
    report_.outside +=
        std::erase_if(records, [&](const RecordWanted& wanted) { return wanted.row < offer_.first_row; });
    std::erase_if(records, [&](const RecordWanted& wanted) { return wanted.row + wanted.rows > offer_.end_row; });
  }
  collector_.emplace(turns);
  report_.wanted = collector_->records();
  return {};
}

Status Retrieve::read_statics(ServerLink& link) {
  for (size_t i = 0; i < geometries_.size(); ++i) {
    auto client = connect(link, *scheme_, host_, geometries_[i], offer_.databases[i]);
    if (!client) return fail(client.error());
    databases_.push_back({offer_.databases[i].name, std::move(*client)});
  }
  return {};
}

void Retrieve::query_all() {
  RetrieveProgress progress{0, uint64_t{options_.rounds} * databases_.size()};
  for (uint32_t round = 0; round < options_.rounds; ++round) {
    for (const Database& database : databases_) {
      query(database);
      progress.queries_done += 1;
      if (on_progress) on_progress(progress);
    }
  }
  report_.waiting = collector_->records();
}

void Retrieve::query(const Database& database) {
  const std::vector<uint64_t> rows = collector_->choose(database.client->geometry());
  pir::Query query = database.client->query(rows, random_);
  ServerLink link(dialer_, endpoint_);
  const Result<Bytes> answer =
      link.query(scheme_->info().name, database.name, query.request, database.client->answer_bytes());
  report_.query_bytes += link.traffic().bytes();
  if (!answer) {
    report_.failed_queries += 1;
    return;
  }
  const Result<std::vector<pir::Row>> fetched = database.client->recover(std::move(query.secret), *answer);
  if (!fetched) {
    report_.failed_queries += 1;
    return;
  }
  for (const pir::Row& row : *fetched) {
    if (auto whole = collector_->got(row.number, row.bytes)) fetched_.push_back(std::move(*whole));
  }
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

// From the public boundary before what the databases do not have: the same for everybody.
Status Retrieve::read_tail(ServerLink& link) {
  const uint64_t from = list_.boundary_at(tail_position_);
  if (const Status got = link.get("/v1/log?from=" + std::to_string(from)); !got) return got;

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
  while (true) {
    const Result<size_t> got = link.read(stream.room());
    if (!got) return fail(got.error());
    if (*got == 0) break;
    if (const Status read = stream.received(*got, visitor); !read) return read;
  }
  if (!stream.between_frames()) return fail(Errc::corrupt, "server: its log ends inside a frame");
  return {};
}

}  // namespace cwtch::client
