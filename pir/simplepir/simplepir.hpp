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

}  // namespace cwtch::pir
