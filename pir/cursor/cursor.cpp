#include "pir/cursor/cursor.hpp"

#include <algorithm>

#include "engine/core/codec.hpp"
#include "pir/clear_rows.hpp"

namespace cwtch::pir {
namespace {

constexpr size_t kRequestBytes = 8;

class CursorServer final : public Server {
 public:
  CursorServer(const Geometry& geometry, Bytes rows) : Server(geometry), rows_(std::move(rows)) {}
  size_t memory_bytes() const override { return rows_.size(); }
  Status check(ByteView request) const override {
    if (request.size() != kRequestBytes) return fail(Errc::malformed, "cursor: size of the query");
    const auto from = load_le<uint64_t>(request.data());
    if (from < geometry_.first_row || from > geometry_.end_row()) {
      return fail(Errc::malformed, "cursor: no such row in this database");
    }
    return {};
  }
  std::vector<Bytes> answer(std::span<const ByteView> requests) const override {
    std::vector<Bytes> answers;
    for (const ByteView request : requests) {
      const uint64_t from = load_le<uint64_t>(request.data()) - geometry_.first_row;
      const ByteView rows = ByteView(rows_).subspan(from * geometry_.row_bytes);
      answers.emplace_back(rows.begin(), rows.end());
    }
    return answers;
  }

 private:
  const Bytes rows_;
};

class CursorClient final : public Client {
 public:
  explicit CursorClient(const Geometry& geometry) : Client(geometry) {}
  uint64_t request_bytes() const override { return kRequestBytes; }
  uint64_t answer_bytes() const override { return geometry_.bytes(); }  // at most: the size tells the place
  Query query(std::span<const uint64_t> wanted, Random&) const override {
    uint64_t from = geometry_.end_row();
    for (const uint64_t row : wanted) from = std::min(from, row);
    Query query{Bytes(kRequestBytes), std::make_unique<WantedRows>(wanted)};
    store_le(query.request.data(), from);
    return query;
  }
  Result<std::vector<Row>> recover(std::unique_ptr<Secret> secret, ByteView answer) const override {
    if (answer.size() > geometry_.bytes() || answer.size() % geometry_.row_bytes != 0) {
      return fail(Errc::malformed, "cursor: size of the answer");
    }
    return cut_rows(*secret, geometry_.end_row() - answer.size() / geometry_.row_bytes, geometry_.row_bytes, answer);
  }
};

Cost cost_of(const Geometry& geometry, uint32_t batch) {
  const auto bytes = static_cast<double>(geometry.bytes());
  return {.request_bytes = kRequestBytes,
          .answer_bytes = bytes,
          .rows_fetched = static_cast<double>(geometry.rows),
          .server_bytes = bytes,
          .setup = {.copied = bytes},
          .answer = {.copied = bytes * batch}};
}

}  // namespace

const Scheme& cursor() {
  static const ClearScheme<CursorServer, CursorClient> scheme(
      {.name = "cursor",
       .parameters = "",
       .summary = "what is new since last time",
       .leakage = {.links_sessions = true, .note = "where a client stopped tells who it is"}},
      &cost_of);
  return scheme;
}

}  // namespace cwtch::pir
