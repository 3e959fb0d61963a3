#include "pir/full/full.hpp"

#include "pir/clear_rows.hpp"

namespace cwtch::pir {
namespace {

class FullServer final : public Server {
 public:
  FullServer(const Geometry& geometry, Bytes rows) : Server(geometry), rows_(std::move(rows)) {}
  size_t memory_bytes() const override { return rows_.size(); }
  Status check(ByteView request) const override {
    if (!request.empty()) return fail(Errc::malformed, "full: a query is empty");
    return {};
  }
  std::vector<Bytes> answer(std::span<const ByteView> requests) const override {
    return std::vector<Bytes>(requests.size(), rows_);
  }

 private:
  const Bytes rows_;
};

class FullClient final : public Client {
 public:
  explicit FullClient(const Geometry& geometry) : Client(geometry) {}
  uint64_t request_bytes() const override { return 0; }
  uint64_t answer_bytes() const override { return geometry_.bytes(); }
  Query query(std::span<const uint64_t> wanted, Random&) const override {
    return {Bytes(), std::make_unique<WantedRows>(wanted)};
  }
  Result<std::vector<Row>> recover(std::unique_ptr<Secret> secret, ByteView answer) const override {
    if (answer.size() != answer_bytes()) return fail(Errc::malformed, "full: size of the answer");
    return cut_rows(*secret, geometry_.first_row, geometry_.row_bytes, answer);
  }
};

Cost cost_of(const Geometry& geometry, uint32_t batch) {
  const auto bytes = static_cast<double>(geometry.bytes());
  return {.answer_bytes = bytes,
          .rows_fetched = static_cast<double>(geometry.rows),
          .server_bytes = bytes,
          .setup = {.copied = bytes},
          .answer = {.copied = bytes * batch}};
}

}  // namespace

const Scheme& full() {
  static const ClearScheme<FullServer, FullClient> scheme(
      {.name = "full", .parameters = "", .summary = "everything, to everybody"}, &cost_of);
  return scheme;
}

}  // namespace cwtch::pir
