// The audit against a server in memory: an honest one passes, whatever happens to its segments meanwhile; no wrong
// static does; and nothing is taken from a server that lies about sizes or about its log.
#include <gmock/gmock.h>

#include "engine/client/audit.hpp"
#include "engine/client/retrieve.hpp"
#include "pir/registry.hpp"
#include "tests/support/timed_world.hpp"

namespace cwtch::client {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Verdict = AuditVerdict;

class ClientAudit : public test::TimedWorld {
 protected:
  static constexpr const char* kDirectory = "tmp";

  ClientAudit() {
    server_.row_bytes = log::kRowBytesMin;
    EXPECT_TRUE(files().make_directory(kDirectory));
  }

  // Records of one to three rows, in segments of about so many rows; all in the hour that runs, or two a day.
  void grow(std::initializer_list<uint64_t> rows_of_segments) {
    for (const uint64_t rows : rows_of_segments) {
      const uint64_t end = server_.row_of(server_.records.size()) + rows;
      while (server_.row_of(server_.records.size()) < end ||
             server_.records.size() % test::FakeServer::kChunkRecords != 0)
        grow_by_one();
      server_.seal();
      if (polls_) server_.hour += 12;
    }
  }
  void grow_by_one() {
    Bytes record(random_.below(8) == 0 ? log::kRowBytesMin * 2 + random_.below(500) : 120);
    random_.fill(record);
    rows_ += log::rows_of(record.size(), server_.row_bytes);
    server_.add(std::move(record));
  }
  // Three segments, and databases over them: of ring32 two of history; of simplepir none, unless `rows` is larger.
  void fill(std::initializer_list<const char*> schemes = {"ring32"}, uint64_t rows = 800) {
    server_.append_only = true;
    grow({rows, rows, rows});
    for (const char* const scheme : schemes) server_.offer(scheme);
  }

  Result<AuditReport> audit(std::initializer_list<const char*> schemes = {"ring32"}, uint64_t bytes_max = 1 << 30) {
    AuditOptions options{.schemes = {}, .directory = kDirectory, .bytes_max = bytes_max};
    for (const char* const scheme : schemes) options.schemes.push_back(pir::find_scheme(scheme));
    test::ScriptedDialer dialer = server_.dialer();
    Audit audit(files(), random_, dialer, {"127.0.0.1", 1, "", "127.0.0.1:1"}, host_, options);
    audit.on_progress = [&](const AuditProgress& progress) {
      EXPECT_LE(progress.done, progress.total);
      progress_ = progress;
    };
    server_.targets.clear();
    auto report = audit.run();
    EXPECT_THAT(*files().list(kDirectory), IsEmpty()) << "the file has no name, from the beginning";
    return report;
  }
  std::vector<Verdict> verdicts(std::initializer_list<const char*> schemes = {"ring32"}) {
    const auto report = audit(schemes);
    EXPECT_TRUE(report) << report.error().message();
    std::vector<Verdict> verdicts;
    if (report)
      for (const AuditedDatabase& database : report->databases) verdicts.push_back(database.verdict);
    return verdicts;
  }
  Errc error_of(std::initializer_list<const char*> schemes = {"ring32"}, uint64_t bytes_max = 1 << 30) {
    const auto report = audit(schemes, bytes_max);
    EXPECT_FALSE(report);
    return report ? Errc::io : report.error().code;
  }
  size_t requests_of(std::string_view what) const {
    return static_cast<size_t>(std::count_if(server_.targets.begin(), server_.targets.end(),
                                             [&](const std::string& target) { return target.starts_with(what); }));
  }
  // Every answer whose target begins so, changed.
  void change(std::string what, std::function<void(std::string& answer)> change) {
    server_.tamper = [what = std::move(what), change = std::move(change)](const std::string& target,
                                                                          std::string& answer) {
      if (target.starts_with(what)) change(answer);
    };
  }
  // The list of databases, changed: `databases` are those of history, `offer` all of the scheme's.
  void change_list(std::function<void(nlohmann::json& offer)> change_offer) {
    change("/v1/shards", [this, change_offer = std::move(change_offer)](std::string& answer) {
      nlohmann::json list = server_.database_list();
      change_offer(list["offers"][0]);
      answer = test::FakeServer::ok(list.dump());
    });
  }
  // Once, before the n-th answer, from 0, whose target begins so.
  void before(std::string what, size_t n, std::function<void()> happens) {
    change(std::move(what), [n, happens = std::move(happens)](std::string&) mutable {
      if (n-- == 0) happens();
    });
  }
  std::string blob_target(size_t database) const {
    return "/v1/blobs/" + to_hex(server_.offers.at("ring32").databases.at(database)->statics().at(0).sha256);
  }
  static std::string content_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
  std::string segment_target(size_t number) const {
    const auto& at = server_.boundaries;
    return "/v1/segments/" + std::to_string(at[number]) + "-" + std::to_string(at[number + 1] - 1);
  }

  bool polls_ = false;  // windows are whole, and databases over them offered
  uint64_t rows_ = 0;
  AuditProgress progress_{};
};

// ---- honest servers ----

TEST_F(ClientAudit, OfAnHonestServerEverythingMatches) {
  polls_ = true;
  fill({"ring32", "simplepir"}, 3000);
  ASSERT_TRUE(server_.offers.at("ring32").hot && server_.offers.at("ring32").day);
  const auto report = audit({"simplepir", "ring32"});
  ASSERT_TRUE(report) << report.error().message();
  // 8,192 rows of both schemes, and of ring32 what is behind them, and what polls ask.
  ASSERT_THAT(report->databases, SizeIs(1 + server_.offers.at("ring32").all().size()));
  for (const AuditedDatabase& database : report->databases)
    EXPECT_EQ(database.verdict, Verdict::matches) << database.name;
  EXPECT_EQ(report->databases[0].name, "0-8192-1c");
  EXPECT_EQ(report->databases[0].rows, 8192u);
  EXPECT_EQ(report->databases[0].statics_bytes, 2560u * log::kRowBytesMin);
  EXPECT_EQ(report->records, server_.tail_first());
  EXPECT_GT(report->bytes, rows_ * 120);
  EXPECT_TRUE(progress_.computing);
  EXPECT_EQ(progress_.done, progress_.total);
}

// Up to the last static of a database of history a server cannot tell the two apart; then the log is read once,
// whatever the number of databases.
TEST_F(ClientAudit, BeginsAsANewcomersFetch) {
  polls_ = true;
  fill();
  begin_trace();
  Member ann = make_member("ann");
  Retrieve fetch(*ann.store, random_, dialer_, payer_, clock_, {"127.0.0.1", 1, "", "127.0.0.1:1"}, host_,
                 {.scheme = "ring32", .rounds = 1});
  ASSERT_TRUE(fetch.run());
  const std::vector<test::FakeServer::Request> fetched = server_.requests;
  server_.requests.clear();
  EXPECT_THAT(verdicts(), Each(Verdict::matches));
  const size_t same = 4 + server_.offers.at("ring32").databases.size();
  ASSERT_GT(std::min(fetched.size(), server_.requests.size()), same);
  EXPECT_TRUE(std::equal(fetched.begin(), fetched.begin() + static_cast<ptrdiff_t>(same), server_.requests.begin()));
  EXPECT_EQ(server_.targets[same - 1], blob_target(same - 5));
  EXPECT_EQ(requests_of("/v1/segments/"), 3u);
}

// What a server names before it can tell counts, also of the schemes that come later.
TEST_F(ClientAudit, TheFirstListCountsForAllSchemes) {
  fill({"ring32", "simplepir"}, 3000);
  size_t lists = 0;
  change("/v1/shards", [&](std::string& answer) {
    nlohmann::json list = server_.database_list();
    auto& offers = list["offers"];
    if (lists++ > 0) offers[0]["databases"][0]["statics"][0]["sha256"] = std::string(64, '7');
    answer = test::FakeServer::ok(list.dump());
  });
  EXPECT_THAT(verdicts({"simplepir", "ring32"}), Each(Verdict::matches)) << "the second list names another";
  EXPECT_EQ(lists, 2u);
  lists = 1;
  EXPECT_THAT(verdicts({"simplepir", "ring32"}), testing::Contains(Verdict::listed_differs));
}

TEST_F(ClientAudit, OfWhicheverServerAnswersIfNoneIsNamed) {
  fill();
  test::ScriptedDialer dialer = server_.dialer();
  Audit audit(files(), random_, dialer, {"127.0.0.1", 1, "", "127.0.0.1:1"}, "",
              {.schemes = {pir::find_scheme("ring32"), pir::find_scheme("simplepir")}, .directory = kDirectory});
  const auto report = audit.run();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->host, host_);
  EXPECT_FALSE(report->databases.empty());
  EXPECT_THAT(report->not_offered, ElementsAre(pir::find_scheme("simplepir")));
}

TEST_F(ClientAudit, ReadsOnlySegmentsThatDatabasesHaveRowsOf) {
  polls_ = true;
  fill();
  server_.retire();
  server_.offer("ring32");  // from the first whole unit on
  EXPECT_THAT(verdicts(), Each(Verdict::matches));
  server_.offers.at("ring32").databases.clear();
  server_.offers.at("ring32").first_row = server_.offers.at("ring32").end_row;
  server_.offers.at("ring32").day.reset();
  EXPECT_THAT(verdicts(), ElementsAre(Verdict::matches)) << "of the newest two windows";
  EXPECT_EQ(requests_of("/v1/segments/"), 2u);
}

TEST_F(ClientAudit, WithoutDatabasesThereIsNothingToRead) {
  fill({});
  EXPECT_THAT(verdicts(), IsEmpty());
  EXPECT_THAT(server_.targets, ElementsAre("/v1/server"));
  server_.offer("simplepir");
  EXPECT_THAT(verdicts({"simplepir", "ring32"}), IsEmpty()) << "too few rows for one";
  EXPECT_EQ(requests_of("/v1/segments/"), 0u);
}

// ---- what moves meanwhile ----

TEST_F(ClientAudit, SegmentsMayBeMergedMeanwhile) {
  fill();
  const std::string second = segment_target(1);
  before(second, 0, [&] { server_.merge_all(); });
  // The answer that was on its way still comes; the third segment is gone, and the merged one has its records.
  EXPECT_THAT(verdicts(), Each(Verdict::matches));
  EXPECT_EQ(server_.targets.back(), segment_target(0));
}

TEST_F(ClientAudit, WhatRetentionTakesMeanwhileIsNotCompared) {
  fill();
  const uint64_t end_of_first = server_.row_of(server_.boundaries[1]);
  server_.tamper = [this, retired = false](const std::string& target, std::string& answer) mutable {
    if (!retired && target == segment_target(0)) {
      retired = true;
      server_.retire();
      answer = test::FakeServer::problem(410, "gone");
    }
  };
  const auto report = audit();
  ASSERT_TRUE(report) << report.error().message();
  size_t retired = 0;
  for (const AuditedDatabase& database : report->databases) {
    const auto geometry = pir::parse_name(database.name, server_.row_bytes);
    ASSERT_TRUE(geometry);
    EXPECT_EQ(database.verdict, geometry->first_row < end_of_first ? Verdict::retired : Verdict::matches);
    retired += database.verdict == Verdict::retired;
  }
  EXPECT_GT(retired, 0u);
  EXPECT_LT(retired, report->databases.size());
}

TEST_F(ClientAudit, ADatabaseThatIsReplacedMeanwhileIsNoFault) {
  fill();
  const std::string gone = blob_target(1);
  const size_t count = server_.offers.at("ring32").all().size();
  server_.tamper = [&, replaced = false](const std::string& target, std::string& answer) mutable {
    if (target == gone) {
      answer = test::FakeServer::problem(404, "not-found");
      replaced = true;
    }
    if (target != "/v1/shards" || !replaced) return;
    nlohmann::json list = server_.database_list();
    list["offers"][0]["databases"].erase(1);
    answer = test::FakeServer::ok(list.dump());
  };
  const std::vector<Verdict> found = verdicts();
  ASSERT_THAT(found, SizeIs(count));
  EXPECT_EQ(found[1], Verdict::retired);
  EXPECT_EQ(std::count(found.begin(), found.end(), Verdict::matches), static_cast<ptrdiff_t>(count) - 1);
}

// ---- wrong statics ----

TEST_F(ClientAudit, OneBitOfAServedStaticIsFound) {
  fill();
  for (const size_t at : {size_t{0}, size_t{700}, size_t{2559}}) {
    change(blob_target(1), [&](std::string& answer) { answer[answer.find("\r\n\r\n") + 4 + at] ^= 1; });
    const std::vector<Verdict> found = verdicts();
    for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], i == 1 ? Verdict::served_differs : Verdict::matches);
  }
}

// The server lists the hash of what it serves, as one that wants to be believed does.
TEST_F(ClientAudit, ASpoiltStaticWithItsOwnHashIsFound) {
  fill();
  const std::string bytes = "not of these rows, but of the right size";
  change_list([&](nlohmann::json& offer) { offer["databases"][0]["statics"][0]["sha256"] = std::string(64, 'a'); });
  auto listed = server_.tamper;
  server_.tamper = [listed](const std::string& target, std::string& answer) {
    listed(target, answer);
    if (target == "/v1/blobs/" + std::string(64, 'a')) answer = test::FakeServer::ok(std::string(2560, 'x'));
  };
  EXPECT_EQ(verdicts().at(0), Verdict::listed_differs);
}

// Databases over rows that are not the log's: the statics are those of a server that keeps to the scheme.
TEST_F(ClientAudit, StaticsOfOtherRowsAreFoundInEverySchemeAndInPolls) {
  polls_ = true;
  server_.append_only = true;
  grow({3000, 3000, 3000});
  const uint64_t position = server_.boundaries[1] + 5;
  Bytes& other = server_.false_rows[position] = server_.records[position];
  other.back() ^= 1;
  server_.offer("ring32");
  server_.offer("simplepir");
  const auto report = audit({"simplepir", "ring32"});
  ASSERT_TRUE(report) << report.error().message();
  size_t differing = 0;
  for (const AuditedDatabase& database : report->databases) {
    const auto geometry = pir::parse_name(database.name, server_.row_bytes);
    const bool has = geometry->contains(server_.row_of(position));
    EXPECT_EQ(database.verdict, has ? Verdict::listed_differs : Verdict::matches) << database.name;
    differing += has;
  }
  EXPECT_GE(differing, 3u) << "simplepir, ring32, and the newest windows";
}

TEST_F(ClientAudit, ABlobThatIsLongerShorterOrMissingIsFound) {
  fill();
  const std::string target = blob_target(0);
  change(target, [](std::string& answer) { answer = test::FakeServer::ok(content_of(answer) + "x"); });
  EXPECT_EQ(verdicts().at(0), Verdict::served_differs);
  change(target, [](std::string& answer) { answer = test::FakeServer::ok(content_of(answer).substr(1)); });
  EXPECT_EQ(verdicts().at(0), Verdict::served_differs);
  change(target, [](std::string& answer) { answer = test::FakeServer::problem(404, "not-found"); });
  EXPECT_EQ(verdicts().at(0), Verdict::not_served);
  // One without end is read no further than it takes to see that.
  size_t sent = 0;
  test::ScriptedDialer endless([&](test::ScriptedDialer::Connection& connection) {
    if (connection.written.find(target) == std::string::npos && sent == 0) return server_.serve(connection);
    if (sent++ == 0) return std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_LT(sent, 20u);
    return test::FakeServer::chunk(std::string(1000, 'x'));
  });
  Audit audit(files(), random_, endless, {"127.0.0.1", 1, "", "127.0.0.1:1"}, host_,
              {.schemes = {pir::find_scheme("ring32")}, .directory = kDirectory});
  EXPECT_FALSE(audit.run()) << "the script answers nothing else any more";
}

// ---- servers that lie about sizes, or about the log ----

TEST_F(ClientAudit, SizesAreCheckedBeforeAnythingIsDownloaded) {
  polls_ = true;
  fill();
  const auto refused_unasked = [&](const char* what, std::function<void(nlohmann::json&)> change_offer) {
    change_list(std::move(change_offer));
    EXPECT_EQ(error_of(), Errc::corrupt) << what;
    EXPECT_EQ(requests_of("/v1/blobs/") + requests_of("/v1/segments/"), 0u) << what;
  };
  refused_unasked("a larger blob", [](auto& offer) { offer["databases"][0]["statics"][0]["bytes"] = 2561; });
  refused_unasked("blobs without end", [](auto& offer) {
    for (int i = 0; i < 9; ++i) offer["databases"][0]["statics"].push_back(offer["databases"][0]["statics"][0]);
  });
  refused_unasked("another range", [](auto& offer) { offer["databases"][0]["name"] = "0-1025-1c"; });
  refused_unasked("another grid", [](auto& offer) { offer["grid"]["unit"] = 512; });
  refused_unasked("other polls", [](auto& offer) { offer["hot"]["name"] = "0-1024-8c"; });

  server_.tamper = nullptr;
  EXPECT_EQ(error_of({"ring32"}, 100'000), Errc::too_large) << "rows";
  EXPECT_EQ(requests_of("/v1/segments/"), 0u);
  change("/v1/segments", [this](std::string& answer) {
    nlohmann::json list = server_.segment_list();
    list["segments"][1]["bytes"] = uint64_t{1} << 62;
    answer = test::FakeServer::ok(list.dump());
  });
  EXPECT_EQ(error_of(), Errc::too_large) << "segments";
  EXPECT_EQ(requests_of("/v1/segments/"), 0u);
}

TEST_F(ClientAudit, ASegmentThatIsNotTheListedOneIsRefused) {
  fill();
  for (const size_t from_end :
       {size_t{1}, size_t{5000}, size_t{50'000}}) {  // its footer, a filler or a record, a record
    change(segment_target(1), [&](std::string& answer) { answer[answer.size() - from_end] ^= 1; });
    EXPECT_EQ(error_of(), Errc::corrupt);
  }
  change(segment_target(1), [](std::string& answer) { answer = test::FakeServer::ok(content_of(answer) + "x"); });
  EXPECT_EQ(error_of(), Errc::corrupt);
}

TEST_F(ClientAudit, AnIndexThatDoesNotFitTheLogIsRefused) {
  fill();
  // Records of other sizes than the log's: rows are numbered otherwise from there on.
  change("/v1/index", [this](std::string& answer) {
    test::FakeServer other(host_);
    other.row_bytes = server_.row_bytes;
    for (const Bytes& record : server_.records) other.add(record);
    other.records[3] = Bytes(server_.row_bytes * 4, 1);
    other.boundaries = server_.boundaries;
    other.sealed = server_.sealed;
    other.hours = server_.hours;
    answer = test::FakeServer::ok(other.index(0, true));
  });
  EXPECT_EQ(error_of(), Errc::corrupt);
  change("/v1/index", [this](std::string& answer) {
    answer = test::FakeServer::ok(server_.index(0, true).substr(0, server_.index(0, true).size() / 2));
  });
  EXPECT_EQ(error_of(), Errc::corrupt);
  EXPECT_EQ(requests_of("/v1/blobs/"), 0u);
}

TEST_F(ClientAudit, WithoutAPlaceForTheRowsNoSegmentIsRead) {
  fill();
  test::ScriptedDialer dialer = server_.dialer();
  Audit audit(files(), random_, dialer, {"127.0.0.1", 1, "", "127.0.0.1:1"}, host_,
              {.schemes = {pir::find_scheme("ring32")}, .directory = "nowhere"});
  const auto report = audit.run();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::io);
  EXPECT_EQ(requests_of("/v1/segments/"), 0u);
}

TEST_F(ClientAudit, AnotherServerIsNotAudited) {
  fill();
  test::ScriptedDialer dialer = server_.dialer();
  Audit audit(files(), random_, dialer, {"127.0.0.1", 1, "", "127.0.0.1:1"}, Identity::create(random_).hostname(),
              {.schemes = {pir::find_scheme("ring32")}, .directory = kDirectory});
  const auto report = audit.run();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::denied);
}

}  // namespace
}  // namespace cwtch::client
