// One half of a scheme of private retrieval, for an implementation of the other half in another language:
//
//   pir_half server SCHEME HOST FIRST ROWS ROW_BYTES PARTS c|i    reads rows; writes the static; answers requests
//   pir_half client ...                                           reads the static and numbers; asks; writes the rows
//
// On standard input and output, each item as its size (u32) and its bytes. For schemes with one static.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "engine/core/codec.hpp"
#include "pir/registry.hpp"

using namespace cwtch;

namespace {

bool read_item(Bytes& item) {
  uint8_t size[4];
  if (std::fread(size, 1, sizeof size, stdin) != sizeof size) return false;
  item.resize(load_le<uint32_t>(size));
  return std::fread(item.data(), 1, item.size(), stdin) == item.size();
}
Bytes must_read() {
  Bytes item;
  CHECK(read_item(item));
  return item;
}
void write_item(ByteView item) {
  uint8_t size[4];
  store_le(size, static_cast<uint32_t>(item.size()));
  CHECK(std::fwrite(size, 1, sizeof size, stdout) == sizeof size);
  CHECK(std::fwrite(item.data(), 1, item.size(), stdout) == item.size());
  CHECK(std::fflush(stdout) == 0);
}

class RowsInOrder final : public pir::RowSource {
 public:
  RowsInOrder(const pir::Geometry& geometry, Bytes bytes) : geometry_(geometry), bytes_(std::move(bytes)) {
    CHECK(bytes_.size() == geometry.bytes());
  }
  void read(uint64_t row, MutableBytes to) const override {
    const ByteView from =
        ByteView(bytes_).subspan((row - geometry_.first_row) * geometry_.row_bytes, geometry_.row_bytes);
    std::copy(from.begin(), from.end(), to.begin());
  }

 private:
  const pir::Geometry geometry_;
  const Bytes bytes_;
};

int serve(const pir::Scheme& scheme, const pir::Context& context, const pir::Geometry& geometry) {
  const RowsInOrder rows(geometry, must_read());
  const auto server = scheme.serve(context, geometry, rows);
  CHECK(server->statics().size() == 1);
  write_item(server->statics()[0].bytes);
  for (Bytes request; read_item(request);) {
    if (!server->check(request)) return 1;
    const ByteView view = request;
    write_item(server->answer({&view, 1}).at(0));
  }
  return 0;
}

int ask(const pir::Scheme& scheme, const pir::Context& context, const pir::Geometry& geometry) {
  const pir::Blob blob = pir::make_blob(must_read());
  const auto client = scheme.connect(context, geometry, {&blob, 1});
  if (!client) return 1;
  const Bytes numbers = must_read();
  std::vector<uint64_t> wanted;
  for (size_t at = 0; at < numbers.size(); at += 8) wanted.push_back(load_le<uint64_t>(&numbers[at]));
  SystemRandom random;
  pir::Query query = (*client)->query(wanted, random);
  write_item(query.request);
  const auto rows = (*client)->recover(std::move(query.secret), must_read());
  if (!rows) return 1;
  Bytes all;
  for (const pir::Row& row : *rows) all.insert(all.end(), row.bytes.begin(), row.bytes.end());
  write_item(all);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count != 9) return 2;
  const std::string role = words[1];
  const pir::Scheme* const scheme = pir::find_scheme(words[2]);
  const pir::Context context{.server = words[3]};
  const pir::Geometry geometry{std::strtoull(words[4], nullptr, 10), std::strtoull(words[5], nullptr, 10),
                               static_cast<uint32_t>(std::strtoul(words[6], nullptr, 10)),
                               static_cast<uint32_t>(std::strtoul(words[7], nullptr, 10)),
                               words[8][0] == 'i' ? pir::Partition::interleaved : pir::Partition::contiguous};
  if (scheme == nullptr || !pir::check(geometry) || !scheme->fits(geometry)) return 2;
  return role == "server" ? serve(*scheme, context, geometry) : ask(*scheme, context, geometry);
}
