#include "engine/client/poll.hpp"

#include <algorithm>

#include "engine/client/mutant.hpp"
#include "pir/grid.hpp"
#include "pir/mobile_day.hpp"

namespace cwtch::client {
namespace {

constexpr uint64_t kIndexBytesMax = uint64_t{256} << 20;  // of one poll: fifteen million records

// What is wanted, without what is out of reach.
template <class Reaches>
std::vector<std::vector<RecordWanted>> within_reach(std::vector<std::vector<RecordWanted>> turns,
                                                    const Reaches& reaches) {
  for (auto& records : turns) std::erase_if(records, [&](const RecordWanted& wanted) { return !reaches(wanted); });
  return turns;
}

size_t count(const std::vector<std::vector<RecordWanted>>& turns) {
  size_t records = 0;
  for (const auto& group : turns) records += group.size();
  return records;
}

}  // namespace

Poller::Poller(Store& store, Random& random, Dialer& dialer, Payer& payer, PollClock& clock, const Endpoint& endpoint,
               std::string host, const PollOptions& options)
    : store_(store),
      random_(random),
      dialer_(dialer),
      payer_(payer),
      clock_(clock),
      endpoint_(endpoint),
      host_(std::move(host)),
      options_(options) {}

Result<PollReport> Poller::poll() {
  if (const Status fresh = store_.refresh(); !fresh) return fail(fresh.error());
  PollReport report;
  ServerLink link(dialer_, endpoint_);
  uint64_t before = 0;
  const auto spent = [&] {
    const uint64_t now = link.traffic().bytes();
    return now - std::exchange(before, now);
  };

  const Result<ServerFacts> facts = link.facts_of(host_);
  if (!facts) return fail(facts.error());
  const auto scheme = choose_scheme(options_.scheme, options_.allow_relaxed_trust, *facts);
  if (!scheme) return fail(scheme.error());
  const Result<OfferList> offers = link.offers();
  if (!offers) return fail(offers.error());
  std::vector<Exchange> exchanges;
  if (const Status planned = plan(*offers, **scheme, exchanges); !planned) return fail(planned.error());
  Result<SegmentList> segments = link.segments();
  if (!segments) return fail(segments.error());
  report.documents_bytes = spent();

  IndexPull pull(store_, host_, std::move(*segments));
  const Result<Bytes> index = pull.fetch(link, facts->committed_end, kIndexBytesMax);
  if (!index) return fail(index.error());
  report.index_bytes = spent();
  for (Exchange& exchange : exchanges) {
    auto client = connect(link, **scheme, host_, exchange.geometry, exchange.offer);
    if (!client) return fail(client.error());
    exchange.client = std::move(*client);
    (exchange.day ? report.day_bytes : report.statics_bytes) += spent();
  }
  link.disconnect();
  const uint64_t ready_ms = clock_.now_ms();

  // Our own work, in a pause whose length does not depend on it.
  if (const Status read = pull.take(*index, facts->committed_end, Store::Keep::relaxed); !read)
    return fail(read.error());
  if (const Status checked = check_windows(offers->windows, pull); !checked) return fail(checked.error());
  if (pull.row_bytes() != offers->row_bytes)
    return fail(Errc::corrupt, "server: its index counts in other rows than its databases have");
  report.records = pull.report().records;
  const auto turns = store_.profile().server(host_)->wanted.turns();
  const auto is_here = [&](const RecordWanted& wanted) {
    return std::any_of(exchanges.begin(), exchanges.end(),
                       [&](const Exchange& exchange) { return exchange.geometry.contains(wanted.row); });
  };
  report.wanted = count(within_reach(turns, is_here));
  RowCollector collector(turns);
  const uint64_t batch_row = pir::first_row_of_day(offers->windows);
  std::vector<Asked> queries = make_queries(exchanges, collector, batch_row);
  clock_.worked();

  if (mutant(Mutant::skip_when_idle) && report.wanted == 0) queries.clear();
  for (size_t i = 0; i < queries.size(); ++i) {
    clock_.wait_until(ready_ms + (i + 1) * options_.mark_ms);
    if (mutant(Mutant::encrypt_between_queries)) clock_.worked();
    ask(**scheme, queries[i], report);
    if (mutant(Mutant::retry_at_once) && !queries[i].answer) ask(**scheme, queries[i], report);
  }
  if (mutant(Mutant::slot_more_on_backlog) && report.wanted > options_.slots) ask(**scheme, queries[0], report);
  report.day = std::any_of(exchanges.begin(), exchanges.end(), [](const Exchange& exchange) { return exchange.day; });
  if (report.day) day_ = pir::poll_day(offers->windows);

  if (const Status opened = open(queries, collector, offers->row_bytes, report); !opened) return fail(opened.error());
  clock_.worked();
  if (mutant(Mutant::repair_on_demand) && report.spoiled > 0) ask(**scheme, queries[0], report);
  const auto rest = store_.profile().server(host_)->wanted.turns();
  const uint64_t reach = this->reach(offers->windows);
  report.waiting = count(within_reach(rest, [&](const RecordWanted& wanted) { return wanted.row >= reach; }));
  report.outside = count(rest) - report.waiting;
  report.arrived = arrived(offers->windows);
  const auto arrived = static_cast<double>(report.arrived);
  report.overload = static_cast<uint64_t>(arrived - pir::messages_per_day({.slots = options_.slots}, arrived));
  return report;
}

// The first row that a later poll may bring: of the newest window, and of the days whose batch is still to come.
uint64_t Poller::reach(const pir::WindowList& list) const {
  if (list.windows.empty()) return 0;
  const uint32_t today = pir::poll_day(list), first_day = day_ == today ? today : today - 1;
  size_t first = list.windows.size() - 1;
  while (first > 0 && list.windows[first - 1].hour / pir::kHoursPerDay >= first_day) --first;
  return list.begin_of(first);
}

uint64_t Poller::arrived(const pir::WindowList& list) const {
  uint64_t arrived = 0;
  for (const WindowRead& read : seen_->windows) {
    if (!list.windows.empty() && read.window.hour + pir::kHoursPerDay > list.windows.back().hour)
      arrived += read.wanted;
  }
  return arrived;
}

// Every window must end where the index has it, as far as the index was read here: a server that could choose the
// windows of one session would know that session again by them.
Status Poller::check_windows(const pir::WindowList& list, const IndexPull& pull) {
  if (!seen_) seen_ = Seen{pull.first().row, {}};
  auto& seen = seen_->windows;
  while (!seen.empty() && seen.back().window.end_row > pull.first().row) seen.pop_back();
  for (const WindowRead& read : pull.windows()) {
    if (seen.empty() || seen.back().window.hour != read.window.hour) seen.push_back({read.window});
    seen.back().window.end_row = read.window.end_row;
    seen.back().wanted += read.wanted;
  }
  const auto ends = [&](uint64_t row, std::optional<uint32_t> hour) {
    return row <= seen_->first_row || std::any_of(seen.begin(), seen.end(), [&](const WindowRead& read) {
             return read.window.end_row == row && (!hour || read.window.hour == *hour);
           });
  };
  bool same = ends(list.first_row, std::nullopt);
  for (const pir::Window& window : list.windows) same &= ends(window.end_row, window.hour);
  if (!same) return fail(Errc::corrupt, "server: its windows are not those of its index");
  while (!seen.empty() && seen.front().window.end_row < list.first_row) {
    seen_->first_row = seen.front().window.end_row;
    seen.erase(seen.begin());
  }
  return {};
}

// Exactly what follows from the windows, or nothing.
Status Poller::plan(const OfferList& list, const pir::Scheme& scheme, std::vector<Exchange>& exchanges) {
  const auto offer = find_offer(list, scheme);
  if (!offer) return fail(offer.error());
  const auto add = [&](const std::optional<DatabaseOffer>& offered, const std::optional<pir::Geometry>& geometry,
                       bool day) -> Status {
    if (!offered) return {};
    if (!geometry || !pir::check(*geometry) || !scheme.fits(*geometry) || pir::name_of(*geometry) != offered->name)
      return fail(Errc::corrupt, "server: its databases of polls are not those of its windows");
    exchanges.push_back({*geometry, *offered, nullptr, day});
    return {};
  };
  if (const Status added = add((*offer)->hot, pir::hot_database(list.windows, list.row_bytes), false); !added)
    return added;
  if (!list.windows.windows.empty() && day_ != pir::poll_day(list.windows)) {
    if (const Status added = add((*offer)->day, pir::day_database(list.windows, list.row_bytes), true); !added)
      return added;
  }
  return {};
}

std::vector<Poller::Asked> Poller::make_queries(const std::vector<Exchange>& exchanges, RowCollector& collector,
                                                uint64_t batch_row) {
  std::vector<Asked> queries;
  for (const Exchange& exchange : exchanges) {
    const uint32_t count = exchange.day ? pir::day_vectors(options_.slots) : pir::hot_vectors(options_.slots);
    for (uint32_t i = 0; i < count; ++i) {
      const std::vector<uint64_t> rows =
          exchange.day ? collector.choose_once(exchange.geometry) : collector.choose_once(exchange.geometry, batch_row);
      queries.push_back({&exchange, exchange.client->query(rows, random_)});
    }
  }
  return queries;
}

void Poller::ask(const pir::Scheme& scheme, Asked& asked, PollReport& report) {
  report.queries += 1;
  const Result<std::string> payment = payer_.pay();
  ServerLink link(dialer_, endpoint_);
  if (payment) {
    asked.answer = link.query(scheme.info().name, asked.exchange->offer.name, asked.query.request,
                              asked.exchange->client->answer_bytes(), *payment);
  } else {
    asked.answer = fail(payment.error());
  }
  (asked.exchange->day ? report.day_bytes : report.query_bytes) += link.traffic().bytes();
}

Status Poller::open(std::vector<Asked>& queries, RowCollector& collector, uint32_t row_bytes, PollReport& report) {
  std::vector<Event> events;
  for (Asked& asked : queries) {
    Result<std::vector<pir::Row>> rows = fail(Errc::io, "poll: no answer");
    if (asked.answer) rows = asked.exchange->client->recover(std::move(asked.query.secret), *asked.answer);
    report.failed_queries += !rows;
    if (!rows) continue;
    for (const pir::Row& row : *rows) {
      const auto whole = collector.got(row.number, row.bytes);
      if (!whole) continue;
      const GroupState& state = *store_.profile().group(whole->wanted.group);
      const Verdict verdict = judge_rows(state.group, whole->wanted, whole->rows, row_bytes, events);
      report.count(verdict, state, events.back());
    }
  }
  return store_.commit(events, Store::Keep::durable);
}

}  // namespace cwtch::client
