#include "engine/client/events.hpp"

#include <algorithm>

#include "engine/core/codec.hpp"

namespace cwtch::client {
namespace {

enum class Kind : uint8_t {
  server_added = 1,
  group_joined = 2,
  composed = 3,
  refused = 4,
  message_stored = 5,
  synced = 6,
  missed = 7,
  index_seen_1 = 8,  // without windows: what it knows is read anew
  record_wanted = 9,
  record_settled = 10,
  polled = 11,
  index_seen = 12,
};

class Encoder {
 public:
  explicit Encoder(Kind kind) { put(static_cast<uint8_t>(kind)); }

  template <class Int>
  requires std::is_integral_v<Int> Encoder& put(Int value) {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    store_le(bytes_.data() + at, value);
    return *this;
  }
  Encoder& raw(ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Encoder& sized(ByteView bytes) { return put(static_cast<uint32_t>(bytes.size())).raw(bytes); }
  Encoder& text(std::string_view text) { return sized(bytes_of(text)); }
  Bytes finish() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

struct EncodeEvent {
  Bytes operator()(const ServerAdded& e) const { return Encoder(Kind::server_added).text(e.host).text(e.url).finish(); }
  Bytes operator()(const GroupJoined& e) const {
    const Group& g = e.group;
    return Encoder(Kind::group_joined)
        .raw(g.id)
        .raw(g.key.view())
        .text(g.server)
        .text(g.name)
        .put(static_cast<uint8_t>(e.fresh))
        .finish();
  }
  Bytes operator()(const Composed& e) const { return Encoder(Kind::composed).raw(e.group).sized(e.record).finish(); }
  Bytes operator()(const Refused& e) const { return Encoder(Kind::refused).raw(e.signature).finish(); }
  Bytes operator()(const MessageStored& e) const {
    Encoder to(Kind::message_stored);
    to.raw(e.group).put(e.position).put(static_cast<uint8_t>(e.acknowledged)).raw(e.signature);
    to.put(static_cast<uint8_t>(e.previous.has_value()));
    if (e.previous) to.raw(*e.previous);
    return to.raw(e.author).put(e.timestamp).text(e.text).finish();
  }
  Bytes operator()(const Synced& e) const {
    return Encoder(Kind::synced)
        .text(e.host)
        .put(e.sealed)
        .put(e.sealed_chain)
        .put(e.reached)
        .put(e.reached_chain)
        .put(e.groups)
        .finish();
  }
  Bytes operator()(const Missed& e) const { return Encoder(Kind::missed).text(e.host).put(e.from).put(e.to).finish(); }
  Bytes operator()(const IndexSeen& e) const {
    Encoder to(Kind::index_seen);
    to.text(e.host).put(e.sealed.position).put(e.sealed.row).put(e.reached.position).put(e.reached.row);
    to.put(e.row_bytes).put(e.groups).put(e.windows.first_row).put(static_cast<uint32_t>(e.windows.windows.size()));
    for (const WindowRead& read : e.windows.windows) to.put(read.window.hour).put(read.window.end_row).put(read.wanted);
    return to.finish();
  }
  Bytes operator()(const RecordWanted& e) const {
    return Encoder(Kind::record_wanted)
        .raw(e.group)
        .put(e.position)
        .put(e.row)
        .put(e.rows)
        .put(e.tries)
        .put(static_cast<uint8_t>(e.name.tagged))
        .raw(e.name.bytes)
        .finish();
  }
  Bytes operator()(const RecordSettled& e) const {
    return Encoder(Kind::record_settled).raw(e.group).put(static_cast<uint8_t>(e.tagged)).raw(e.unique).finish();
  }
  Bytes operator()(const Polled& e) const {
    return Encoder(Kind::polled).text(e.host).put(e.next_hour).put(e.day).finish();
  }
};

std::string get_text(Reader& reader) { return std::string(text_of(reader.take(reader.get<uint32_t>()))); }

template <size_t N>
ByteArray<N> get_array(Reader& reader) {
  ByteArray<N> array{};
  const ByteView bytes = reader.take(N);
  if (bytes.size() == N) std::memcpy(array.data(), bytes.data(), N);
  return array;
}

Event get_group(Reader& reader) {
  Group group;
  group.id = get_array<16>(reader);
  const ByteView key = reader.take(GroupKey::size());
  if (key.size() == GroupKey::size()) group.key = GroupKey(key.first<GroupKey::size()>());
  group.server = get_text(reader);
  group.name = get_text(reader);
  return GroupJoined{std::move(group), reader.get<uint8_t>() != 0};
}

Event get_composed(Reader& reader) {
  Composed composed;
  composed.group = get_array<16>(reader);
  const ByteView record = reader.take(reader.get<uint32_t>());
  composed.record.assign(record.begin(), record.end());
  return composed;
}

Event get_index_seen(Reader& reader) {
  IndexSeen seen;
  seen.host = get_text(reader);
  seen.sealed = {reader.get<uint64_t>(), reader.get<uint64_t>()};
  seen.reached = {reader.get<uint64_t>(), reader.get<uint64_t>()};
  seen.row_bytes = reader.get<uint32_t>();
  seen.groups = reader.get<uint32_t>();
  seen.windows.first_row = reader.get<uint64_t>();
  for (uint32_t left = reader.get<uint32_t>(); left > 0 && reader.ok(); --left)
    seen.windows.windows.push_back({{reader.get<uint32_t>(), reader.get<uint64_t>()}, reader.get<uint64_t>()});
  return seen;
}

Event get_wanted(Reader& reader) {
  RecordWanted wanted;
  wanted.group = get_array<16>(reader);
  wanted.position = reader.get<uint64_t>();
  wanted.row = reader.get<uint64_t>();
  wanted.rows = reader.get<uint8_t>();
  wanted.tries = reader.get<uint8_t>();
  wanted.name.tagged = reader.get<uint8_t>() != 0;
  wanted.name.bytes = get_array<log::kProbeBytes>(reader);
  return wanted;
}

Event get_message(Reader& reader) {
  MessageStored message;
  message.group = get_array<16>(reader);
  message.position = reader.get<uint64_t>();
  message.acknowledged = reader.get<uint8_t>() != 0;
  message.signature = get_array<64>(reader);
  if (reader.get<uint8_t>() != 0) message.previous = get_array<64>(reader);
  message.author = get_array<32>(reader);
  message.timestamp = reader.get<uint64_t>();
  message.text = get_text(reader);
  return message;
}

}  // namespace

MessageStored stored_message(const GroupId& group, ByteView record, Opened opened) {
  MessageStored stored;
  stored.group = group;
  std::memcpy(stored.signature.data(), record.data(), stored.signature.size());
  stored.previous = opened.message.previous;
  stored.author = opened.author;
  stored.timestamp = opened.message.timestamp;
  stored.text = std::move(opened.message.text);
  return stored;
}

IndexName::IndexName(const log::IndexEntry& entry) : tagged(entry.tagged) {
  std::copy(entry.bytes.begin(), entry.bytes.end(), bytes.begin());
}

ByteArray<log::kNonceBytes> IndexName::unique() const {
  ByteArray<log::kNonceBytes> unique;
  std::copy_n(bytes.begin(), unique.size(), unique.begin());
  return unique;
}

std::vector<Event> only(Event event) {
  std::vector<Event> events;
  events.push_back(std::move(event));
  return events;
}

Bytes encode(const Event& event) { return std::visit(EncodeEvent{}, event); }

Result<Event> decode_event(ByteView bytes) {
  Reader reader(bytes);
  const auto kind = static_cast<Kind>(reader.get<uint8_t>());
  std::optional<Event> event;
  // Braces evaluate their elements in order, so the fields are read as they were written.
  switch (kind) {
    case Kind::server_added:
      event = ServerAdded{get_text(reader), get_text(reader)};
      break;
    case Kind::group_joined:
      event = get_group(reader);
      break;
    case Kind::composed:
      event = get_composed(reader);
      break;
    case Kind::refused:
      event = Refused{get_array<64>(reader)};
      break;
    case Kind::message_stored:
      event = get_message(reader);
      break;
    case Kind::synced:
      event = Synced{get_text(reader),       reader.get<uint64_t>(), reader.get<uint32_t>(),
                     reader.get<uint64_t>(), reader.get<uint32_t>(), reader.get<uint32_t>()};
      break;
    case Kind::missed:
      event = Missed{get_text(reader), reader.get<uint64_t>(), reader.get<uint64_t>()};
      break;
    case Kind::index_seen_1:
      event = IndexSeen{get_text(reader), {}, {}, 0, 0, {}};
      reader.take(4 * sizeof(uint64_t) + 2 * sizeof(uint32_t));
      break;
    case Kind::index_seen:
      event = get_index_seen(reader);
      break;
    case Kind::record_wanted:
      event = get_wanted(reader);
      break;
    case Kind::record_settled:
      event = RecordSettled{get_array<16>(reader), reader.get<uint8_t>() != 0, get_array<log::kNonceBytes>(reader)};
      break;
    case Kind::polled:
      event = Polled{get_text(reader), reader.get<uint32_t>(), reader.get<uint32_t>()};
      break;
  }
  if (!event) return fail(Errc::unsupported, "profile journal: an event of a newer version");
  if (!reader.ok() || !reader.rest().empty()) return fail(Errc::corrupt, "profile journal: an event has another size");
  return std::move(*event);
}

}  // namespace cwtch::client
