// The records that a member wants and has not fetched: found in the index, fetched row by row, a few at a time.
//
// Whoever can post can make records that look wanted, and a server can show the same entry again: an entry or nonce is
// wanted at kPlacesMax positions at most, a group has kWantedMax records waiting at most, and groups take turns. So
// junk in one group's name costs that group its turns, and no other group anything. Thread: one; pure.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "engine/log/index_block.hpp"
#include "pir/geometry.hpp"

namespace cwtch::client {

class Wanted {
 public:
  static constexpr size_t kPlacesMax = 3;
  static constexpr size_t kWantedMax = 100'000;

  explicit Wanted(size_t groups) : groups_(groups) {}

  // A match of group number `group`. False: not wanted, by the bounds above.
  bool add(size_t group, const log::IndexEntry& entry);
  size_t records() const { return records_; }

  // At most one wanted row of each part, oldest first within a group, groups in turn. The same again until got() or
  // skip() says what became of them.
  std::vector<uint64_t> choose(const pir::Geometry& geometry);
  // A row is here. The whole record's rows, once they are all.
  struct Whole {
    size_t group;
    uint64_t position;
    Bytes entry;  // as the index has it: an entry or a probe
    Bytes rows;
  };
  std::optional<Whole> got(uint64_t row, ByteView bytes);
  // Forgets records with rows outside [first_row, end_row): how many.
  size_t keep_within(uint64_t first_row, uint64_t end_row);

 private:
  struct Record {
    uint64_t position;
    uint64_t row;
    uint32_t rows;
    Bytes entry;
    Bytes bytes;        // of the rows that are here
    uint32_t here = 0;  // bit i: row i
  };
  struct GroupQueue {
    std::map<uint64_t, Record> by_row;  // first row
    std::map<ByteArray<log::kNonceBytes>, size_t> places;
  };

  std::vector<GroupQueue> groups_;
  size_t turn_ = 0;  // the group that chooses first
  size_t records_ = 0;
};

}  // namespace cwtch::client
