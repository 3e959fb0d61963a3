#include "engine/client/question.hpp"

#include "engine/client/mutant.hpp"

namespace cwtch::client {

uint64_t Question::ask(const Desk& desk) {
  const Result<std::string> payment = desk.payer.pay();
  ServerLink link(desk.dialer, desk.endpoint);
  if (payment) {
    const uint64_t bytes_max = mutant(Mutant::close_when_idle) && idle_ ? 0 : client_.answer_bytes();
    answer_ = link.query(desk.scheme.info().name, database_, query_.request, bytes_max, *payment);
  } else {
    answer_ = fail(payment.error());
  }
  return link.traffic().bytes();
}

Status Question::open(RowCollector& collector, std::vector<RowCollector::Whole>& whole) {
  if (!answer_) return fail(answer_.error());
  const Result<std::vector<pir::Row>> rows = client_.recover(std::move(query_.secret), *answer_);
  if (!rows) return fail(rows.error());
  for (const pir::Row& row : *rows) {
    if (auto record = collector.got(row.number, row.bytes)) whole.push_back(std::move(*record));
  }
  return {};
}

}  // namespace cwtch::client
