#include "pir/scheme.hpp"

#include "engine/core/sha256.hpp"

namespace cwtch::pir {

const char* name(Trust trust) {
  switch (trust) {
    case Trust::none:
      return "none";
    case Trust::non_collusion:
      return "non-collusion";
    case Trust::hardware:
      return "hardware";
    case Trust::relaxed:
      return "relaxed";
  }
  return "";
}

Blob make_blob(Bytes bytes) {
  Blob blob{std::move(bytes), {}};
  Sha256 sha256;
  sha256.add(blob.bytes);
  blob.sha256 = sha256.finish();
  return blob;
}

void run_serially(size_t count, const std::function<void(size_t task)>& task) {
  for (size_t i = 0; i < count; ++i) task(i);
}

std::vector<Blob> Scheme::statics(const Context& context, const Geometry& geometry, const RowSource& rows) const {
  return serve(context, geometry, rows)->statics();
}

std::unique_ptr<Server> Scheme::merge(const Context&, std::span<const Server* const>) const { return nullptr; }

}  // namespace cwtch::pir
