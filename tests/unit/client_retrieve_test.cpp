// Private retrieval as a whole, against a server in memory: messages arrive as they were written, no lie is taken for
// one, and whatever is wanted, and whatever comes back, the server sees the same requests.
#include <gmock/gmock.h>

#include "engine/client/retrieve.hpp"
#include "tests/support/timed_world.hpp"

namespace cwtch::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ClientRetrieve : public test::TimedWorld {
 protected:
  static constexpr size_t kSmallRecord = 120;
  static constexpr uint32_t kRounds = 24;

  ClientRetrieve() { server_.row_bytes = log::kRowBytesMin; }

  // Records of nobody here, of one row each, until what will be sealed has at least `rows` rows.
  void grow_to(uint64_t rows) {
    uint64_t have =
        server_.row_of(server_.records.size() / test::FakeServer::kChunkRecords * test::FakeServer::kChunkRecords);
    for (; have < rows || server_.records.size() % test::FakeServer::kChunkRecords != 0; ++have) {
      Bytes record(kSmallRecord);
      random_.fill(record);
      server_.add(std::move(record));
    }
  }
  // A database of 1024 rows at least, and a tail. Of group_: a tagged and an untagged message in the database, and one
  // in the tail.
  void fill(const std::string& scheme = "direct", uint64_t rows = 1024) {
    grow_to(50);
    tagged_ = server_.add(message(group_, "tagged"));
    grow_to(300);
    untagged_ = server_.add(message(group_, "untagged", {}, Form::untagged));
    grow_to(rows);
    server_.seal();
    server_.offer(scheme);
    grow_to(rows + 8);
    server_.add(message(group_, "tail"));
    ASSERT_FALSE(server_.offers.at(scheme).databases.empty());
  }
  Result<RetrieveReport> retrieve(Member& member, const std::string& scheme = "direct", uint32_t rounds = kRounds) {
    return retrieve_by(member, {.scheme = scheme, .rounds = rounds, .allow_relaxed_trust = scheme == "direct"});
  }
  Result<RetrieveReport> retrieve_by(Member& member, const RetrieveOptions& options) {
    begin_trace();
    return Retrieve(*member.store, random_, dialer_, payer_, clock_, {"127.0.0.1", 1, "", "127.0.0.1:1"}, host_,
                    options)
        .run();
  }
  Errc error_of(Member& member, const std::string& scheme = "direct") {
    const auto report = retrieve(member, scheme);
    EXPECT_FALSE(report);
    return report ? Errc::io : report.error().code;
  }
  // Changes the content of each answer to a query.
  void spoil_answers() {
    server_.tamper = [](const std::string& target, std::string& answer) {
      if (is_query(target))
        std::for_each(answer.begin() + answer.find("\r\n\r\n") + 4, answer.end(), [](char& c) { c ^= 0x5A; });
    };
  }
  // Refuses the n-th query from here on, from 0.
  void refuse_query(size_t n, int status = 503, const std::string& type = "busy") {
    server_.tamper = [=, seen = size_t{0}](const std::string& target, std::string& answer) mutable {
      if (is_query(target) && seen++ == n) answer = test::FakeServer::problem(status, type);
    };
  }
  // The list of databases, changed.
  void lie_about_databases(std::function<void(nlohmann::json& offer)> change) {
    server_.tamper = [this, change = std::move(change)](const std::string& target, std::string& answer) {
      if (target != "/v1/shards") return;
      nlohmann::json list = server_.database_list();
      change(list["offers"][0]);
      answer = test::FakeServer::ok(list.dump());
    };
  }

  Member ann_ = make_member("ann");
  uint64_t tagged_ = 0, untagged_ = 0;
};

TEST_F(ClientRetrieve, TaggedAndUntaggedMessagesAndTheTailArriveExactly) {
  fill();
  join(ann_, group_);
  const auto report = retrieve(ann_);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_THAT(texts(ann_, group_), UnorderedElementsAre("tagged", "untagged", "tail"));
  EXPECT_EQ(report->wanted, 2u);
  EXPECT_EQ(report->messages, 3u);
  EXPECT_EQ(report->waiting + report->spoiled + report->unreadable + report->failed_queries + report->outside, 0u);
  EXPECT_EQ(report->records, server_.tail_first());
  // Stored durably, and nothing is new the next time.
  reopen(ann_);
  EXPECT_THAT(texts(ann_, group_), UnorderedElementsAre("tagged", "untagged", "tail"));
  const auto again = retrieve(ann_);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->messages, 0u);
  EXPECT_EQ(again->wanted, 0u);
}

TEST_F(ClientRetrieve, MessagesArriveByEncryptedQueries) {
  fill("simplepir", 8192);
  join(ann_, group_);
  const auto report = retrieve(ann_, "simplepir");
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_THAT(texts(ann_, group_), UnorderedElementsAre("tagged", "untagged", "tail"));
  EXPECT_EQ(queries(), kRounds);
  EXPECT_GT(report->statics_bytes, server_.offers.at("simplepir").databases[0]->statics()[0].bytes.size());
}

// What does not fit in the rounds of one fetch waits for the next.
TEST_F(ClientRetrieve, TooFewRoundsLoseNothing) {
  fill();
  join(ann_, group_);
  const auto first = retrieve(ann_, "direct", 1);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_GT(first->waiting, 0u);
  ASSERT_TRUE(retrieve(ann_));
  EXPECT_THAT(texts(ann_, group_), UnorderedElementsAre("tagged", "untagged", "tail"));
}

TEST_F(ClientRetrieve, RelaxedSchemesNeedTheMembersWord) {
  fill();
  join(ann_, group_);
  const auto report = retrieve_by(ann_, {.scheme = "direct"});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::denied);
  EXPECT_EQ(server_.requests.size(), 1u) << "the server's document, and no more";
  EXPECT_EQ(error_of(ann_, "nonesuch"), Errc::unsupported);
  EXPECT_EQ(error_of(ann_, "simplepir"), Errc::unsupported) << "not offered here";
}

// ---- lies ----

TEST_F(ClientRetrieve, DatabasesThatAreNotTheGridsAreRefusedUnasked) {
  fill();
  join(ann_, group_);
  const std::pair<const char*, std::function<void(nlohmann::json&)>> lies[] = {
      {"another name", [](nlohmann::json& offer) { offer["databases"][0]["name"] = "1-1024-1c"; }},
      {"other parts", [](nlohmann::json& offer) { offer["databases"][0]["name"] = "0-1024-2c"; }},
      {"one too many", [](nlohmann::json& offer) { offer["databases"].push_back(offer["databases"][0]); }},
      {"none", [](nlohmann::json& offer) { offer["databases"].clear(); }},
      {"another unit", [](nlohmann::json& offer) { offer["grid"]["unit"] = 512; }},
      {"another factor", [](nlohmann::json& offer) { offer["grid"]["factor"] = 2; }},
      {"huge databases", [](nlohmann::json& offer) { offer["grid"]["rows_max"] = uint64_t{1} << 40; }},
      {"many databases", [](nlohmann::json& offer) { offer["end_row"] = UINT64_MAX; }},
      {"rows at the end of numbers",
       [](nlohmann::json& offer) {
         offer["first_row"] = UINT64_MAX - 5;
         offer["end_row"] = UINT64_MAX;
       }},
      {"databases at the end of numbers",
       [](nlohmann::json& offer) { offer["first_row"] = offer["end_row"] = UINT64_MAX; }},
      {"a grid that does not grow", [](nlohmann::json& offer) { offer["grid"]["factor"] = 0; }},
      {"ends before it begins", [](nlohmann::json& offer) { offer["first_row"] = 2048; }},
      {"rows behind the last database and not in the tail", [](nlohmann::json& offer) { offer["end_row"] = 1025; }},
      {"rows in no database",
       [](nlohmann::json& offer) {
         offer["databases"].clear();
         offer["first_row"] = 1;
       }},
      {"rows beyond the index", [](nlohmann::json& offer) { offer["end_row"] = 2047; }},
  };
  for (const auto& [what, change] : lies) {
    lie_about_databases(change);
    EXPECT_THAT(error_of(ann_), testing::AnyOf(Errc::corrupt, Errc::malformed)) << what;
    EXPECT_EQ(queries(), 0u) << what;
  }
  lie_about_databases([](nlohmann::json& offer) { offer["parameters"] = "direct-v2"; });
  EXPECT_EQ(error_of(ann_), Errc::unsupported);
  EXPECT_EQ(queries(), 0u);
  EXPECT_THAT(texts(ann_, group_), IsEmpty());
  // Nothing of this stays.
  server_.tamper = {};
  ASSERT_TRUE(retrieve(ann_));
  EXPECT_EQ(texts(ann_, group_).size(), 3u);
}

TEST_F(ClientRetrieve, WrongStaticBlobsAreRefusedUnasked) {
  fill("simplepir", 8192);
  join(ann_, group_);
  server_.tamper = [](const std::string& target, std::string& answer) {
    if (target.starts_with("/v1/blobs/")) answer.back() ^= 1;
  };
  EXPECT_EQ(error_of(ann_, "simplepir"), Errc::corrupt) << "not the one of that hash";
  EXPECT_EQ(queries(), 0u);
  lie_about_databases([](nlohmann::json& offer) { offer["databases"][0]["statics"].clear(); });
  EXPECT_EQ(error_of(ann_, "simplepir"), Errc::corrupt);
  lie_about_databases([](nlohmann::json& offer) {
    nlohmann::json& statics = offer["databases"][0]["statics"];
    for (int i = 0; i < 1000; ++i) statics.push_back(statics[0]);
  });
  EXPECT_EQ(error_of(ann_, "simplepir"), Errc::corrupt) << "more of them than the scheme has";
  for (const auto& request : server_.requests) EXPECT_FALSE(request.target.starts_with("/v1/blobs/"));
  lie_about_databases([](nlohmann::json& offer) { offer["databases"][0]["statics"][0]["bytes"] = 1ull << 40; });
  EXPECT_EQ(error_of(ann_, "simplepir"), Errc::corrupt) << "longer than the scheme's";
  EXPECT_EQ(queries(), 0u);
}

TEST_F(ClientRetrieve, AnIndexThatEndsEarlyIsRefusedUnasked) {
  fill();
  join(ann_, group_);
  server_.tamper = [this](const std::string& target, std::string& answer) {
    if (!target.starts_with("/v1/index")) return;
    log::IndexBlockBuilder block({0}, 0, server_.row_bytes);
    for (uint64_t p = 0; p < 16; ++p) block.add(server_.records[p]);
    answer = test::FakeServer::ok(std::string(text_of(block.bytes())));
  };
  EXPECT_EQ(error_of(ann_), Errc::corrupt);
  EXPECT_EQ(queries(), 0u);
}

TEST_F(ClientRetrieve, SpoiltAnswersCostTheirMessagesAndNothingElse) {
  fill("simplepir", 8192);
  server_.offer("direct");
  for (const std::string scheme : {"direct", "simplepir"}) {
    Member member = make_member(scheme);
    join(member, group_);
    spoil_answers();
    const auto report = retrieve(member, scheme);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->spoiled + report->waiting, 2u) << scheme;
    EXPECT_THAT(texts(member, group_), ElementsAre("tail")) << scheme;
    EXPECT_EQ(wanted(member).waiting(), 2u) << "to be tried again";
    server_.tamper = {};
    ASSERT_TRUE(retrieve(member, scheme));
    EXPECT_THAT(texts(member, group_), UnorderedElementsAre("tagged", "untagged", "tail")) << scheme;
  }
}

TEST_F(ClientRetrieve, AnotherRecordOfTheSameGroupIsNotTakenForTheOneThatIsNamed) {
  fill();
  join(ann_, group_);
  // As long as the ones in whose place they are, and written by a member.
  server_.false_rows[tagged_] = message(group_, "deggat");
  server_.false_rows[untagged_] = message(group_, "deggatnu", {}, Form::untagged);
  for (const auto& [position, record] : server_.false_rows) {
    ASSERT_EQ(log::rows_of(record.size(), server_.row_bytes),
              log::rows_of(server_.records[position].size(), server_.row_bytes));
  }
  server_.offer("direct");
  const auto report = retrieve(ann_);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->spoiled, 2u);
  EXPECT_THAT(texts(ann_, group_), ElementsAre("tail"));
}

TEST_F(ClientRetrieve, ARefusedQueryIsLostAndNotRepeated) {
  fill();
  join(ann_, group_);
  for (const size_t n : {size_t{0}, size_t{1}, size_t{kRounds - 1}}) {
    Member member = make_member("member" + std::to_string(n));
    join(member, group_);
    refuse_query(n);
    const auto report = retrieve(member);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->failed_queries, 1u);
    EXPECT_EQ(queries(), kRounds);
    EXPECT_EQ(report->waiting + texts(member, group_).size(), 3u) << "its row waits for the next fetch, if it had one";
    ASSERT_TRUE(retrieve(member));
    EXPECT_EQ(texts(member, group_).size(), 3u);
  }
  refuse_query(0);
  const auto report = retrieve(ann_, "direct", 1);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(queries(), 1u);
  EXPECT_EQ(report->waiting, 2u);
  EXPECT_THAT(texts(ann_, group_), ElementsAre("tail"));
}

// A database that was replaced between the list and the query is no history that retention took.
TEST_F(ClientRetrieve, WhatADatabaseThatWasReplacedMeansIsSaid) {
  fill();
  join(ann_, group_);
  refuse_query(0, 410, "retired");
  const auto report = retrieve(ann_);
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_EQ(report->failed_queries, 1u);
  EXPECT_EQ(report->query_failure->code, Errc::gone);
  EXPECT_THAT(report->query_failure->context, HasSubstr("another database has replaced this one"));
  const auto next = retrieve(ann_);
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_FALSE(next->query_failure);
  EXPECT_EQ(texts(ann_, group_).size(), 3u) << "the next fetch asks the database that is there";
  // Of the log itself, what is gone is what retention took.
  server_.tamper = [](const std::string& target, std::string& answer) {
    if (target.starts_with("/v1/index")) answer = test::FakeServer::problem(410, "gone");
  };
  EXPECT_THAT(retrieve(ann_).error().context, HasSubstr("retention"));
}

TEST_F(ClientRetrieve, EveryQueryHasAConnectionOfItsOwn) {
  fill();
  ASSERT_TRUE(retrieve(ann_));
  std::map<size_t, size_t> on_connection;
  for (const auto& request : server_.requests) on_connection[request.connection] += 1;
  for (const auto& request : server_.requests) {
    if (request.method == "POST") {
      EXPECT_EQ(on_connection[request.connection], 1u);
    }
  }
}

// As the direct ones do (client_two_worlds_test), also the queries that hide something are of one size.
TEST_F(ClientRetrieve, EncryptedQueriesLookAlike) {
  fill("simplepir", 8192);
  join(ann_, group_);
  Member nobody = make_member("nobody");
  ASSERT_TRUE(retrieve(ann_, "simplepir", 4));
  const auto requests = server_.requests;
  ASSERT_TRUE(retrieve(nobody, "simplepir", 4));
  EXPECT_EQ(requests, server_.requests);
  EXPECT_EQ(queries(), 4u);
}

}  // namespace
}  // namespace cwtch::client
