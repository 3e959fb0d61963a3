// ring32: many rows by one query, without a hint: what SimplePIR's client downloads, the server folds into the answer
// by packing. README.md has the equations, the parameters and where it loses.
#pragma once

#include "pir/lattice/parameters.hpp"
#include "pir/lattice/words.hpp"
#include "pir/scheme.hpp"

namespace cwtch::pir {

class Ring32 final : public Scheme {
 public:
  // sigma: other than kSigma only in tests that want decryption to fail.
  explicit Ring32(double sigma = kSigma) : sigma_(sigma) {}
  const Info& info() const override;
  Status fits(const Geometry& geometry) const override;
  Cost cost(const Geometry& geometry, uint32_t batch) const override;
  std::unique_ptr<Server> serve(const Context& context, const Geometry& geometry, const RowSource& rows) const override;
  std::vector<Blob> statics(const Context& context, const Geometry& geometry, const RowSource& rows) const override;
  Result<std::unique_ptr<Client>> connect(const Context& context, const Geometry& geometry,
                                          std::span<const Blob> statics) const override;

 private:
  const double sigma_;
};

// For measuring noise: the opened numbers of an answer before they are rounded to bytes, part after part.
Result<SecretWords> opened_numbers(const Client& client, const Secret& secret, ByteView answer);

}  // namespace cwtch::pir
