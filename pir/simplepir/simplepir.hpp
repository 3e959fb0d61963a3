// SimplePIR: the whole database as one matrix, one row a column, a hint that adds up over ranges. README.md has the
// equations, the parameters and where it loses.
#pragma once

#include "pir/lattice/hint.hpp"
#include "pir/scheme.hpp"

namespace cwtch::pir {

class SimplePir final : public Scheme {
 public:
  // sigma: other than kSigma only in tests that want decryption to fail.
  explicit SimplePir(double sigma = kSigma) : sigma_(sigma) {}
  const Info& info() const override;
  Status fits(const Geometry& geometry) const override;
  Cost cost(const Geometry& geometry, uint32_t batch) const override;
  std::unique_ptr<Server> serve(const Context& context, const Geometry& geometry, const RowSource& rows) const override;
  std::vector<Blob> statics(const Context& context, const Geometry& geometry, const RowSource& rows) const override;
  Result<std::unique_ptr<Client>> connect(const Context& context, const Geometry& geometry,
                                          std::span<const Blob> statics) const override;
  std::unique_ptr<Server> merge(const Context& context, std::span<const Server* const> parts) const override;

  // For measuring noise: the opened numbers of an answer before they are rounded to bytes.
  static Result<SecretWords> opened_numbers(const Client& client, const Secret& secret, ByteView answer);

 private:
  const double sigma_;
};

// The hint of whoever follows the log: the sum over the rows that went by, at full precision, in memory that does not
// grow with them.
class RunningHint {
 public:
  RunningHint(const Context& context, uint32_t row_bytes);
  // The rows behind the last ones added. REQUIRES: geometry.first_row is where the last range ended, if there is one
  void add(const Geometry& geometry, const RowSource& rows);
  // The static of a server with all of them, byte for byte.
  Blob blob() const;
  uint64_t end_row() const { return end_row_; }

 private:
  const Context context_;
  const uint32_t row_bytes_;
  uint64_t end_row_ = 0;
  Words sum_;  // coefficients, in lanes
};

}  // namespace cwtch::pir
