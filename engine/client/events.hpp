// What can happen to a profile. Its journal is a list of events, and its state is what replaying them gives
// (profile.hpp), so a crash can only ever leave it at an earlier moment.
//
// Encoding: kind u8, then the fields in order; integers little-endian; texts and lists with their length as u32.
// docs/client.md has the table.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "engine/client/group.hpp"
#include "engine/client/message.hpp"
#include "engine/log/index_block.hpp"
#include "pir/windows.hpp"

namespace cwtch::client {

// A server became known, or its address changed.
struct ServerAdded {
  std::string host;
  std::string url;
};

// A group of ours. Unless it is `fresh` (made by us just now), it has a history that was not looked for yet, so its
// server's log counts as unknown again.
struct GroupJoined {
  Group group;
  bool fresh = false;
};

// A message of ours, made and about to be sent: kept until its fate is known, so that nothing is posted twice with
// different bytes and nothing is lost.
struct Composed {
  GroupId group{};
  Bytes record;
};

// The server will never take it.
struct Refused {
  Signature signature{};
};

// A message of a group. Ours carries acknowledged = true when it stands where the server said it would, and
// was not yet seen in the log.
struct MessageStored {
  GroupId group{};
  uint64_t position = 0;
  bool acknowledged = false;
  Signature signature{};
  std::optional<Signature> previous;
  PublicKey author{};
  uint64_t timestamp = 0;
  std::string text;
};

// A message as it is stored, but for its place.
MessageStored stored_message(const GroupId& group, ByteView record, Opened opened);

// The log up to `reached` is known. `sealed` is the newest segment boundary below it, where the next synchronisation
// begins; each with the checksum chain there. `groups`: how many groups of that server were looked for; if it has more
// by now, the log was not looked through for all of them, and this counts for nothing.
struct Synced {
  std::string host;
  uint64_t sealed = 0;
  uint32_t sealed_chain = 0;
  uint64_t reached = 0;
  uint32_t reached_chain = 0;
  uint32_t groups = 0;
};

// Records [from, to) were gone before they could be fetched.
struct Missed {
  std::string host;
  uint64_t from = 0;
  uint64_t to = 0;
};

// A place in the index stream: a record's position and its first row, or those of the record to come.
struct IndexPlace {
  uint64_t position = 0;
  uint64_t row = 0;
  friend bool operator==(const IndexPlace&, const IndexPlace&) = default;
};

// A window as the index showed it, and how many records of ours in it were not here when it was read.
struct WindowRead {
  pir::Window window;
  uint64_t wanted = 0;
};
// Consecutive ones, the newest of those that were read; the first begins at `first_row` or was cut off there.
struct WindowsRead {
  uint64_t first_row = 0;
  std::vector<WindowRead> windows;
};

// The index up to `reached` was looked through for `groups` groups of that server. `sealed` is where the next reading
// begins: a segment boundary. As with Synced, this counts for nothing if there are more groups by now.
struct IndexSeen {
  std::string host;
  IndexPlace sealed;
  IndexPlace reached;
  uint32_t row_bytes = 0;
  uint32_t groups = 0;
  WindowsRead windows;
};

// A poll of the period before this hour (since 1970) began, so that the next one is not due before it; or the batch of
// this day (since 1970) was made. The other one is 0.
struct Polled {
  std::string host;
  uint32_t next_hour = 0;
  uint32_t day = 0;
};

// What the index has of a record: the entry of a tagged one, the probe of any other.
struct IndexName {
  bool tagged = false;
  ByteArray<log::kProbeBytes> bytes{};  // an entry has zeros behind it

  IndexName() = default;
  explicit IndexName(const log::IndexEntry& entry);
  // The part that no second record has: an entry, or a nonce.
  ByteArray<log::kNonceBytes> unique() const;
  ByteView view() const { return ByteView(bytes).first(tagged ? log::kEntryBytes : log::kProbeBytes); }
  friend bool operator==(const IndexName&, const IndexName&) = default;
};

// A record of a group, recognised in the index and not read yet. Said again with more `tries` when what was fetched in
// its place was not what the index names.
struct RecordWanted {
  GroupId group{};
  uint64_t position = 0;
  uint64_t row = 0;
  uint8_t rows = 0;
  uint8_t tries = 0;
  IndexName name;
};

// Whatever has this name is known to us, or is no message: it is not wanted, wherever it shows up again.
struct RecordSettled {
  GroupId group{};
  bool tagged = false;
  ByteArray<log::kNonceBytes> unique{};
};

using Event = std::variant<ServerAdded, GroupJoined, Composed, Refused, MessageStored, Synced, Missed, IndexSeen,
                           RecordWanted, RecordSettled, Polled>;

// One event, as Store::commit() takes it.
std::vector<Event> only(Event event);

Bytes encode(const Event& event);
// corrupt for bytes that encode() does not make: they have a checksum, so nobody else wrote them.
Result<Event> decode_event(ByteView bytes);

}  // namespace cwtch::client
