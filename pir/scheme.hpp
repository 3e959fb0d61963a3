// What every scheme of private retrieval implements: a description, a server's half, a client's half. docs/pir says how
// schemes are chosen, and what each costs and leaks.
//
//   server                                             client
//   serve(rows) -> statics (public, named by hash) ──▶ connect(statics)
//   answer(request) ◀─────────── request ───────────── query(wanted)   ── and a secret that stays
//                  ───────────── answer ─────────────▶ recover(secret, answer) -> rows
//
// Neither half does any I/O or owns a thread. What a server sees of a query is its request and nothing else: no type
// here carries a group, a key or a position to it. Sizes of requests, answers and statics follow from the geometry
// alone.
//
// Thread:  a Scheme: any. A Server: any number of threads may answer(). A Client: one.
// Errors:  malformed for bytes of a peer that do not follow the format; corrupt for an answer that cannot be true;
//          unsupported for a geometry beyond what a scheme's parameters are safe for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/random.hpp"
#include "pir/cost.hpp"
#include "pir/geometry.hpp"

namespace cwtch::pir {

// Whom a user of the scheme must trust not to break it. Anything but `none` is for servers and clients that both say
// so.
enum class Trust : uint8_t { none, non_collusion, hardware, relaxed };
const char* name(Trust trust);

// What the server learns from a well-behaved client, beyond that somebody asked, when, and over which public range.
struct Leakage {
  bool links_sessions = false;    // two sessions of one client can be told to be one client's
  bool reveals_volume = false;    // how many messages it wants
  bool reveals_messages = false;  // which
  const char* note = "";          // one sentence
  bool any() const { return links_sessions || reveals_volume || reveals_messages; }
};

struct Info {
  const char* name;        // as in a URL: "ring32"
  const char* parameters;  // of the set that both sides pin: "ring32-v1"; "" without any
  const char* summary;     // one sentence
  Trust trust = Trust::none;
  Leakage leakage;
  // Estimated cost of the best known attack, in bits, and the model of the estimate; 0 where nothing is encrypted.
  double classical_bits = 0, quantum_bits = 0;
  const char* security_model = "";
  bool merges = false;       // Server::merge() is cheaper than serve() on the union
  uint64_t rows_min = 1024;  // of a database that is worth its statics: the grid's unit

  bool relaxed() const { return trust != Trust::none || leakage.any(); }
};

// A public artefact, served by its SHA-256.
struct Blob {
  Bytes bytes;
  ByteArray<32> sha256{};
};
Blob make_blob(Bytes bytes);

// The rows of a database, wherever they are.
class RowSource {
 public:
  // Row number `row` into `to`, row_bytes long. Any number of threads.
  virtual void read(uint64_t row, MutableBytes to) const = 0;

 protected:
  ~RowSource() = default;
};

// Runs tasks 0 ... count - 1, perhaps on several threads, and returns when all are done. Tasks do not wait for others.
using Parallel = std::function<void(size_t count, const std::function<void(size_t task)>& task)>;
void run_serially(size_t count, const std::function<void(size_t task)>& task);

// What client and server have in common besides the geometry.
struct Context {
  std::string server;  // the hostname of the server's key: public randomness is derived from it, never received
  Parallel parallel = run_serially;
};

class Server {
 public:
  virtual ~Server() = default;
  const Geometry& geometry() const { return geometry_; }
  const std::vector<Blob>& statics() const { return *statics_; }
  // The same, for whoever sends them slowly: they may outlive the server.
  std::shared_ptr<const std::vector<Blob>> shared_statics() const { return statics_; }
  virtual size_t memory_bytes() const = 0;  // besides the statics

  // The cheap part of answering: sizes, ranges, encodings. What passes, answer() takes.
  virtual Status check(ByteView request) const = 0;
  // Answers to requests of perhaps as many clients, in order. REQUIRES: each has passed check().
  virtual std::vector<Bytes> answer(std::span<const ByteView> requests) const = 0;

 protected:
  explicit Server(const Geometry& geometry) : geometry_(geometry) {}
  Geometry geometry_;
  const std::shared_ptr<std::vector<Blob>> statics_ = std::make_shared<std::vector<Blob>>();
};

// What only the client knows about its query: needed once, for its answer.
class Secret {
 public:
  virtual ~Secret() = default;
};

struct Query {
  Bytes request;
  std::unique_ptr<Secret> secret;
};

// One row, and its number.
struct Row {
  uint64_t number;
  Bytes bytes;
};

class Client {
 public:
  virtual ~Client() = default;
  const Geometry& geometry() const { return geometry_; }

  // A query for `wanted`, at most one row of each part; parts of which nothing is wanted get dummies, and nobody can
  // tell. REQUIRES: each is contained, no two in one part.
  virtual Query query(std::span<const uint64_t> wanted, Random& random) const = 0;
  // The wanted rows, in the order of the numbers. A scheme alone cannot tell a wrong row from a right one: what a row
  // holds is checked against the index.
  virtual Result<std::vector<Row>> recover(std::unique_ptr<Secret> secret, ByteView answer) const = 0;

  virtual uint64_t request_bytes() const = 0;
  virtual uint64_t answer_bytes() const = 0;

 protected:
  explicit Client(const Geometry& geometry) : geometry_(geometry) {}
  Geometry geometry_;
};

class Scheme {
 public:
  virtual ~Scheme() = default;
  virtual const Info& info() const = 0;
  // Whether the parameters are safe for this geometry: unsupported when decryption would fail too often or a number
  // would overflow.
  virtual Status fits(const Geometry&) const { return {}; }
  virtual Cost cost(const Geometry& geometry, uint32_t batch) const = 0;

  // REQUIRES of all: check(geometry) and fits(geometry) hold.
  virtual std::unique_ptr<Server> serve(const Context& context, const Geometry& geometry,
                                        const RowSource& rows) const = 0;
  // The statics of what serve() would make, byte for byte, in less memory: for whoever has the rows and checks what a
  // server gives to its clients.
  virtual std::vector<Blob> statics(const Context& context, const Geometry& geometry, const RowSource& rows) const;
  // The statics' hashes have been checked by the caller; their contents have not.
  virtual Result<std::unique_ptr<Client>> connect(const Context& context, const Geometry& geometry,
                                                  std::span<const Blob> statics) const = 0;
  // A server for the union of neighbours, from what they have already. nullptr when the scheme cannot; REQUIRES: at
  // least two, made by this scheme, oldest first, each beginning where the one before it ends.
  virtual std::unique_ptr<Server> merge(const Context& context, std::span<const Server* const> parts) const;
};

}  // namespace cwtch::pir
