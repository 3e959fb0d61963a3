// Members that poll a fake server, on a clock that only requests and members' own work move.
#pragma once

#include "engine/client/poll.hpp"
#include "tests/support/timed_world.hpp"

namespace cwtch::test {

class PollWorld : public TimedWorld {
 protected:
  static constexpr size_t kSmallRecord = 120;

  // One row of nobody here.
  void add_noise() {
    Bytes record(kSmallRecord);
    random_.fill(record);
    server_.add(std::move(record));
  }
  // Junk under another record's name.
  Bytes copy_of(const Bytes& record) {
    Bytes junk(record.size());
    random_.fill(junk);
    std::copy_n(record.begin() + log::kSignatureBytes, log::kEntryBytes + log::kProbeBytes,
                junk.begin() + log::kSignatureBytes);
    return junk;
  }
  // A window of `rows` rows or a few more: `messages`, spread, and noise. Sealed; the next hour runs.
  void window(std::vector<Bytes> messages, uint64_t rows) {
    const uint64_t first = server_.row_of(server_.records.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      const uint64_t upto = rows * (i + 1) / (messages.size() + 1);
      while (server_.row_of(server_.records.size()) - first + 1 < upto) add_noise();
      placed_.push_back(server_.add(std::move(messages[i])));
    }
    while (server_.row_of(server_.records.size()) - first < rows ||
           server_.records.size() % FakeServer::kChunkRecords != 0)
      add_noise();
    server_.seal();
    server_.hour += 1;
  }
  // The hour that runs has a few records, and the server has its databases.
  void open_hour() {
    for (int i = 0; i < 5; ++i) add_noise();
    server_.offer(scheme_);
  }

  client::PollOptions options() const {
    return {.scheme = scheme_, .slots = slots_, .allow_relaxed_trust = scheme_ == "direct"};
  }
  std::unique_ptr<client::Poller> poller_of(Member& member) {
    return std::make_unique<client::Poller>(*member.store, random_, dialer_, payer_, clock_,
                                            client::Endpoint{"127.0.0.1", 1, "", "127.0.0.1:1"}, host_, options());
  }
  // A poll by itself, with what it asked in trace().
  Result<client::PollReport> poll(Member& member) {
    begin_trace();
    return poller_of(member)->poll();
  }

  std::string scheme_ = "direct";
  uint32_t slots_ = 16;
  std::vector<uint64_t> placed_;  // of window()'s messages
};

}  // namespace cwtch::test
