// replay: a chat trace, posted by its senders through a real server and fetched by members of its groups, who must get
// exactly what was said to them. `tools/demo` builds and runs it.
#include <fmt/format.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <thread>

#include "engine/client/index_stream.hpp"
#include "engine/client/retrieve.hpp"
#include "tools/common/progress.hpp"
#include "tools/common/system_mark_clock.hpp"
#include "tools/replay/members.hpp"
#include "tools/replay/server_process.hpp"
#include "tools/trace/trace.hpp"

namespace {

using namespace cwtch;
using namespace cwtch::replay;
using tools::Progress;

constexpr uint32_t kPostThreads = 16;
constexpr uint32_t kReaderThreads = 2;
constexpr uint32_t kMembersPerGroup = 3;
constexpr uint32_t kNewcomers = 5;
constexpr uint32_t kFollowers = 10;
constexpr uint32_t kRetrievingGroups = 4;
constexpr uint32_t kRetrieversPerGroup = 3;
constexpr size_t kMissedTexts = 20;       // of a member's group, while it was away
constexpr uint32_t kRounds = 32;          // of everybody: the missed texts' messages, if all lie in one database
constexpr uint32_t kRoundsPerFetch = 16;  // of histories, at the rate of everybody
constexpr uint32_t kFetchesMax = 1000;
constexpr uint64_t kTailRecordsMax = 8192;  // that are not sealed when the server starts again
constexpr uint32_t kMarkMs = 500;           // before the first query
constexpr const char* kSchemes[] = {"ring32", "simplepir"};
constexpr size_t kLongTextEvery = 997;
constexpr size_t kLongTextBytes = 7000;  // more than one message holds

struct Settings {
  std::string cwtchd;
  std::string trace_path;
  std::string directory;
  uint32_t groups = 40;
  bool all = false;
  bool keep = false;
  bool histories = false;
  std::vector<std::string> server_flags;
};

struct Reading {
  uint64_t members = 0, records = 0, bytes = 0, own_bytes = 0, wrong = 0;
  double seconds = 0;
  std::string first_wrong;
};

trace::Trace take_trace(const Settings& settings) {
  trace::Trace trace;
  if (settings.trace_path.empty()) {
    trace = trace::generate(settings.all ? 163 : settings.groups, 1);
    fmt::print("Trace: made up, with the shape of a real one ({} messages).\n", trace.messages.size());
  } else {
    Result<trace::Trace> loaded = trace::load(settings.trace_path);
    if (!loaded) throw std::runtime_error(settings.trace_path + ": " + loaded.error().message());
    trace = settings.all ? std::move(*loaded) : trace::first_groups(*loaded, settings.groups);
    fmt::print("Trace: {} ({} messages).\n", std::filesystem::path(settings.trace_path).filename().string(),
               trace.messages.size());
  }
  // A few texts that are longer than one message.
  for (size_t i = kLongTextEvery / 2; i < trace.messages.size(); i += kLongTextEvery) {
    std::string& text = trace.messages[i].text;
    while (text.size() < kLongTextBytes)
      text += " – and, to say it at length: " + trace.messages[i - text.size() % 7 % (i + 1)].text;
  }
  return trace;
}

// Runs `job(i)` for all i below `count` on a few threads; the first exception is thrown here.
template <class Job>
void in_parallel(size_t count, Job job) {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::string failure;
  for (uint32_t t = 0; t < kReaderThreads; ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < count; i = next++) {
        try {
          job(i);
        } catch (const std::exception& e) {
          const std::lock_guard lock(mutex);
          if (failure.empty()) failure = e.what();
          return;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (!failure.empty()) throw std::runtime_error(failure);
}

// What both kinds of senders said, as the server's index has it.
struct Mixture {
  uint64_t untagged = 0, untagged_records = 0, groups = 0, wrong = 0;  // groups: in which there are both kinds
};

// What one scheme of private retrieval brought some members, and moved.
struct Retrieved {
  std::string scheme;
  uint64_t members = 0, missed_untagged = 0, wanted = 0, bytes = 0, index_bytes = 0, statics_bytes = 0, query_bytes = 0,
           tail_bytes = 0, wrong = 0;
  double seconds = 0;
  std::string first_wrong;
};

class Demo {
 public:
  Demo(Settings settings, std::unique_ptr<ServerProcess>& server) : settings_(std::move(settings)), server_(server) {}
  ~Demo() {  // also after an exception
    for (const auto& follower : followers_) {
      follower->client->cancel();
      if (follower->thread.joinable()) follower->thread.join();
    }
  }

  int run() {
    trace_ = take_trace(settings_);
    client::SocketDialer dialer({});
    const Result<client::ServerFacts> facts = client::Client::meet(dialer, endpoint_of(server_->url()));
    if (!facts) throw std::runtime_error(server_->url() + ": " + facts.error().message());
    host_ = facts->host;

    step("profiles and groups");
    cast_ = make_cast(trace_, settings_.directory + "/profiles", host_, server_->url());
    start_followers();
    step("posting");
    post();
    const Mixture mixture = read_mixture();
    const Reading members = read_members();
    const Reading newcomers = read_newcomers();
    const Reading followers = end_followers();
    report(mixture, members, newcomers, followers);
    uint64_t wrong = mixture.wrong + members.wrong + newcomers.wrong + followers.wrong;
    const uint64_t full = members.bytes / std::max<uint64_t>(1, members.members);
    for (const Retrieved& retrieved : retrieve()) {
      print_retrieved(retrieved, full);
      wrong += retrieved.wrong;
    }
    if (settings_.histories) wrong += fetch_histories();
    print_where();
    return wrong == 0 ? 0 : 1;
  }

 private:
  struct Follower {
    std::unique_ptr<Member> member;
    uint32_t group;
    std::unique_ptr<client::SocketDialer> dialer;
    std::unique_ptr<client::Client> client;
    SystemRandom random;
    std::atomic<uint64_t> messages = 0;
    std::thread thread;
    std::string failure;
  };

  void step(const std::string& what) { fmt::print(stderr, "== {}\n", what); }

  // Members who only listen, from before the first message on.
  void start_followers() {
    for (uint32_t i = 0; i < std::min(kFollowers, trace_.groups_count); ++i) {
      auto follower = std::make_unique<Follower>();
      follower->group = i * trace_.groups_count / std::min(kFollowers, trace_.groups_count);
      follower->member = make_member(fmt::format("{}/profiles/follower{}", settings_.directory, i), "a follower", host_,
                                     server_->url());
      join(*follower->member, cast_.invites[follower->group]);
      follower->dialer = std::make_unique<client::SocketDialer>(client::SocketDialer::Options{});
      follower->client = std::make_unique<client::Client>(
          *follower->member->store, follower->random, *follower->dialer, endpoint_of(server_->url()), host_,
          client::Client::Options{.allow_leaky = false, .now_s = &now_s});
      Follower* const f = follower.get();
      follower->thread = std::thread([f] {
        const Status watched = f->client->watch([f](const client::MessageStored&) { f->messages += 1; });
        if (!watched && watched.error().code != Errc::cancelled) f->failure = watched.error().message();
      });
      followers_.push_back(std::move(follower));
    }
  }

  void post() {
    Progress bar("Posting", "messages", trace_.messages.size());
    std::atomic<uint64_t> done = 0;
    std::atomic<bool> over = false;
    std::thread drawing([&] {
      while (!over) {
        bar.set(done);
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
    });
    const double cpu = server_->cpu_s();
    try {
      posted_ = post_all(trace_, cast_, host_, server_->url(), kPostThreads, done);
    } catch (...) {
      over = true;
      drawing.join();
      throw;
    }
    over = true;
    drawing.join();
    bar.set(done);
    bar.finish();
    for (const auto& follower : followers_) live_messages_ += follower->messages;
    post_cpu_s_ = server_->cpu_s() - cpu;
  }

  // Tagged or not, for every record of the log: from the index, since who posted it would only repeat what it meant.
  std::vector<client::Form> read_forms() const {
    struct Forms final : client::IndexStream::Visitor {
      void entry(const log::IndexEntry& entry) override {
        forms.push_back(entry.tagged ? client::Form::tagged : client::Form::untagged);
      }
      Status block(const client::IndexPlace&, uint32_t) override { return {}; }
      std::vector<client::Form> forms;
    };
    Forms seen;
    client::IndexStream stream(0, {});
    client::SocketDialer dialer({});
    client::ServerLink link(dialer, endpoint_of(server_->url()));
    Bytes piece(1 << 20);
    Status read = link.get("/v1/index?from=0");
    while (read) {
      const Result<size_t> size = link.read(piece);
      if (size && *size == 0) break;
      read = size ? stream.received(ByteView(piece).first(*size), seen) : Status(fail(size.error()));
    }
    if (read) read = stream.finish();
    if (!read) throw std::runtime_error(server_->url() + ": its index: " + read.error().message());
    return std::move(seen.forms);
  }

  // Every text must stand in the log in its sender's form, and wherever two talk both forms must be there.
  Mixture read_mixture() const {
    const std::vector<client::Form> forms = read_forms();
    Mixture mixture;
    mixture.untagged_records = static_cast<uint64_t>(std::count(forms.begin(), forms.end(), client::Form::untagged));
    mixture.wrong += forms.size() != posted_.posts || mixture.untagged_records != posted_.untagged_posts;
    for (uint32_t group = 0; group < trace_.groups_count; ++group) {
      uint64_t untagged = 0;
      for (const Said& said : cast_.said[group]) {
        untagged += said.form == client::Form::untagged;
        mixture.wrong += said.position >= forms.size() || forms[said.position] != said.form;
      }
      const bool mixed = untagged > 0 && untagged < cast_.said[group].size();
      mixture.wrong += !mixed && cast_.members_of[group].size() > 1;
      mixture.groups += mixed;
      mixture.untagged += untagged;
    }
    return mixture;
  }

  void read_one(Member& member, uint32_t group, bool from_nothing, Reading& reading, std::mutex& mutex) {
    const std::lock_guard lock(member.mutex);
    if (from_nothing) {
      if (const Status forgot = member.store->forget_messages(); !forgot)
        throw std::runtime_error(forgot.error().message());
    }
    client::SocketDialer dialer({});
    SystemRandom random;
    client::Client client(*member.store, random, dialer, endpoint_of(server_->url()), host_,
                          {.allow_leaky = false, .now_s = &now_s});
    const Result<client::SyncReport> report = client.sync(client::Scheme::full, nullptr);
    if (!report) throw std::runtime_error(member.name + " synchronises: " + report.error().message());
    // Everything of all of its groups, and nothing else.
    std::string wrong;
    size_t foreign = member.store->profile().groups().size();
    for (uint32_t g = 0; g < cast_.group_ids.size(); ++g) {
      if (member.store->profile().group(cast_.group_ids[g]) == nullptr) continue;
      foreign -= 1;
      if (const std::string difference = compare(*member.store, cast_, g); !difference.empty() && wrong.empty())
        wrong = fmt::format("{} in group {}: {}", member.name, g, difference);
    }
    if (foreign != 0) wrong = member.name + " is in a group that nobody made";
    if (member.store->profile().group(cast_.group_ids[group]) == nullptr) wrong = member.name + " is not in its group";
    const std::lock_guard counting(mutex);
    reading.members += 1;
    reading.records += report->records;
    reading.bytes += report->bytes;
    reading.own_bytes += report->own_bytes;
    if (!wrong.empty()) {
      reading.wrong += 1;
      if (reading.first_wrong.empty()) reading.first_wrong = wrong;
    }
  }

  Reading read_members() {
    step(fmt::format("{} members of every group start from nothing", kMembersPerGroup));
    std::vector<std::pair<uint32_t, uint32_t>> who;  // sender, group
    for (uint32_t group = 0; group < trace_.groups_count; ++group) {
      const std::vector<uint32_t>& members = cast_.members_of[group];
      // The busiest tend to come first; take from the front, the middle and the end.
      const size_t count = std::min<size_t>(kMembersPerGroup, members.size());
      for (size_t i = 0; i < count; ++i)
        who.emplace_back(members[i * (members.size() - 1) / std::max<size_t>(1, count - 1)], group);
    }
    return timed([&](Reading& reading, std::mutex& mutex) {
      Progress bar("Synchronising", "members", who.size());
      std::mutex drawing;
      in_parallel(who.size(), [&](size_t i) {
        read_one(*cast_.senders[who[i].first], who[i].second, true, reading, mutex);
        const std::lock_guard lock(drawing);
        bar.add(1);
      });
    });
  }

  Reading read_newcomers() {
    step(fmt::format("{} newcomers join late", kNewcomers));
    return timed([&](Reading& reading, std::mutex& mutex) {
      in_parallel(std::min(kNewcomers, trace_.groups_count), [&](size_t i) {
        const auto group = static_cast<uint32_t>(i * 7 % trace_.groups_count);
        const auto member = make_member(fmt::format("{}/profiles/newcomer{}", settings_.directory, i), "a newcomer",
                                        host_, server_->url());
        join(*member, cast_.invites[group]);
        read_one(*member, group, false, reading, mutex);
      });
    });
  }

  Reading end_followers() {
    step("followers");
    Reading reading;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (const auto& follower : followers_) {
      // Messages are more than texts where these were split: done when nothing differs, or when time is up.
      std::string wrong = "nothing came";
      size_t expected = 0;
      for (const Said& said : cast_.said[follower->group]) expected += said.text.size() > 1700 ? 2 : 1;
      while (std::chrono::steady_clock::now() < until && follower->messages < expected && follower->failure.empty())
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      follower->client->cancel();
      follower->thread.join();
      followed_messages_ += follower->messages;
      wrong = follower->failure.empty() ? compare(*follower->member->store, cast_, follower->group) : follower->failure;
      reading.members += 1;
      reading.bytes += follower->client->traffic().bytes_received;
      for (const Said& said : cast_.said[follower->group]) reading.own_bytes += 2800 * (said.text.size() / 1700 + 1);
      if (!wrong.empty()) {
        reading.wrong += 1;
        if (reading.first_wrong.empty())
          reading.first_wrong = fmt::format("a follower of group {}: {}", follower->group, wrong);
      }
    }
    return reading;
  }

  template <class Work>
  Reading timed(Work work) {
    Reading reading;
    std::mutex mutex;
    const auto started = std::chrono::steady_clock::now();
    work(reading, mutex);
    reading.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return reading;
  }

  static std::string verdict(const Reading& reading) {
    return reading.wrong == 0 ? fmt::format("all {} hold exactly their groups' messages", reading.members)
                              : fmt::format("{} of {} WRONG: {}", reading.wrong, reading.members, reading.first_wrong);
  }

  void report(const Mixture& mixture, const Reading& members, const Reading& newcomers, const Reading& followers) {
    uint64_t log_bytes = 0;
    std::error_code ignored;
    const std::string log = settings_.directory + "/server/log";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(log, ignored))
      if (entry.is_regular_file(ignored)) log_bytes += entry.file_size(ignored);
    const auto mb = [](uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
    const auto per = [](uint64_t value, uint64_t count) {
      return static_cast<double>(value) / static_cast<double>(std::max<uint64_t>(1, count));
    };
    fmt::print("\n{:<34} {:>12}\n", "groups, senders",
               fmt::format("{}, {}", trace_.groups_count, trace_.senders.size()));
    fmt::print("{:<34} {:>12}\n", "messages, records in the log",
               fmt::format("{}, {}", posted_.messages, posted_.posts));
    fmt::print("{:<34} {:>12}\n", "of these untagged",
               fmt::format("{}, {}, beside tagged ones in {} of {} groups", mixture.untagged, mixture.untagged_records,
                           mixture.groups, trace_.groups_count));
    fmt::print("{:<34} {:>12}\n", "durable posts/s, server CPU each",
               fmt::format("{:.0f}, {:.0f} us", static_cast<double>(posted_.posts) / posted_.seconds,
                           post_cpu_s_ * 1e6 / static_cast<double>(posted_.posts)));
    fmt::print("{:<34} {:>12}\n", "server directory", fmt::format("{:.0f} MB", mb(log_bytes)));
    fmt::print("{:<34} {:>12}\n", "server memory", fmt::format("{:.0f} MiB", server_->resident_mib()));
    fmt::print("{:<34} {:>12}\n", "log streamed to members",
               fmt::format("{:.1f} GB at {:.0f} MB/s, decrypting included", mb(members.bytes) / 1e3,
                           mb(members.bytes) / members.seconds));
    fmt::print("{:<34} {:>12}\n", "each member downloaded",
               fmt::format("{:.1f} MB, of which its own: {:.2f} MB (1 of {:.0f})",
                           per(members.bytes, members.members) / 1e6, per(members.own_bytes, members.members) / 1e6,
                           per(members.bytes, std::max<uint64_t>(1, members.own_bytes))));
    fmt::print("{:<34} {:>12}\n", "followers had, as the last was posted",
               fmt::format("{} of {} messages", live_messages_, followed_messages_));
    if (mixture.wrong > 0) fmt::print("\ntagged and untagged:  {} WRONG by the server's index\n", mixture.wrong);
    fmt::print("\nmembers from nothing: {}\nnewcomers:            {}\nlive followers:       {}\n", verdict(members),
               verdict(newcomers), verdict(followers));
  }

  // ---- private retrieval ----

  // The same log, from a server that offers databases of it.
  std::vector<Retrieved> retrieve() {
    step("private retrieval: databases");
    server_->stop();
    std::vector<std::string> flags = settings_.server_flags;
    flags.insert(flags.end(), {"--schemes", fmt::format("{},{}", kSchemes[0], kSchemes[1]), "--database-bytes-max",
                               "4GiB", "--batch-window-ms", "0"});
    server_ = std::make_unique<ServerProcess>(settings_.cwtchd, settings_.directory + "/server", flags);
    const uint64_t rows = wait_for_databases();
    const std::vector<uint32_t> groups = retrieving_groups();
    if (rows == 0) {
      fmt::print("\nprivate retrieval:    this log is too short for databases\n");
      return {};
    }
    std::vector<Retrieved> all;
    for (const char* const scheme : kSchemes) {
      step(fmt::format("private retrieval by {}, {} rounds", scheme, kRounds));
      Retrieved retrieved{.scheme = scheme};
      std::mutex mutex;
      const auto started = std::chrono::steady_clock::now();
      Progress bar("Retrieving", "members", groups.size() * kRetrieversPerGroup);
      in_parallel(groups.size() * kRetrieversPerGroup, [&](size_t i) {
        retrieve_one(scheme, groups[i / kRetrieversPerGroup], i, retrieved, mutex);
        const std::lock_guard lock(mutex);
        bar.add(1);
      });
      bar.finish();
      retrieved.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
      all.push_back(retrieved);
    }
    return all;
  }

  // The rows that every scheme has databases of; they appear together.
  uint64_t wait_for_databases() {
    client::SocketDialer dialer({});
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(5);
    while (std::chrono::steady_clock::now() < until) {
      client::ServerLink link(dialer, endpoint_of(server_->url()));
      const Result<client::OfferList> list = link.offers();
      if (!list) throw std::runtime_error(server_->url() + ": " + list.error().message());
      uint64_t rows = UINT64_MAX;
      bool made = list->offers.size() == std::size(kSchemes);
      for (const client::SchemeOffer& offer : list->offers) {
        rows = std::min(rows, offer.end_row - offer.first_row);
        // What is certainly sealed has more rows than a database needs: then there will be one.
        made &= !offer.databases.empty() || posted_.posts < offer.unit + kTailRecordsMax;
      }
      if (made) return rows;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    throw std::runtime_error("the server makes no databases; its log says why");
  }

  // The busiest, the quietest, and some between.
  std::vector<uint32_t> retrieving_groups() const {
    std::vector<uint32_t> groups;
    const uint32_t count = std::min(kRetrievingGroups, trace_.groups_count);
    for (uint32_t i = 0; i < count; ++i) groups.push_back(i * (trace_.groups_count - 1) / std::max(1u, count - 1));
    return groups;
  }

  // A member who has been away: it holds what was said in its group but for the newest texts.
  std::unique_ptr<Member> make_absent(const std::string& name, uint32_t group) const {
    auto member = make_member(settings_.directory + "/profiles/" + name, "a member", host_, server_->url());
    join(*member, cast_.invites[group]);
    const std::vector<Said>& said = cast_.said[group];
    const uint64_t until = said.size() > kMissedTexts ? said[said.size() - kMissedTexts - 1].position : 0;
    const Member& other = *cast_.senders[cast_.members_of[group].front()];
    std::vector<client::Event> known;
    for (const client::MessageStored& message : other.store->profile().group(cast_.group_ids[group])->messages) {
      if (message.position <= until && !message.acknowledged) known.emplace_back(message);
    }
    if (const Status kept = member->store->commit(known, client::Store::Keep::relaxed); !kept) {
      throw std::runtime_error(kept.error().message());
    }
    return member;
  }

  void retrieve_one(const std::string& scheme, uint32_t group, size_t number, Retrieved& retrieved, std::mutex& mutex) {
    const auto member = make_absent(fmt::format("{}{}", scheme, number), group);
    client::SocketDialer dialer({});
    SystemRandom random;
    client::FreeOfCharge payer;
    tools::SystemMarkClock clock;
    const auto report = client::Retrieve(*member->store, random, dialer, payer, clock, endpoint_of(server_->url()),
                                         host_, {.scheme = scheme, .rounds = kRounds, .mark_ms = kMarkMs})
                            .run();
    if (!report) throw std::runtime_error("retrieval by " + scheme + ": " + report.error().message());
    const std::string wrong = compare(*member->store, cast_, group);
    const std::vector<Said>& said = cast_.said[group];
    const auto missed = said.end() - static_cast<ptrdiff_t>(std::min(said.size(), kMissedTexts));
    const std::lock_guard lock(mutex);
    retrieved.members += 1;
    retrieved.missed_untagged += static_cast<uint64_t>(
        std::count_if(missed, said.end(), [](const Said& text) { return text.form == client::Form::untagged; }));
    retrieved.wanted += report->wanted;
    retrieved.bytes += report->bytes();
    retrieved.index_bytes += report->index_bytes;
    retrieved.statics_bytes += report->statics_bytes;
    retrieved.query_bytes += report->query_bytes;
    retrieved.tail_bytes += report->tail_bytes;
    if (wrong.empty()) return;
    retrieved.wrong += 1;
    if (retrieved.first_wrong.empty()) retrieved.first_wrong = fmt::format("group {}: {}", group, wrong);
  }

  // ---- histories ----

  // What one scheme brought members who had nothing, by fetches of which each is as large as everybody's.
  struct History {
    uint64_t members = 0, fetches = 0, fetches_max = 0, queries_lost = 0, messages = 0, bytes = 0, wrong = 0;
    std::string first_wrong;
  };

  // One member of every group, from nothing. Fetches follow each other at once, as if the hours between them passed.
  // How many were wrong.
  uint64_t fetch_histories() {
    uint64_t wrong = 0;
    for (const char* const scheme : kSchemes) {
      step(fmt::format("histories by {}, {} rounds a fetch", scheme, kRoundsPerFetch));
      History history;
      std::mutex mutex;
      const auto started = std::chrono::steady_clock::now();
      const double cpu = server_->cpu_s();
      Progress bar("Fetching", "histories", trace_.groups_count);
      in_parallel(trace_.groups_count, [&](size_t group) {
        fetch_history(scheme, static_cast<uint32_t>(group), history, mutex);
        const std::lock_guard lock(mutex);
        bar.add(1);
      });
      bar.finish();
      print_history(scheme, history, std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count(),
                    server_->cpu_s() - cpu);
      wrong += history.wrong;
    }
    return wrong;
  }

  void fetch_history(const std::string& scheme, uint32_t group, History& history, std::mutex& mutex) {
    const auto member = make_member(fmt::format("{}/profiles/history-{}{}", settings_.directory, scheme, group),
                                    "a member", host_, server_->url());
    join(*member, cast_.invites[group]);
    client::SocketDialer dialer({});
    SystemRandom random;
    client::FreeOfCharge payer;
    tools::SystemMarkClock clock;
    client::RetrieveReport report{};
    uint64_t fetches = 0, lost = 0, messages = 0, bytes = 0;
    do {
      const auto fetched = client::Retrieve(*member->store, random, dialer, payer, clock, endpoint_of(server_->url()),
                                            host_, {.scheme = scheme, .rounds = kRoundsPerFetch, .mark_ms = 0})
                               .run();
      if (!fetched) throw std::runtime_error("histories by " + scheme + ": " + fetched.error().message());
      report = *fetched;
      fetches += 1;
      lost += report.failed_queries;
      messages += report.messages;
      bytes += report.bytes();
    } while (report.waiting > 0 && fetches < kFetchesMax);
    const std::string wrong = compare(*member->store, cast_, group);
    const std::lock_guard lock(mutex);
    history.members += 1;
    history.fetches += fetches;
    history.fetches_max = std::max(history.fetches_max, fetches);
    history.queries_lost += lost;
    history.messages += messages;
    history.bytes += bytes;
    if (wrong.empty()) return;
    history.wrong += 1;
    if (history.first_wrong.empty()) history.first_wrong = fmt::format("group {}: {}", group, wrong);
  }

  static void print_history(const std::string& scheme, const History& history, double seconds, double server_cpu_s) {
    const auto each = [&](uint64_t value) { return static_cast<double>(value) / static_cast<double>(history.members); };
    fmt::print(
        "\n{}: {} members of as many groups, from nothing: {:.0f} messages each in {:.0f} fetches of {} rounds (at "
        "most "
        "{}), {:.1f} MB a fetch\n"
        "  {:.0f} s, server CPU {:.0f} s; {} queries lost\n  {}\n",
        scheme, history.members, each(history.messages), each(history.fetches), kRoundsPerFetch, history.fetches_max,
        static_cast<double>(history.bytes) / 1e6 / static_cast<double>(history.fetches), seconds, server_cpu_s,
        history.queries_lost,
        history.wrong == 0 ? fmt::format("all {} hold exactly their groups' messages", history.members)
                           : fmt::format("{} of {} WRONG: {}", history.wrong, history.members, history.first_wrong));
    std::fflush(stdout);
  }

  static void print_retrieved(const Retrieved& retrieved, uint64_t full_bytes) {
    const auto mb = [&](uint64_t bytes) {
      return static_cast<double>(bytes) / 1e6 / static_cast<double>(retrieved.members);
    };
    fmt::print(
        "\n{}: {} members had missed their groups' newest {} texts ({:.0f} of them untagged; {:.0f} messages "
        "in databases; {:.1f} s)\n"
        "  each moved {:.1f} MB instead of {:.1f}: index {:.1f}, static parts {:.1f}, queries {:.1f}, newest records "
        "{:.1f}\n"
        "  {}\n",
        retrieved.scheme, retrieved.members, kMissedTexts,
        static_cast<double>(retrieved.missed_untagged) / static_cast<double>(retrieved.members),
        static_cast<double>(retrieved.wanted) / static_cast<double>(retrieved.members), retrieved.seconds,
        mb(retrieved.bytes), static_cast<double>(full_bytes) / 1e6, mb(retrieved.index_bytes),
        mb(retrieved.statics_bytes), mb(retrieved.query_bytes), mb(retrieved.tail_bytes),
        retrieved.wrong == 0
            ? fmt::format("all {} hold exactly their groups' messages", retrieved.members)
            : fmt::format("{} of {} WRONG: {}", retrieved.wrong, retrieved.members, retrieved.first_wrong));
  }

  void print_where() const {
    if (settings_.keep) {
      fmt::print(
          "\nThe server's directory: {0}/server   (cwtchd verify, cwtchd serve)\nA profile:              "
          "{0}/profiles/0   (cwtchc --profile)\n",
          settings_.directory);
    } else {
      fmt::print("\nThe data lay in {} and is removed now; --keep keeps it.\n", settings_.directory);
    }
  }

  const Settings settings_;
  std::unique_ptr<ServerProcess>& server_;
  std::string host_;
  trace::Trace trace_;
  Cast cast_;
  PostFigures posted_;
  double post_cpu_s_ = 0;
  uint64_t live_messages_ = 0;      // of the followers, when posting ended
  uint64_t followed_messages_ = 0;  // theirs in the end
  std::vector<std::unique_ptr<Follower>> followers_;
};

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (sodium_init() < 0) return 1;
  Settings settings;
  std::string io;
  uint64_t shards = 1;
  CLI::App app(
      "Posts a chat trace through a server by its senders, and checks that members get exactly their messages.");
  app.add_option("--cwtchd", settings.cwtchd, "The server program")->required();
  app.add_option("--trace", settings.trace_path,
                 "seconds, group, sender, text by tabs, plain or zstd; without: made up");
  app.add_option("--groups", settings.groups, "How many groups of the trace, from the first")
      ->capture_default_str()
      ->check(CLI::Range(1u, 100000u));
  app.add_flag("--all", settings.all, "All groups of the trace");
  app.add_flag("--histories", settings.histories,
               "Then one member of every group fetches all of its history by private retrieval, at a fixed rate. Takes "
               "half an hour");
  app.add_flag("--keep", settings.keep, "Keep server and profiles to look at");
  app.add_option("--shards", shards, "Of the server")->capture_default_str();
  app.add_option("--io", io, "Of the server: uring or epoll");
  CLI11_PARSE(app, argc, argv);
  // A cache that holds the demo's log: members start from nothing one after the other.
  settings.server_flags = {"--shards", std::to_string(shards), "--cache-bytes", "512MiB"};
  if (!io.empty()) settings.server_flags.insert(settings.server_flags.end(), {"--io", io});

  std::string directory = (std::filesystem::temp_directory_path() / "cwtch-demo.XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) {
    std::cerr << "replay: cannot make a directory in " << std::filesystem::temp_directory_path() << '\n';
    return 1;
  }
  settings.directory = directory;
  int status = 1;
  try {
    std::filesystem::create_directory(directory + "/profiles");
    auto server = std::make_unique<ServerProcess>(settings.cwtchd, directory + "/server", settings.server_flags);
    status = Demo(settings, server).run();
    if (const int stopped = server->stop(); stopped != 0) {
      std::cerr << "replay: the server ended with status " << stopped << '\n';
      status = 1;
    }
  } catch (const std::exception& e) {
    std::cerr << "replay: " << e.what() << '\n';
  }
  if (!settings.keep) {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
  return status;
}
