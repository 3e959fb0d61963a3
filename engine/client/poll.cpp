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

pir::MobilePlan plan_of(const PollOptions& options) {
  return {.polls_per_day = pir::kHoursPerDay / options.every_h,
          .slots = options.slots,
          .windows = static_cast<uint32_t>(pir::kHotWindows) / options.every_h};
}

size_t count(const std::vector<std::vector<RecordWanted>>& turns) {
  size_t records = 0;
  for (const auto& group : turns) records += group.size();
  return records;
}

// Every window must end where the index has it: a server that could choose the windows of one session would know that
// session again by them.
Status check_windows(const pir::WindowList& list, const WindowsRead& seen) {
  const auto ends = [&](uint64_t row, std::optional<uint32_t> hour) {
    return std::any_of(seen.windows.begin(), seen.windows.end(), [&](const WindowRead& read) {
      return read.window.end_row == row && (!hour || read.window.hour == *hour);
    });
  };
  bool same = list.first_row <= seen.first_row || ends(list.first_row, std::nullopt);
  bool before = false;
  for (const pir::Window& window : list.windows) {
    before |= window.end_row <= seen.first_row;
    same &= window.end_row <= seen.first_row || ends(window.end_row, window.hour);
  }
  if (!same) return fail(Errc::corrupt, "server: its windows are not those of its index");
  // Retention took them just now, perhaps; and perhaps they were made up.
  if (before) return fail(Errc::gone, "server: its windows begin before its index does");
  return {};
}

uint64_t arrived_in(const WindowsRead& seen, const pir::WindowList& list) {
  uint64_t arrived = 0;
  for (const WindowRead& read : seen.windows) {
    if (!list.windows.empty() && read.window.hour + pir::kHoursPerDay > list.windows.back().hour)
      arrived += read.wanted;
  }
  return arrived;
}

}  // namespace

Poller::Poller(Store& store, Random& random, Dialer& dialer, Payer& payer, MarkClock& clock, const Endpoint& endpoint,
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
  const auto scheme = choose_scheme(options_.scheme, options_.allow_relaxed_trust, payer_, *facts);
  if (!scheme) return fail(scheme.error());
  const Result<OfferList> offers = link.offers();
  if (!offers) return fail(offers.error());
  std::vector<Database> databases;
  if (const Status planned = plan(*offers, **scheme, databases); !planned) return fail(planned.error());
  Result<SegmentList> segments = link.segments();
  if (!segments) return fail(segments.error());
  report.documents_bytes = spent();

  IndexPull pull(store_, host_, std::move(*segments));
  const Result<Bytes> index = pull.fetch_sealed(link, facts->committed_end, kIndexBytesMax);
  if (!index) return fail(index.error());
  report.index_bytes = spent();
  std::optional<Status> early;
  if (mutant(Mutant::match_before_statics)) early = pull.take_sealed(*index, Store::Keep::relaxed);
  for (Database& database : databases) {
    auto client = connect(link, **scheme, host_, database.offered);
    if (!client) return fail(client.error());
    database.client = std::move(*client);
    (database.day ? report.day_bytes : report.statics_bytes) += spent();
  }
  if (!mutant(Mutant::close_behind_work)) link.disconnect();
  Marks marks(clock_, options_.mark_ms);

  // Our own work, in a pause whose length does not depend on it.
  const Status read = early ? *early : pull.take_sealed(*index, Store::Keep::relaxed);
  if (!read) return fail(read.error());
  const WindowsRead windows = pull.windows();
  if (const Status checked = check_windows(offers->windows, windows); !checked) return fail(checked.error());
  if (pull.row_bytes() != offers->row_bytes)
    return fail(Errc::corrupt, "server: its index counts in other rows than its databases have");
  report.records = pull.report().records;
  const auto turns = state().wanted.turns();
  const auto is_here = [&](const RecordWanted& wanted) {
    return std::any_of(databases.begin(), databases.end(),
                       [&](const Database& database) { return database.offered.geometry.contains(wanted.row); });
  };
  report.wanted = count(within_reach(turns, is_here));
  RowCollector collector(turns);
  std::vector<Slot> slots = fill_slots(databases, collector, pir::first_row_of_day(offers->windows));
  report.day = std::any_of(databases.begin(), databases.end(), [](const Database& database) { return database.day; });
  if (report.day) {
    // Before anything is asked: whatever happens next, nobody asks for this day again.
    if (const Status kept = store_.commit(only(Polled{host_, 0, pir::poll_day(offers->windows)}), Store::Keep::durable);
        !kept)
      return fail(kept.error());
  }
  clock_.worked();
  if (mutant(Mutant::close_behind_work)) link.disconnect();

  const Desk desk{**scheme, dialer_, endpoint_, payer_};
  if (mutant(Mutant::skip_when_idle) && report.wanted == 0) slots.clear();
  for (Slot& slot : slots) {
    marks.next();
    if (mutant(Mutant::encrypt_between_queries)) clock_.worked();
    ask(desk, slot, report);
    if (mutant(Mutant::retry_at_once) && slot.question.failed()) ask(desk, slot, report);
  }
  if (mutant(Mutant::slot_more_on_backlog) && report.wanted > options_.slots) ask(desk, slots[0], report);
  report.overran = marks.overran();
  if (const Status opened = open(slots, collector, offers->row_bytes, report); !opened) return fail(opened.error());
  clock_.worked();
  if (mutant(Mutant::repair_on_demand) && report.spoiled > 0) ask(desk, slots[0], report);
  const auto rest = state().wanted.turns();
  const bool day_done = !offers->windows.windows.empty() && state().polls.day == pir::poll_day(offers->windows);
  const uint64_t reach = pir::first_row_in_reach(offers->windows, day_done);
  report.waiting = count(within_reach(rest, [&](const RecordWanted& wanted) { return wanted.row >= reach; }));
  report.outside = count(rest) - report.waiting;
  report.arrived = arrived_in(windows, offers->windows);
  const auto arrived = static_cast<double>(report.arrived);
  report.overload = static_cast<uint64_t>(arrived - pir::messages_per_day(plan_of(options_), arrived));
  return report;
}

// Exactly what follows from the windows, or nothing.
Status Poller::plan(const OfferList& list, const pir::Scheme& scheme, std::vector<Database>& databases) const {
  const auto offer = find_offer(list, scheme);
  if (!offer) return fail(offer.error());
  const auto add = [&](const std::optional<DatabaseOffer>& offered, const std::optional<pir::Geometry>& geometry,
                       bool day) -> Status {
    auto database = poll_database(scheme, offered, geometry);
    if (!database) return fail(database.error());
    if (*database) databases.push_back({std::move(**database), nullptr, day});
    return {};
  };
  if (const Status added = add((*offer)->hot, pir::hot_database(list.windows, list.row_bytes), false); !added)
    return added;
  if (!list.windows.windows.empty() && state().polls.day != pir::poll_day(list.windows)) {
    if (const Status added = add((*offer)->day, pir::day_database(list.windows, list.row_bytes), true); !added)
      return added;
  }
  return {};
}

std::vector<Poller::Slot> Poller::fill_slots(const std::vector<Database>& databases, RowCollector& collector,
                                             uint64_t batch_row) {
  std::vector<Slot> slots;
  for (const Database& database : databases) {
    const uint32_t count = database.day ? pir::day_vectors(options_.slots) : pir::hot_vectors(options_.slots);
    for (uint32_t i = 0; i < count; ++i) {
      const std::vector<uint64_t> rows = database.day ? collector.choose(database.offered.geometry)
                                                      : collector.choose(database.offered.geometry, batch_row);
      slots.push_back({database.day, Question(*database.client, database.offered.offer.name, rows, random_)});
    }
  }
  return slots;
}

void Poller::ask(const Desk& desk, Slot& slot, PollReport& report) {
  report.queries += 1;
  (slot.day ? report.day_bytes : report.query_bytes) += slot.question.ask(desk);
}

Status Poller::open(std::vector<Slot>& slots, RowCollector& collector, uint32_t row_bytes, PollReport& report) {
  std::vector<RowCollector::Whole> whole;
  for (Slot& slot : slots) report.count(slot.question.open(collector, whole));
  std::vector<Event> events;
  for (const RowCollector::Whole& record : whole)
    report.judge(store_.profile(), record.wanted, record.rows, row_bytes, events);
  return store_.commit(events, Store::Keep::durable);
}

}  // namespace cwtch::client
