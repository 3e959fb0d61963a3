// Finds the records of our groups among everybody's, at the speed of the stream.
//
// A tagged record is recognised by its entry (a SipHash per group). Any other is recognised by one XSalsa20 block: a
// group message's JSON begins with {"Text":, so the first eight plaintext bytes are known, and eight ciphertext bytes
// say whether a key fits (false positives: 2^-64). Only what matches is decrypted.
#pragma once

#include <string>
#include <vector>

#include "engine/client/entry.hpp"

namespace cwtch::client {

class Profile;

class Keyring {
 public:
  // Groups on `server` only: a tag binds the server's hostname.
  explicit Keyring(std::string_view server);

  // Groups are numbered in the order in which they are added.
  void add(const Group& group);
  // Those of the profile that are on this server; their ids, as they are numbered. REQUIRES: size() == 0
  std::vector<GroupId> add_all(const Profile& profile);
  size_t size() const { return keys_.size(); }

  static constexpr size_t kNone = SIZE_MAX;
  // The first group from number `from` on whose key seems to open `record`, or kNone. REQUIRES: a record of at least
  // log::kRecordBytesMin bytes.
  size_t match(ByteView record, size_t from = 0) const;
  // The same by what the index has of a record: the entry of a tagged one, the probe of any other. REQUIRES: entries of
  // log::kEntryBytes, probes of log::kProbeBytes.
  size_t match_entry(ByteView entry, size_t from = 0) const;
  size_t match_probe(ByteView probe, size_t from = 0) const;

 private:
  struct Key {
    GroupKey group;
    EntryKey entry;
  };

  std::string server_;
  std::vector<Key> keys_;
};

}  // namespace cwtch::client
