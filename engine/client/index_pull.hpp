// One reading of the index stream under way: takes the server's bytes, checks them, finds the records of our groups,
// and keeps which are wanted and how far it got. It begins at the segment boundary where the last one ended, and goes
// to the end: the tail always comes from its start.
//
// Every request names public positions only, and whatever is found, the same ones.
#pragma once

#include "engine/client/index_stream.hpp"
#include "engine/client/keyring.hpp"
#include "engine/client/server_link.hpp"
#include "engine/client/store.hpp"

namespace cwtch::client {

struct IndexReport {
  uint64_t records = 0;  // looked at
  uint64_t wanted = 0;   // of our groups, and new
};

class IndexPull final : private IndexStream::Visitor {
 public:
  // `end_row`: of the databases from which the rows will be fetched, for whoever has such; public. The next reading
  // begins no later, so that it sees where their last record ends.
  IndexPull(Store& store, std::string host, SegmentList list, uint64_t end_row = UINT64_MAX);

  // Reads to the end, at least to `committed_end`, and keeps what it found. corrupt: the server contradicts itself, or
  // what it said before.
  Status read(ServerLink& link, uint64_t committed_end, Store::Keep keep);
  // The same of what is sealed, so that nothing comes twice, at least up to the tail that the list names; in two steps,
  // for whom the time between requests must not tell what is found: what the server sends, as it is, and what that
  // means. too_large: beyond `bytes_max`.
  Result<Bytes> fetch_sealed(ServerLink& link, uint64_t committed_end, uint64_t bytes_max);
  Status take_sealed(ByteView bytes, Store::Keep keep);

  // The windows as far as they are known, those of this reading among them: also if the profile did not keep them,
  // because it has other groups by now.
  WindowsRead windows() const;

  const IndexReport& report() const { return report_; }
  const IndexPlace& first() const { return stream_.first(); }  // where the reading began
  const IndexPlace& place() const { return stream_.place(); }
  uint32_t row_bytes() const { return stream_.row_bytes(); }
  // Position of the first record that does not end before `end_row`.
  uint64_t beyond() const { return beyond_.value_or(place().position); }

 private:
  void entry(const log::IndexEntry& entry) override;
  Status block(const IndexPlace& end, uint32_t hour) override;
  void want(const GroupId& group, const log::IndexEntry& entry);
  void expect_missing();
  Result<std::string> target(uint64_t committed_end) const;
  Status finish(uint64_t committed_end, Store::Keep keep);
  Status save(Store::Keep keep);

  Store& store_;
  const std::string host_;
  const SegmentList list_;
  const uint64_t end_row_;
  Keyring keyring_;
  std::vector<GroupId> groups_;  // as the keyring numbers them
  IndexKnown known_;             // before this reading
  uint64_t log_known_ = 0;       // up to here the log itself was looked through
  IndexStream stream_;
  uint64_t block_first_;  // position of the first record of the block that is read
  std::set<uint64_t> boundaries_;
  std::optional<IndexPlace> passed_;  // the newest boundary behind us that the next reading may begin at
  bool tail_begun_ = false;
  std::optional<uint64_t> beyond_;
  std::vector<WindowRead> windows_;  // by sealed range and hour; consecutive ranges of one hour are one
  uint64_t wanted_in_block_ = 0;
  std::vector<Event> events_;  // not yet kept
  Status status_;              // of an entry
  IndexReport report_;
};

}  // namespace cwtch::client
