#include "engine/client/fetched.hpp"

#include "engine/log/rows.hpp"

namespace cwtch::client {
namespace {

// Of a tagged record all bytes are checked, by the hash in its entry; of any other, those that are in the probe.
bool is_named(ByteView record, const IndexName& name) {
  if (record.size() < log::kRecordBytesMin || record.size() > log::kRecordBytesMax) return false;
  if (log::is_tagged(record) != name.tagged) return false;
  if (!name.tagged) return equal_vartime(log::probe_of(record), name.view());
  return equal_vartime(log::entry_of(record), name.view()) &&
         equal_vartime(log::record_hash(log::signature_of(record), log::ciphertext_of(record)),
                       name.view().first(log::kRecordHashBytes));
}

Verdict spoiled(const RecordWanted& wanted, std::vector<Event>& events) {
  RecordWanted again = wanted;
  again.tries += 1;
  events.emplace_back(again);
  return Verdict::spoiled;
}

}  // namespace

void FetchTally::count(const Status& answered) {
  if (answered) return;
  failed_queries += 1;
  query_failure = answered.error();
}

void FetchTally::count(Verdict verdict, const GroupState& group, const Event& newest) {
  unreadable += verdict == Verdict::unreadable;
  spoiled += verdict == Verdict::spoiled;
  if (verdict != Verdict::message) return;
  messages += group.tree.find(std::get<MessageStored>(newest).signature) == Tree::kUnknown;
}

Verdict judge_record(const Group& group, const RecordWanted& wanted, ByteView record, std::vector<Event>& events) {
  if (!is_named(record, wanted.name)) return spoiled(wanted, events);
  Result<Opened> opened = open(group, record);
  // The tag binds every byte, and takes the group's key: a member wrote this. A probe may be anybody's copy, and
  // whoever gave us the record may have changed its signature.
  if (!opened && !wanted.name.tagged) return spoiled(wanted, events);
  if (!opened) {
    events.emplace_back(RecordSettled{group.id, wanted.name.tagged, wanted.name.unique()});
    return Verdict::unreadable;
  }
  MessageStored stored = stored_message(group.id, record, std::move(*opened));
  stored.position = wanted.position;
  events.emplace_back(std::move(stored));
  return Verdict::message;
}

Verdict judge_rows(const Group& group, const RecordWanted& wanted, ByteView rows, uint32_t row_bytes,
                   std::vector<Event>& events) {
  if (rows.size() != size_t{wanted.rows} * row_bytes) return spoiled(wanted, events);
  const Result<Bytes> record = log::decode_rows(rows, row_bytes);
  return record ? judge_record(group, wanted, *record, events) : spoiled(wanted, events);
}

void FetchTally::judge(const Profile& profile, const RecordWanted& wanted, ByteView rows, uint32_t row_bytes,
                       std::vector<Event>& events) {
  const GroupState& state = *profile.group(wanted.group);
  const Verdict verdict = judge_rows(state.group, wanted, rows, row_bytes, events);
  count(verdict, state, events.back());
}

}  // namespace cwtch::client
