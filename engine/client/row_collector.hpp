// Which wanted rows the queries of one fetch ask for, and the records that come of them.
//
// Groups share the slots: each goes to the group that had fewest so far, so junk in one group's name costs that group
// its slots, and no other group anything. A record's rows may come by several queries. Thread: one; pure.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "engine/client/events.hpp"
#include "pir/geometry.hpp"

namespace cwtch::client {

class RowCollector {
 public:
  // By group, as WantedQueue::turns() has them.
  explicit RowCollector(const std::vector<std::vector<RecordWanted>>& turns);

  size_t records() const { return records_; }  // not whole yet

  // At most one wanted row of each part, oldest first within a group. What was chosen is not chosen again, since
  // queries are made before any is answered, until again() is called: then what has not come is. `batch_row`: what is
  // wanted from this row on has the batch of the day before it as well. It gives way to what has not, and of it comes
  // first what shares its part of the batch with most others, so that few are left for each.
  std::vector<uint64_t> choose(const pir::Geometry& geometry, std::optional<uint64_t> batch_row = {});
  void again();
  // A row is here. The whole record's rows, once they are all.
  struct Whole {
    RecordWanted wanted;
    Bytes rows;
  };
  std::optional<Whole> got(uint64_t row, ByteView bytes);

 private:
  struct Record {
    RecordWanted wanted;
    Bytes bytes;         // of the rows that are here
    uint32_t here = 0;   // bit i: row i
    uint32_t asked = 0;  // likewise, since the last again()
  };
  struct Group {
    std::map<uint64_t, Record> by_row;  // first row
    uint64_t slots = 0;                 // that it had
  };

  static Record* find(Group& group, uint64_t row);  // the record that has it, or nullptr

  std::vector<Group> groups_;
  size_t records_ = 0;
};

}  // namespace cwtch::client
