#include "pir/segments/segments.hpp"

#include "pir/clear_rows.hpp"

namespace cwtch::pir {
namespace {

class SegmentsServer final : public Server {
 public:
  SegmentsServer(const Geometry& geometry, Bytes rows) : Server(geometry) {
    statics_->push_back(make_blob(std::move(rows)));
  }
  size_t memory_bytes() const override { return 0; }
  Status check(ByteView request) const override {
    if (!request.empty()) return fail(Errc::malformed, "segments: a query is empty");
    return {};
  }
  std::vector<Bytes> answer(std::span<const ByteView> requests) const override {
    return std::vector<Bytes>(requests.size());
  }
};

class SegmentsClient final : public Client {
 public:
  SegmentsClient(const Geometry& geometry, Bytes rows) : Client(geometry), rows_(std::move(rows)) {}
  uint64_t request_bytes() const override { return 0; }
  uint64_t answer_bytes() const override { return 0; }
  Query query(std::span<const uint64_t> wanted, Random&) const override {
    return {Bytes(), std::make_unique<WantedRows>(wanted)};
  }
  Result<std::vector<Row>> recover(std::unique_ptr<Secret> secret, ByteView answer) const override {
    if (!answer.empty()) return fail(Errc::malformed, "segments: an answer is empty");
    return cut_rows(*secret, geometry_.first_row, geometry_.row_bytes, rows_);
  }

 private:
  const Bytes rows_;
};

class Segments final : public Scheme {
 public:
  const Info& info() const override {
    static const Info info{
        .name = "segments", .parameters = "", .summary = "whole sealed files, which caches may hold"};
    return info;
  }
  Cost cost(const Geometry& geometry, uint32_t) const override {
    const auto bytes = static_cast<double>(geometry.bytes());
    return {.statics_bytes = bytes, .rows_fetched = static_cast<double>(geometry.rows), .setup = {.copied = bytes}};
  }
  std::unique_ptr<Server> serve(const Context&, const Geometry& geometry, const RowSource& rows) const override {
    return std::make_unique<SegmentsServer>(geometry, all_rows(geometry, rows));
  }
  Result<std::unique_ptr<Client>> connect(const Context&, const Geometry& geometry,
                                          std::span<const Blob> statics) const override {
    if (statics.size() != 1 || statics[0].bytes.size() != geometry.bytes()) {
      return fail(Errc::malformed, "segments: size of the file");
    }
    return std::make_unique<SegmentsClient>(geometry, statics[0].bytes);
  }
};

}  // namespace

const Scheme& segments() {
  static const Segments scheme;
  return scheme;
}

}  // namespace cwtch::pir
