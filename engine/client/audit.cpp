#include "engine/client/audit.hpp"

#include <algorithm>

#include "engine/core/sha256.hpp"
#include "engine/log/rows.hpp"

namespace cwtch::client {
namespace {

// Whatever the server says:
constexpr double kStaticsBytesMax = 4e9;                         // of all databases
constexpr double kDatabaseBytesMax = 4.0 * (uint64_t{1} << 30);  // of one, as a server holds it
constexpr uint64_t kIndexBytesMax = uint64_t{1} << 30;           // sixty million records
constexpr size_t kPlacesMax = 1 << 20;                           // blocks of the index
constexpr int kListsMax = 4;                                     // while segments are merged under us
constexpr size_t kReceiveBytes = 64 * 1024;

bool lists(const OfferList& list, const pir::Scheme& scheme, const ByteArray<32>& sha256) {
  const auto has = [&](const DatabaseOffer& database) {
    return std::any_of(database.statics.begin(), database.statics.end(),
                       [&](const DatabaseOffer::Static& blob) { return blob.sha256 == sha256; });
  };
  return std::any_of(list.offers.begin(), list.offers.end(), [&](const SchemeOffer& offer) {
    return offer.scheme == scheme.info().name && (std::any_of(offer.databases.begin(), offer.databases.end(), has) ||
                                                  (offer.hot && has(*offer.hot)) || (offer.day && has(*offer.day)));
  });
}

}  // namespace

const char* name(AuditVerdict verdict) {
  switch (verdict) {
    case AuditVerdict::matches:
      return "matches";
    case AuditVerdict::retired:
      return "retired";
    case AuditVerdict::listed_differs:
      return "listed_differs";
    case AuditVerdict::served_differs:
      return "served_differs";
    case AuditVerdict::not_served:
      return "not_served";
  }
  return "";
}

bool harmless(AuditVerdict verdict) { return verdict == AuditVerdict::matches || verdict == AuditVerdict::retired; }

Audit::Audit(io::Files& files, Random& random, Dialer& dialer, const Endpoint& endpoint, std::string host,
             const AuditOptions& options)
    : files_(files), random_(random), dialer_(dialer), endpoint_(endpoint), host_(std::move(host)), options_(options) {}

Result<AuditReport> Audit::run() {
  for (const pir::Scheme* const scheme : options_.schemes) {
    if (const Status asked = ask(*scheme); !asked) return fail(asked.error());
  }
  report_.host = host_;
  if (targets_.empty()) return report_;
  if (const Status read = read_rows(); !read) return fail(read.error());

  progress_ = {.computing = true, .done = 0, .total = 0};
  const auto transforms = [](const Target& target) {
    return static_cast<uint64_t>(target.scheme->cost(target.offered.geometry, 1).setup.transforms);
  };
  for (const Target& target : targets_) progress_.total += transforms(target);
  if (on_progress) on_progress(progress_);
  for (const Target& target : targets_) {
    const Result<AuditVerdict> verdict = judge(target);
    if (!verdict) return fail(verdict.error());
    const pir::Geometry& geometry = target.offered.geometry;
    report_.databases.push_back({target.scheme, target.offered.offer.name, geometry.rows,
                                 static_cast<uint64_t>(target.scheme->cost(geometry, 1).statics_bytes), *verdict});
    progress_.done += transforms(target);
    if (on_progress) on_progress(progress_);
  }
  return report_;
}

// ---- what is offered ----

Status Audit::ask(const pir::Scheme& scheme) {
  ServerLink link(dialer_, endpoint_);
  const Result<ServerFacts> facts = host_.empty() ? link.facts() : link.facts_of(host_);
  if (!facts) return fail(facts.error());
  host_ = facts->host;
  if (!(facts_ ? *facts_ : *facts).allows(scheme.info().name)) {
    report_.not_offered.push_back(&scheme);
    return {};
  }
  Result<OfferList> list = link.offers();
  if (!list) return fail(list.error());
  if (!facts_) {
    facts_ = *facts;
    list_ = std::move(*list);
  }
  auto databases = offered(scheme);
  if (!databases) return fail(databases.error());
  if (databases->empty()) {
    report_.not_offered.push_back(&scheme);
    return {};
  }
  if (const Status checked = check_sizes(scheme, *databases); !checked) return checked;

  Result<SegmentList> segments = link.segments();
  if (!segments) return fail(segments.error());
  segments_ = std::move(*segments);
  if (const Status read = read_index(link); !read) return read;
  for (OfferedDatabase& database : *databases) {
    if (const Status added = add(link, scheme, std::move(database)); !added) return added;
  }
  report_.bytes += link.traffic().bytes();
  return {};
}

// None: there are none yet.
Result<std::vector<OfferedDatabase>> Audit::offered(const pir::Scheme& scheme) const {
  const auto offer = find_offer(list_, scheme);
  if (!offer && offer.error().code == Errc::busy) return std::vector<OfferedDatabase>();
  if (!offer) return fail(offer.error());
  auto databases = history_databases(list_, **offer, scheme);
  if (!databases) return databases;
  for (const auto& [poll, geometry] : {std::pair((*offer)->hot, pir::hot_database(list_.windows, list_.row_bytes)),
                                       std::pair((*offer)->day, pir::day_database(list_.windows, list_.row_bytes))}) {
    auto database = poll_database(scheme, poll, geometry);
    if (!database) return fail(database.error());
    if (*database) databases->push_back(std::move(**database));
  }
  return databases;
}

Status Audit::check_sizes(const pir::Scheme& scheme, const std::vector<OfferedDatabase>& databases) {
  for (const OfferedDatabase& database : databases) {
    if (const Status checked = check_statics(scheme, database); !checked) return checked;
    const pir::Cost cost = scheme.cost(database.geometry, 1);
    if (cost.server_bytes > kDatabaseBytesMax)
      return fail(Errc::too_large, "server: a database is larger than an audit may hold");
    statics_bytes_ += cost.statics_bytes;
    first_row_ = std::min(first_row_, database.geometry.first_row);
    end_row_ = std::max(end_row_, database.geometry.end_row());
  }
  if (statics_bytes_ > kStaticsBytesMax)
    return fail(Errc::too_large, "server: its static parts are more than an audit may read");
  if (end_row_ - first_row_ > options_.bytes_max / list_.row_bytes)
    return fail(Errc::too_large, "server: its databases are larger than an audit may store");
  return {};
}

// Only where its blocks begin and end. What they say of records is another matter: a wrong entry spoils what is looked
// for by it, and full send finds what it left out.
Status Audit::read_index(ServerLink& link) {
  struct Visitor final : IndexStream::Visitor {
    explicit Visitor(std::map<uint64_t, uint64_t>& to) : rows_at(to) {}
    void entry(const log::IndexEntry&) override {}
    Status block(const IndexPlace& end, uint32_t) override { return add(end); }
    Status add(const IndexPlace& place) {
      if (rows_at.emplace(place.position, place.row).first->second != place.row)
        return fail(Errc::corrupt, "server: its index is not the one that it served before");
      if (rows_at.size() > kPlacesMax) return fail(Errc::too_large, "server: its index has too many blocks");
      return {};
    }
    std::map<uint64_t, uint64_t>& rows_at;
  };
  const std::string target = "/v1/index?from=" + std::to_string(segments_.first_retained) + "&sealed";
  if (const Status got = link.get(target); !got) return got;
  Visitor visitor(rows_at_);
  IndexStream stream(segments_.first_retained, {});
  Bytes room(kReceiveBytes);
  uint64_t bytes = 0;
  while (true) {
    const Result<size_t> got = link.read(room);
    if (!got) return fail(got.error());
    if (*got == 0) break;
    bytes += *got;
    if (bytes > kIndexBytesMax) return fail(Errc::too_large, "server: its index is longer than an audit may read");
    if (const Status taken = stream.received(ByteView(room).first(*got), visitor); !taken) return taken;
  }
  if (const Status whole = stream.finish(); !whole) return whole;
  if (const Status added = visitor.add(stream.first()); !added) return added;
  if (stream.place().position < segments_.tail_first)
    return fail(Errc::corrupt, "server: its index ends before where it said its tail begins");
  if (stream.row_bytes() != list_.row_bytes)
    return fail(Errc::corrupt, "server: its index counts in other rows than its databases have");
  return {};
}

Status Audit::add(ServerLink& link, const pir::Scheme& scheme, OfferedDatabase offered) {
  const pir::Geometry& geometry = offered.geometry;
  if (geometry.end_row() > rows_at_.rbegin()->second)
    return fail(Errc::corrupt, "server: its index ends before its databases do");
  Target target{&scheme, std::move(offered), {}};
  for (const DatabaseOffer::Static& blob : target.offered.offer.statics) {
    const Result<Served> served = fetch(link, scheme, blob);
    if (!served) return fail(served.error());
    target.statics.push_back(*served);
  }
  targets_.push_back(std::move(target));
  return {};
}

Result<Audit::Served> Audit::fetch(ServerLink& link, const pir::Scheme& scheme, const DatabaseOffer::Static& blob) {
  const Status got = link.get("/v1/blobs/" + to_hex(blob.sha256));
  if (!got && got.error().code != Errc::not_found && got.error().code != Errc::gone) return fail(got.error());
  if (!got) {
    const Result<OfferList> list = link.offers();
    if (!list) return fail(list.error());
    return Served{lists(*list, scheme, blob.sha256) ? Served::Kind::none : Served::Kind::retired};
  }
  Sha256 hash;
  Bytes room(kReceiveBytes);
  for (uint64_t bytes = 0; bytes <= blob.bytes;) {  // of a longer one enough to differ
    const Result<size_t> more = link.read(room);
    if (!more) return fail(more.error());
    if (*more == 0) break;
    bytes += *more;
    hash.add(ByteView(room).first(*more));
  }
  return Served{Served::Kind::bytes, hash.finish()};
}

// ---- the log ----

// Takes the records of segments, and writes those of their rows that are in databases.
class Audit::Writer final : public RecordStream::Visitor {
 public:
  explicit Writer(Audit& audit) : audit_(audit) {}

  uint64_t position() const { return position_; }  // of the next record
  uint64_t row() const { return row_; }            // its first
  // Before the next record, if it is known.
  std::optional<uint32_t> chain() const { return chain_; }

  // Whether the segment has anything behind position() that is wanted.
  bool wants(const SealedSegment& segment) const {
    if (segment.last < position_ || segment.first >= audit_.rows_at_.rbegin()->first) return false;
    const auto begin = audit_.rows_at_.find(segment.first), end = audit_.rows_at_.find(segment.last + 1);
    return (begin == audit_.rows_at_.end() || begin->second < audit_.end_row_) &&
           (end == audit_.rows_at_.end() || end->second > audit_.first_row_);
  }
  // Nothing is wanted, or left, before this position.
  Status skip_to(uint64_t position) {
    const auto place = audit_.rows_at_.find(position);
    if (place == audit_.rows_at_.end())
      return fail(Errc::corrupt, "server: its list of segments does not fit its index");
    if (place->second < row_) return fail(Errc::corrupt, "server: its index numbers rows otherwise than before");
    position_ = position;
    row_ = place->second;
    chain_.reset();
    const bool gap = row_ > audit_.rows_->next_row() && row_ < audit_.end_row_;
    return gap ? audit_.rows_->skip_to(row_) : Status();
  }

  Status record(log::Position position, ByteView record, uint32_t chain) override {
    if (position.value < position_) return {};  // of a segment that was merged since a part of it was read
    CHECK(position.value == position_);
    const uint32_t size = audit_.list_.row_bytes;
    encoded_.resize(size_t{log::rows_of(record.size(), size)} * size);
    log::encode_rows(record, size, encoded_);
    for (ByteView rest = encoded_; !rest.empty(); rest = rest.subspan(size), ++row_) {
      if (row_ < audit_.first_row_ || row_ >= audit_.end_row_) continue;
      if (const Status appended = audit_.rows_->append(rest.first(size)); !appended) return appended;
    }
    position_ += 1;
    chain_ = chain;
    audit_.report_.records += 1;
    const auto place = audit_.rows_at_.find(position_);
    if (place != audit_.rows_at_.end() && place->second != row_)
      return fail(Errc::corrupt, "server: its index numbers rows otherwise than its log has them");
    return {};
  }
  void anchor(log::Position, uint32_t) override {}

 private:
  Audit& audit_;
  uint64_t position_ = 0;
  uint64_t row_ = 0;
  std::optional<uint32_t> chain_;
  Bytes encoded_;
};

Status Audit::read_rows() {
  auto rows = RowFile::create(files_, random_, options_.directory, first_row_, list_.row_bytes,
                              (end_row_ - first_row_) * list_.row_bytes);
  if (!rows) return fail(rows.error());
  rows_ = std::move(*rows);

  ServerLink link(dialer_, endpoint_);
  Writer writer(*this);
  for (int lists = 0;; ++lists) {
    const Status read = read_segments(link, writer);
    if (read) break;
    const bool moved = read.error().code == Errc::not_found || read.error().code == Errc::gone;
    if (!moved || lists == kListsMax) return read;
    Result<SegmentList> segments = link.segments();
    if (!segments) return fail(segments.error());
    segments_ = std::move(*segments);
  }
  report_.bytes += link.traffic().bytes();
  // Unless retention took the rest.
  if (writer.row() < end_row_ && writer.position() >= segments_.first_retained)
    return fail(Errc::corrupt, "server: its segments end before its databases do");
  return rows_->finish();
}

Status Audit::read_segments(ServerLink& link, Writer& writer) {
  progress_.total = progress_.done;
  for (const SealedSegment& segment : segments_.segments) {
    if (!writer.wants(segment)) continue;
    if (segment.bytes > options_.bytes_max - (progress_.total - progress_.done))
      return fail(Errc::too_large, "server: its segments are larger than an audit may read");
    progress_.total += segment.bytes;
  }
  for (const SealedSegment& segment : segments_.segments) {
    if (!writer.wants(segment)) continue;
    if (segment.first > writer.position()) {
      if (const Status skipped = writer.skip_to(segment.first); !skipped) return skipped;
    }
    const bool continues = segment.first == writer.position() && writer.chain();
    RecordStream stream({segment.first}, continues ? writer.chain() : segment.chain_before);
    const Status read = link.segment(segment, stream, writer, [&](size_t bytes) {
      progress_.done += bytes;
      if (on_progress) on_progress(progress_);
    });
    if (!read) return read;
  }
  return {};
}

// ---- the comparison ----

Result<AuditVerdict> Audit::judge(const Target& target) const {
  const pir::Geometry& geometry = target.offered.geometry;
  const std::vector<DatabaseOffer::Static>& listed = target.offered.offer.statics;
  if (!rows_->holds(geometry.first_row, geometry.rows)) return AuditVerdict::retired;
  const auto own = target.scheme->statics({.server = host_, .parallel = options_.parallel}, geometry, *rows_);
  if (const Status read = rows_->status(); !read) return fail(read.error());

  const bool same = std::equal(own.begin(), own.end(), listed.begin(), listed.end(),
                               [](const pir::Blob& blob, const DatabaseOffer::Static& named) {
                                 return blob.sha256 == named.sha256 && blob.bytes.size() == named.bytes;
                               });
  if (!same) return AuditVerdict::listed_differs;
  auto verdict = AuditVerdict::matches;
  for (size_t i = 0; i < own.size(); ++i) {
    const Served& served = target.statics[i];
    if (served.kind == Served::Kind::bytes && served.sha256 != own[i].sha256) return AuditVerdict::served_differs;
    if (served.kind == Served::Kind::none) return AuditVerdict::not_served;
    if (served.kind == Served::Kind::retired) verdict = AuditVerdict::retired;
  }
  return verdict;
}

}  // namespace cwtch::client
