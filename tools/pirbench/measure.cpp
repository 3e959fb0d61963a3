#include "tools/pirbench/measure.hpp"

#include <algorithm>

#include "tools/common/threads.hpp"
#include "tools/pirbench/usage.hpp"

namespace cwtch::pirbench {
namespace {

constexpr double kMiB = 1 << 20;

struct Spent {
  double cpu, wall;
};
template <class Work>
Spent spent(const Work& work) {
  const double cpu = cpu_seconds(), wall = wall_seconds();
  work();
  return {cpu_seconds() - cpu, wall_seconds() - wall};
}

// Whether another repetition may begin.
class Repetitions {
 public:
  Repetitions(const Limits& limits, const std::function<bool()>& stop)
      : limits_(limits), stop_(stop), began_(wall_seconds()) {}
  bool next() {
    if (done_ > 0 && (wall_seconds() - began_ > limits_.seconds_max || stop_())) return false;
    return done_++ < limits_.repetitions;
  }

 private:
  const Limits& limits_;
  const std::function<bool()>& stop_;
  const double began_;
  uint64_t done_ = 0;
};

}  // namespace

double memory_needed(const Cell& cell, uint64_t batch) {
  constexpr double kRest = 64 * kMiB;  // the program, and what preparing a database needs besides it
  const pir::Cost cost = cell.scheme->cost(cell.geometry, static_cast<uint32_t>(batch));
  return static_cast<double>(cell.geometry.bytes()) + cost.server_bytes + 2 * cost.statics_bytes +
         static_cast<double>(batch) * (2 * cost.request_bytes + cost.answer_bytes) + kRest;
}

Bench::Bench(const Cell& cell, const Rows& rows, const Limits& limits)
    : cell_(cell),
      rows_(rows),
      limits_(limits),
      context_{.server = "pirbench", .parallel = tools::on_threads(limits.threads)},
      choices_(cell.database.seed) {}

OrText<SetupFigures> Bench::set_up(const std::function<bool()>& stop) {
  reset_peak();
  SetupFigures figures;
  for (Repetitions repetitions(limits_, stop); repetitions.next();) {
    server_.reset();
    const Spent took = spent([&] { server_ = cell_.scheme->serve(context_, cell_.geometry, rows_); });
    figures.cpu.push_back(took.cpu);
    figures.wall.push_back(took.wall);
  }
  for (const pir::Blob& blob : server_->statics()) figures.statics_bytes += blob.bytes.size();
  figures.server_bytes = server_->memory_bytes();
  auto client = cell_.scheme->connect(context_, cell_.geometry, server_->statics());
  if (!client) return wrong(client.error().message());
  client_ = std::move(*client);
  return figures;
}

OrText<BatchFigures> Bench::measure(uint64_t batch, const std::function<bool()>& stop) {
  BatchFigures figures;
  for (Repetitions repetitions(limits_, stop); repetitions.next();) {
    if (const Status status = answer_batch(batch, figures); !status) return wrong(status.error().message());
  }
  figures.request_bytes /= static_cast<double>(figures.queries);
  figures.answer_bytes /= static_cast<double>(figures.queries);
  figures.peak_bytes = peak_bytes();
  return figures;
}

Status Bench::answer_batch(uint64_t batch, BatchFigures& figures) {
  std::vector<std::vector<uint64_t>> wanted;
  std::vector<pir::Query> queries;
  for (uint64_t i = 0; i < batch; ++i) {
    wanted.push_back(draw());
    figures.query.push_back(spent([&] { queries.push_back(client_->query(wanted.back(), random_)); }).cpu);
  }

  std::vector<ByteView> requests;
  for (const pir::Query& query : queries) requests.push_back(query.request);
  std::vector<Bytes> answers;
  Status checked;
  const Spent took = spent([&] {
    for (const ByteView request : requests) {
      if (checked) checked = server_->check(request);
    }
    if (checked) answers = server_->answer(requests);
  });
  if (!checked) return checked;
  figures.answer_cpu.push_back(took.cpu);
  figures.answer_wall.push_back(took.wall);

  for (uint64_t i = 0; i < batch; ++i) {
    Result<std::vector<pir::Row>> fetched;
    figures.recover.push_back(spent([&] { fetched = client_->recover(std::move(queries[i].secret), answers[i]); }).cpu);
    if (!fetched) return fail(fetched.error());
    figures.request_bytes += static_cast<double>(requests[i].size());
    figures.answer_bytes += static_cast<double>(answers[i].size());
    figures.wrong_rows += wrong_rows(std::move(wanted[i]), *fetched);
    ++figures.queries;
  }
  return {};
}

// One row of each part.
std::vector<uint64_t> Bench::draw() {
  std::vector<uint64_t> wanted;
  for (uint32_t part = 0; part < cell_.geometry.parts; ++part) {
    wanted.push_back(cell_.geometry.row_at(part, choices_.below(cell_.geometry.part_rows(part))));
  }
  return wanted;
}

uint64_t Bench::wrong_rows(std::vector<uint64_t> wanted, const std::vector<pir::Row>& fetched) const {
  std::sort(wanted.begin(), wanted.end());
  uint64_t wrong = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const bool right =
        i < fetched.size() && fetched[i].number == wanted[i] && equal_vartime(fetched[i].bytes, rows_[wanted[i]]);
    wrong += right ? 0 : 1;
  }
  return wrong;
}

}  // namespace cwtch::pirbench
