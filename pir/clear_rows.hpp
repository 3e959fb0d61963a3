// What the schemes without mathematics have in common: rows in clear, on both sides.
#pragma once

#include "pir/scheme.hpp"

namespace cwtch::pir {

// All rows of a database, in order.
Bytes all_rows(const Geometry& geometry, const RowSource& rows);

// The rows that were wanted; nothing about it is encrypted, but it stays with the client.
struct WantedRows final : Secret {
  explicit WantedRows(std::span<const uint64_t> rows) : wanted(rows.begin(), rows.end()) {}
  const std::vector<uint64_t> wanted;
};

// A scheme whose server keeps the rows as they are and whose client needs nothing before its first query.
template <class ServerHalf, class ClientHalf>
class ClearScheme final : public Scheme {
 public:
  using CostOf = Cost (*)(const Geometry& geometry, uint32_t batch);

  ClearScheme(const Info& what, CostOf cost_of) : info_(what), cost_of_(cost_of) {}
  const Info& info() const override { return info_; }
  Cost cost(const Geometry& geometry, uint32_t batch) const override { return cost_of_(geometry, batch); }
  std::unique_ptr<Server> serve(const Context&, const Geometry& geometry, const RowSource& rows) const override {
    return std::make_unique<ServerHalf>(geometry, all_rows(geometry, rows));
  }
  Result<std::unique_ptr<Client>> connect(const Context&, const Geometry& geometry,
                                          std::span<const Blob> statics) const override {
    if (!statics.empty()) return fail(Errc::malformed, "pir: this scheme has no static part");
    return std::make_unique<ClientHalf>(geometry);
  }

 private:
  const Info info_;
  const CostOf cost_of_;
};

// Cuts `secret`'s rows out of `bytes`, which begin with row `first`. malformed when they are not there.
Result<std::vector<Row>> cut_rows(const Secret& secret, uint64_t first, uint32_t row_bytes, ByteView bytes);

}  // namespace cwtch::pir
