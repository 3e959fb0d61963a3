// direct: rows by their numbers, in clear. No privacy at all: for those who trust the server, and as the lower bound of
// every cost.
#pragma once

#include "pir/scheme.hpp"

namespace cwtch::pir {

class Direct final : public Scheme {
 public:
  const Info& info() const override;
  Status fits(const Geometry& geometry) const override;
  Cost cost(const Geometry& geometry, uint32_t batch) const override;
  std::unique_ptr<Server> serve(const Context& context, const Geometry& geometry, const RowSource& rows) const override;
  Result<std::unique_ptr<Client>> connect(const Context& context, const Geometry& geometry,
                                          std::span<const Blob> statics) const override;
};

}  // namespace cwtch::pir
