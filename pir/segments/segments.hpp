// segments: a whole sealed range as one immutable, content-addressed file; the query itself is empty. Caches and
// mirrors may serve it; the server sees which ranges are fetched, and when.
#pragma once

#include "pir/scheme.hpp"

namespace cwtch::pir {

class Segments final : public Scheme {
 public:
  const Info& info() const override;
  Status fits(const Geometry& geometry) const override;
  Cost cost(const Geometry& geometry, uint32_t batch) const override;
  std::unique_ptr<Server> serve(const Context& context, const Geometry& geometry, const RowSource& rows) const override;
  Result<std::unique_ptr<Client>> connect(const Context& context, const Geometry& geometry,
                                          std::span<const Blob> statics) const override;
};

}  // namespace cwtch::pir
