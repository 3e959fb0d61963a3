// halves: an example of a scheme, which docs/pir/adding_a_scheme.md explains and tests build. The query says, in clear,
// in which half of the database the wanted row lies, and the answer is that half: half the bytes of `full`, for one bit
// of what is wanted. Not in the registry, so that no server offers it.
//
//   request   u8: 0 the first half, 1 the second; of an odd number of rows the middle one is in both, so that both are
//             as long
//   answer    the rows of that half
//   statics   none
//
// Thread: as pir/scheme.hpp says of all.
#pragma once

#include <memory>
#include <vector>

#include "engine/core/check.hpp"
#include "pir/clear_rows.hpp"
#include "pir/scheme.hpp"

namespace cwtch::test {

// What server and client both compute, from the geometry alone.
inline uint64_t half_rows(const pir::Geometry& geometry) { return (geometry.rows + 1) / 2; }
inline uint64_t half_bytes(const pir::Geometry& geometry) { return half_rows(geometry) * geometry.row_bytes; }
inline uint64_t first_of_half(const pir::Geometry& geometry, uint8_t half) {
  return half == 0 ? geometry.first_row : geometry.end_row() - half_rows(geometry);
}
inline uint8_t half_of(const pir::Geometry& geometry, uint64_t row) {
  return row - geometry.first_row < half_rows(geometry) ? 0 : 1;
}

class HalvesServer final : public pir::Server {
 public:
  HalvesServer(const pir::Geometry& geometry, Bytes rows) : Server(geometry), rows_(std::move(rows)) {}
  size_t memory_bytes() const override { return rows_.size(); }

  // Everything that a stranger may get wrong is found here, where refusing is cheap.
  Status check(ByteView request) const override {
    if (request.size() != 1) return fail(Errc::malformed, "halves: size of the query");
    if (request[0] > 1) return fail(Errc::malformed, "halves: there are two halves");
    return {};
  }
  std::vector<Bytes> answer(std::span<const ByteView> requests) const override {
    std::vector<Bytes> answers;
    for (const ByteView request : requests) {
      const uint64_t first = (first_of_half(geometry_, request[0]) - geometry_.first_row) * geometry_.row_bytes;
      const ByteView half = ByteView(rows_).subspan(first, half_bytes(geometry_));
      answers.emplace_back(half.begin(), half.end());
    }
    return answers;
  }

 private:
  const Bytes rows_;
};

class HalvesClient final : public pir::Client {
 public:
  explicit HalvesClient(const pir::Geometry& geometry) : Client(geometry) {}
  uint64_t request_bytes() const override { return 1; }
  uint64_t answer_bytes() const override { return half_bytes(geometry_); }

  pir::Query query(std::span<const uint64_t> wanted, Random& random) const override {
    CHECK(wanted.size() <= 1);
    // Nothing wanted: some half, so that the query is no shorter and its answer neither.
    const uint8_t half = wanted.empty() ? static_cast<uint8_t>(random.below(2)) : half_of(geometry_, wanted[0]);
    return {Bytes(1, half), std::make_unique<pir::WantedRows>(wanted)};
  }
  Result<std::vector<pir::Row>> recover(std::unique_ptr<pir::Secret> secret, ByteView answer) const override {
    if (answer.size() != answer_bytes()) return fail(Errc::malformed, "halves: size of the answer");
    const std::vector<uint64_t>& wanted = static_cast<const pir::WantedRows&>(*secret).wanted;
    const uint8_t half = wanted.empty() ? 0 : half_of(geometry_, wanted[0]);
    return pir::cut_rows(*secret, first_of_half(geometry_, half), geometry_.row_bytes, answer);
  }
};

class Halves final : public pir::Scheme {
 public:
  const pir::Info& info() const override {
    static const pir::Info info{.name = "halves",
                                .parameters = "",
                                .summary = "half of everything; an example",
                                .leakage = {.reveals_messages = true,
                                            .note = "the server sees in which half of a database the wanted row lies"}};
    return info;
  }
  Status fits(const pir::Geometry& geometry) const override {
    if (geometry.parts != 1) return fail(Errc::unsupported, "halves: a database has one part");
    return {};
  }
  pir::Cost cost(const pir::Geometry& geometry, uint32_t batch) const override {
    const auto bytes = static_cast<double>(geometry.bytes()), half = static_cast<double>(half_bytes(geometry));
    return {.request_bytes = 1,
            .answer_bytes = half,
            .rows_fetched = 1,
            .server_bytes = bytes,
            .setup = {.read_bytes = bytes},
            .answer = {.read_bytes = half * batch}};
  }

  std::unique_ptr<pir::Server> serve(const pir::Context&, const pir::Geometry& geometry,
                                     const pir::RowSource& rows) const override {
    return std::make_unique<HalvesServer>(geometry, pir::all_rows(geometry, rows));
  }
  Result<std::unique_ptr<pir::Client>> connect(const pir::Context&, const pir::Geometry& geometry,
                                               std::span<const pir::Blob> statics) const override {
    if (!statics.empty()) return fail(Errc::malformed, "halves: there is no static part");
    return std::make_unique<HalvesClient>(geometry);
  }
};

}  // namespace cwtch::test
