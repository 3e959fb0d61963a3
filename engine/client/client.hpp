// One profile on one server: posts its messages and finds those of its groups, without the server learning which. By
// private retrieval: see retrieve.hpp and poll.hpp.
//
// The server is not trusted: every byte it sends is checked, memory is bounded, and what cannot be true is an error
// that says so. Errors of the network are closed, timeout or denied; corrupt means that the server breaks its promises.
// Thread: one; cancel() may come from any.
#pragma once

#include <functional>
#include <string>

#include "engine/client/index_pull.hpp"
#include "engine/client/message.hpp"
#include "engine/client/pull.hpp"
#include "engine/client/server_link.hpp"
#include "engine/client/store.hpp"

namespace cwtch::client {

// What became of an outbox.
struct Sent {
  size_t accepted = 0;
  size_t refused = 0;  // for good: they left the outbox
  Error refusal{};     // the last one's reason
};

// How to fetch what is new. docs/client.md says what each tells the server.
enum class Scheme : uint8_t {
  full,      // from a public boundary to the end, in one answer
  segments,  // whole sealed files, then the tail
  cursor,    // from where we stopped: links sessions, so both sides must allow it
};

class Client {
 public:
  struct Options {
    bool allow_leaky = false;
    uint64_t (*now_s)() = nullptr;             // seconds since 1970, for timestamps; needed to post
    void (*pause_ms)(uint32_t) = nullptr;      // waits before a busy server is asked again; without it, it is not
    Store::Keep posts = Store::Keep::durable;  // how surely a message is kept before it is sent
  };

  // `host`: of a server that the profile knows.
  Client(Store& store, Random& random, Dialer& dialer, const Endpoint& endpoint, std::string host,
         const Options& options);

  // What the server says of itself. denied when it is not the one the profile knows by this host.
  Result<ServerFacts> facts();
  // The same, for a server that is met for the first time.
  static Result<ServerFacts> meet(Dialer& dialer, const Endpoint& endpoint);

  Result<SyncReport> sync(Scheme scheme, const std::function<void(const Progress&)>& progress);
  // Learns from the index stream which records of the log are ours, and reads none: they are wanted from now on.
  Result<IndexReport> read_index();
  // Shows every message of our groups that was not known, and then whatever arrives, until cancel() or an error.
  // Groups that are joined meanwhile are not watched.
  Status watch(const std::function<void(const MessageStored&)>& on_message);

  // Posts a text to a group, in parts if it is long; the positions of its messages. What comes before it in the outbox
  // goes first. After closed, timeout, cancelled, busy, read_only, denied or io the text is in the outbox; after other
  // errors what was not posted of it is forgotten.
  Result<std::vector<uint64_t>> post(const GroupId& group, std::string_view text, Form form);
  // Sends what is in the outbox for this server: messages that were composed and not acknowledged.
  Result<Sent> post_outbox();

  void cancel();
  // Of reading. Posts have a connection of their own, so that nobody need tell who reads from who writes.
  const HttpTraffic& traffic() const { return reading_.traffic(); }

 private:
  Result<Pull> begin(ServerFacts* facts, bool from_reached);
  Status send(const Composed& composed, Sent& sent);

  Store& store_;
  Random& random_;
  ServerLink reading_;
  ServerLink lists_;
  ServerLink posting_;
  const std::string host_;
  const Options options_;
};

}  // namespace cwtch::client
