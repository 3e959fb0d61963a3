// Shards, a log on a real disk and private retrieval, without a server's threads but retrieval's own: a test turns the
// loops and says what hour it is.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "engine/server/shard.hpp"
#include "tests/sim/server_world.hpp"

namespace cwtch::test {

class RetrievalWorld {
 public:
  static constexpr uint32_t kRowBytes = 512;

  explicit RetrievalWorld(retrieval::Service::Options options, uint64_t shards = 1, board::Admission* queries = nullptr)
      : query_admission_(queries != nullptr ? *queries : admission_) {
    options.row_bytes = kRowBytes;
    options.server = "host";
    options.queue.window_ns = 0;
    config_.queries_max = options.queue.queries_max;
    config_.shards = shards;
    config_.request_s = 600;  // a slow machine is no slow client
    CHECK(::mkdtemp(directory_.data()) != nullptr);
    const log::Options log_options{
        .chunk_bytes = 16 << 10, .row_bytes = kRowBytes, .group_bytes_max = 256 << 10, .seal_records_hour_min = 1};
    std::string damage;
    CHECK(log::Log::create(io::system_files(), random_, directory_, log_options));
    log_ = *log::Log::open(io::system_files(), clock_, random_, directory_, log_options, &damage);
    context_.log = log_->shared();
    service_ = std::make_unique<retrieval::Service>(
        options, io::system_files(), clock_, context_.log, static_cast<uint32_t>(shards), this,
        [](void*, uint32_t) {},  // the loops never sleep
        [](void* world, const std::string& what) {
          auto& self = *static_cast<RetrievalWorld*>(world);
          const std::lock_guard lock(self.mutex_);
          self.reports_.push_back(what);
        });
    context_.retrieval = service_.get();
    io::Address address{"127.0.0.1:0"};
    for (uint32_t i = 0; i < shards; ++i) {
      context_.shards.push_back(
          std::make_unique<server::Shard>(context_, i, *io::make_io({}), i == 0 ? log_.get() : nullptr));
      CHECK(context_.shards.back()->listen({address}));
      address = context_.shards.back()->address(0);
    }
    context_.writer = context_.shards.front().get();
    context_.posting_shards = static_cast<uint32_t>(shards);
    address_ = address;
    turn();
    service_->start();
  }
  ~RetrievalWorld() {
    context_.stopping = true;
    run_until([&] {
      return std::all_of(context_.shards.begin(), context_.shards.end(), [](const auto& s) { return s->finished(); }) &&
             std::all_of(clients_.begin(), clients_.end(), [](const auto& c) { return c->closed(); });
    });
    service_.reset();
    context_.shards.clear();
    log_.reset();
    std::filesystem::remove_all(directory_);
  }

  // Records of one row each; returns when they are durable.
  void append(size_t count) {
    std::vector<log::Append> appends(count);
    size_t done = 0;
    for (size_t i = 0; i < count; ++i) {
      Bytes record(log::kRecordBytesMin + 1);
      random_.fill(record);
      std::fill_n(record.begin() + log::kSignatureBytes, log::kEntryBytes, uint8_t{0});
      log_->append(
          appends[i], record,
          [](void* sum, log::Append& append) {
            EXPECT_TRUE(append.result);
            *static_cast<size_t*>(sum) += 1;
          },
          &done);
      if (i % 256 == 255) run_until([&] { return done == i + 1; });  // no more than a group holds
    }
    run_until([&] { return done == count; });
  }
  // What was appended in this hour is sealed as its window.
  void next_hour() {
    clock_.hours += 1;
    run_until([&] {
      const auto layout = context_.log->layout();
      return !layout->segments.empty() && layout->segments.back()->end == context_.log->committed().end &&
             layout->hour_s == clock_.wall_hour_s();
    });
  }

  void turn() {
    for (const auto& shard : context_.shards) {
      if (!shard->finished()) shard->turn(false);
    }
    client_io_->turn(false);
  }
  void run_until(const std::function<bool()>& done) {
    while (!done()) turn();
  }
  SimClient& connect() {
    clients_.push_back(std::make_unique<SimClient>(*client_io_, address_));
    return *clients_.back();
  }
  const retrieval::Service& service() const { return *service_; }
  retrieval::Service::Place take_place() { return service_->reserve(); }
  log::Layout layout() const { return *context_.log->layout(); }
  std::vector<std::string> reports() {
    const std::lock_guard lock(mutex_);
    return reports_;
  }

 private:
  struct HourClock final : Clock {
    uint64_t monotonic_ns() const override { return system_clock().monotonic_ns(); }
    uint64_t wall_hour_s() const override { return hours * kHourSeconds; }
    std::atomic<uint64_t> hours{480'000};
  };

  HourClock clock_;
  SystemRandom random_;
  std::string directory_ = ::testing::TempDir() + "cwtch_retrieval.XXXXXX";
  server::Config config_;
  board::OpenAdmission admission_;
  board::Admission& query_admission_;
  std::unique_ptr<log::Log> log_;
  server::ShardContext context_{.config = config_,
                                .files = io::system_files(),
                                .log = nullptr,
                                .admission = admission_,
                                .query_admission = query_admission_,
                                .server_document = {},
                                .shards = {},
                                .writer = nullptr,
                                .stopping = false,
                                .posting_shards = 0};
  std::mutex mutex_;
  std::vector<std::string> reports_;  // under mutex_
  std::unique_ptr<retrieval::Service> service_;
  std::unique_ptr<io::Io> client_io_ = *io::make_io({});
  std::vector<std::unique_ptr<SimClient>> clients_;
  io::Address address_;
};

}  // namespace cwtch::test
