#include "tools/pirbench/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "engine/client/message.hpp"
#include "engine/client/overlay.hpp"
#include "engine/log/rows.hpp"
#include "tools/trace/trace.hpp"

namespace cwtch::pirbench {
namespace {

constexpr uint64_t kGeneratedMessagesPerGroup = 900;  // fewer than any group of statistics.hpp has
constexpr uint64_t kEpoch = 1'600'000'000;            // of the trace's second 0: any time will do

// Turns messages into records as members would: each sender has a key, each group has one, and each record says which
// it follows.
class RecordMaker {
 public:
  RecordMaker(const trace::Trace& trace, uint64_t seed)
      : random_(seed), server_(client::Identity::create(random_).hostname()), groups_(trace.groups_count) {}

  // The records of one message: several when its text is long.
  OrText<std::vector<Bytes>> records_of(const trace::Message& message) {
    const auto keys = keys_of(message.group);
    if (!keys) return wrong(keys.error().message());
    const client::Identity& author = author_of(message.sender);
    const auto texts = client::split(message.text, client::Form::tagged, random_);
    if (!texts) return wrong(texts.error().message());
    std::vector<Bytes> records;
    for (const std::string& text : *texts) {
      auto record = client::compose((*keys)->group, author, {text, kEpoch + message.seconds, (*keys)->previous},
                                    client::Form::tagged, random_);
      if (!record) return wrong(record.error().message());
      client::Signature& signature = (*keys)->previous.emplace();
      std::memcpy(signature.data(), record->data(), signature.size());
      records.push_back(std::move(*record));
    }
    return records;
  }

 private:
  struct Keys {
    client::Group group;
    std::optional<client::Signature> previous;
  };
  Result<Keys*> keys_of(uint32_t number) {
    std::optional<Keys>& keys = groups_[number];
    if (!keys) {
      auto group = client::create_group(server_, "", random_);
      if (!group) return fail(group.error());
      keys.emplace(Keys{std::move(*group), std::nullopt});
    }
    return &*keys;
  }
  const client::Identity& author_of(uint32_t sender) {
    const auto known = authors_.find(sender);
    if (known != authors_.end()) return known->second;
    return authors_.emplace(sender, client::Identity::create(random_)).first->second;
  }

  SeededRandom random_;
  const std::string server_;
  std::vector<std::optional<Keys>> groups_;
  std::map<uint32_t, client::Identity> authors_;
};

OrText<trace::Trace> trace_of(const Database& database) {
  if (database.trace.empty()) {
    const uint64_t groups = database.rows / kGeneratedMessagesPerGroup + 1;
    return trace::generate(static_cast<uint32_t>(groups), database.seed);
  }
  auto trace = trace::load(database.trace);
  if (!trace) return wrong(fmt::format("trace {}: {}", database.trace, trace.error().message()));
  return std::move(*trace);
}

OrText<Rows> log_rows(const Database& database) {
  if (database.row_bytes < log::kRowBytesMin) {
    return wrong(fmt::format("rows of a log have at least {} bytes", log::kRowBytesMin));
  }
  const auto trace = trace_of(database);
  if (!trace) return wrong(trace.error());
  RecordMaker maker(*trace, database.seed);
  const uint64_t end = database.rows * database.row_bytes;
  Bytes bytes(end);
  uint64_t at = 0;
  for (const trace::Message& message : trace->messages) {
    if (at == end) break;
    const auto records = maker.records_of(message);
    if (!records) return wrong(fmt::format("trace {}: {}", database.source(), records.error()));
    for (const Bytes& record : *records) {
      Bytes rows(uint64_t{log::rows_of(record.size(), database.row_bytes)} * database.row_bytes);
      log::encode_rows(record, database.row_bytes, rows);
      // A sealed range of rows may end within a record, too.
      const uint64_t size = std::min<uint64_t>(rows.size(), end - at);
      std::copy_n(rows.begin(), size, bytes.begin() + static_cast<ptrdiff_t>(at));
      at += size;
    }
  }
  if (at < end) return wrong(fmt::format("the trace has only {} rows", at / database.row_bytes));
  return Rows(database.row_bytes, std::move(bytes));
}

}  // namespace

void Rows::read(uint64_t row, MutableBytes to) const {
  const ByteView from = (*this)[row];
  std::copy(from.begin(), from.end(), to.begin());
}

OrText<Rows> make_rows(const Database& database) {
  if (database.kind == Workload::Kind::log) return log_rows(database);
  Bytes bytes(database.rows * database.row_bytes);
  SeededRandom(database.seed).fill(bytes);
  return Rows(database.row_bytes, std::move(bytes));
}

}  // namespace cwtch::pirbench
