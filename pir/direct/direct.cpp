#include "pir/direct/direct.hpp"

#include <algorithm>

#include "engine/core/check.hpp"
#include "engine/core/codec.hpp"
#include "pir/clear_rows.hpp"

namespace cwtch::pir {
namespace {

// One number per part; a part of which nothing is wanted sends kNothing and gets zeros. What is asked is in clear, but
// sizes still say nothing of their own.
constexpr uint64_t kNothing = UINT64_MAX;

class DirectServer final : public Server {
 public:
  DirectServer(const Geometry& geometry, Bytes rows) : Server(geometry), rows_(std::move(rows)) {}
  size_t memory_bytes() const override { return rows_.size(); }
  Status check(ByteView request) const override {
    if (request.size() != geometry_.parts * sizeof(uint64_t)) return fail(Errc::malformed, "direct: size of the query");
    for (uint32_t part = 0; part < geometry_.parts; ++part) {
      const auto row = load_le<uint64_t>(&request[part * sizeof(uint64_t)]);
      if (row == kNothing) continue;
      if (!geometry_.contains(row) || geometry_.place_of(row).part != part) {
        return fail(Errc::malformed, "direct: no such row in this part");
      }
    }
    return {};
  }
  std::vector<Bytes> answer(std::span<const ByteView> requests) const override {
    std::vector<Bytes> answers;
    for (const ByteView request : requests) {
      Bytes answer(size_t{geometry_.parts} * geometry_.row_bytes);
      for (uint32_t part = 0; part < geometry_.parts; ++part) {
        const auto row = load_le<uint64_t>(&request[part * sizeof(uint64_t)]);
        if (row == kNothing) continue;
        const ByteView from =
            ByteView(rows_).subspan((row - geometry_.first_row) * geometry_.row_bytes, geometry_.row_bytes);
        std::copy(from.begin(), from.end(),
                  answer.begin() + static_cast<ptrdiff_t>(size_t{part} * geometry_.row_bytes));
      }
      answers.push_back(std::move(answer));
    }
    return answers;
  }

 private:
  const Bytes rows_;
};

class DirectClient final : public Client {
 public:
  explicit DirectClient(const Geometry& geometry) : Client(geometry) {}
  uint64_t request_bytes() const override { return geometry_.parts * sizeof(uint64_t); }
  uint64_t answer_bytes() const override { return uint64_t{geometry_.parts} * geometry_.row_bytes; }
  Query query(std::span<const uint64_t> wanted, Random&) const override {
    Query query{Bytes(request_bytes(), 0xff), std::make_unique<WantedRows>(wanted)};
    for (const uint64_t row : wanted) {
      uint8_t* const number = &query.request[geometry_.place_of(row).part * sizeof(uint64_t)];
      CHECK(load_le<uint64_t>(number) == kNothing);
      store_le(number, row);
    }
    return query;
  }
  Result<std::vector<Row>> recover(std::unique_ptr<Secret> secret, ByteView answer) const override {
    if (answer.size() != answer_bytes()) return fail(Errc::malformed, "direct: size of the answer");
    std::vector<Row> rows;
    for (const uint64_t number : static_cast<const WantedRows&>(*secret).wanted) {
      const size_t part = geometry_.place_of(number).part;
      const ByteView row = answer.subspan(part * geometry_.row_bytes, geometry_.row_bytes);
      rows.push_back({number, Bytes(row.begin(), row.end())});
    }
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.number < b.number; });
    return rows;
  }
};

Cost cost_of(const Geometry& geometry, uint32_t batch) {
  const double parts = geometry.parts, answer = parts * geometry.row_bytes;
  return {.request_bytes = parts * 8,
          .answer_bytes = answer,
          .rows_fetched = parts,
          .server_bytes = static_cast<double>(geometry.bytes()),
          .setup = {.copied = static_cast<double>(geometry.bytes())},
          .answer = {.copied = answer * batch}};
}

}  // namespace

const Scheme& direct() {
  static const ClearScheme<DirectServer, DirectClient> scheme(
      {.name = "direct",
       .parameters = "",
       .summary = "rows by number, in clear",
       .trust = Trust::relaxed,
       .leakage = {.links_sessions = true,
                   .reveals_volume = true,
                   .reveals_messages = true,
                   .note = "the server sees which rows each client fetches, and so who is in a group with whom"}},
      &cost_of);
  return scheme;
}

}  // namespace cwtch::pir
