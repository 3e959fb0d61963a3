// Synchronising by private retrieval, and the choice of a way that `--scheme auto` makes.
#include "engine/client/retrieve.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/client/choice.hpp"
#include "tools/common/progress.hpp"
#include "tools/common/system_mark_clock.hpp"
#include "tools/cwtchc/output.hpp"
#include "tools/cwtchc/plural.hpp"
#include "tools/cwtchc/program.hpp"

namespace cwtch::cwtchc {

using namespace client;

namespace {

constexpr uint32_t kMarkSeconds = 5;

double mb(uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

void print(const RetrieveReport& report) {
  fmt::print(
      "{} in the index, {} of ours; {:.2f} MB moved: index {:.2f}, static parts {:.2f}, queries {:.2f}, the newest "
      "records {:.2f}\n",
      plural(report.records, "record"), plural(report.messages, "new message"), mb(report.bytes()),
      mb(report.index_bytes), mb(report.statics_bytes), mb(report.query_bytes), mb(report.tail_bytes));
  if (report.waiting > 0)
    fmt::print("{} still waiting: run it again, or take everything once: cwtchc sync\n",
               plural(report.waiting, "message"));
  if (report.outside > 0)
    fmt::print("{} older than what the server offers by this scheme: cwtchc sync\n", plural(report.outside, "message"));
  if (report.spoiled > 0)
    fmt::print("{} not what the index names; each is tried {} times in all\n", plural(report.spoiled, "record"),
               WantedQueue::kTriesMax);
  if (report.failed_queries > 0)
    fmt::print("{} without a usable answer ({}). Their slots are lost, as the rules want\n",
               plural(report.failed_queries, "query"), report.query_failure->message());
  if (report.overran)
    fmt::print(
        "This machine, or the network, needed longer than --mark: choose a longer one, for then its work shows\n");
}

void print_json(const std::string& server, const std::string& scheme, const RetrieveReport& report) {
  fmt::print("{}\n", nlohmann::ordered_json{{"server", server},
                                            {"scheme", scheme},
                                            {"records", report.records},
                                            {"wanted", report.wanted},
                                            {"messages", report.messages},
                                            {"unreadable", report.unreadable},
                                            {"spoiled", report.spoiled},
                                            {"waiting", report.waiting},
                                            {"outside", report.outside},
                                            {"failed_queries", report.failed_queries},
                                            {"overran", report.overran},
                                            {"bytes", report.bytes()},
                                            {"documents_bytes", report.documents_bytes},
                                            {"index_bytes", report.index_bytes},
                                            {"statics_bytes", report.statics_bytes},
                                            {"query_bytes", report.query_bytes},
                                            {"tail_bytes", report.tail_bytes}}
                         .dump());
}

}  // namespace

void Program::retrieve(Store& store, const Address& server, const std::string& by) {
  SocketDialer dial = dialer();
  FreeOfCharge payer;
  tools::SystemMarkClock clock;
  Retrieve retrieve(store, random_, dial, payer, clock, endpoint_of(server.url), server.host,
                    {.scheme = by,
                     .rounds = rounds,
                     .allow_relaxed_trust = allow_relaxed_trust,
                     .mark_ms = mark_s.value_or(kMarkSeconds) * 1000});
  tools::Progress bar("Retrieving", "queries", 0,
                      json ? tools::Progress::Style::json : tools::Progress::Style::automatic);
  retrieve.on_progress = [&](const RetrieveProgress& p) {
    bar.set_total(p.queries_total);
    bar.set(p.queries_done);
  };
  const Result<RetrieveReport> report = retrieve.run();
  bar.finish();
  if (!report) give_up(server.url, report.error(), cure_of(report.error()));
  json ? print_json(server.url, by, *report) : print(*report);
}

std::string Program::choose_scheme(const Store& store, const Address& server) {
  SocketDialer dial = dialer();
  ServerLink link(dial, endpoint_of(server.url));
  const Result<ServerFacts> facts = link.facts_of(server.host);
  if (!facts) give_up(server.url, facts.error(), cure_of(facts.error()));
  const Result<OfferList> offers = link.offers();
  if (!offers) give_up(server.url, offers.error(), cure_of(offers.error()));
  const Result<SegmentList> segments = link.segments();
  if (!segments) give_up(server.url, segments.error(), cure_of(segments.error()));
  const uint64_t boundary = store.profile().server(server.host)->sealed.position;
  const std::vector<Way> ways = ways_to_fetch(*facts, *offers, *segments, FreeOfCharge(), boundary, rounds);
  if (!json) {
    std::string others;
    for (size_t i = 1; i < ways.size(); ++i)
      others += fmt::format("{}{} {:.1f} MB", i == 1 ? "; " : ", ", ways[i].scheme, ways[i].bytes / 1e6);
    fmt::print("By {}: about {:.1f} MB{}\n", ways[0].scheme, ways[0].bytes / 1e6, others);
  }
  return ways[0].scheme;
}

}  // namespace cwtch::cwtchc
