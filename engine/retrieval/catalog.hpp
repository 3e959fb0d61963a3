// What a server offers for private retrieval at one moment: databases by name, static blobs by hash. Immutable; whoever
// holds it can answer from it.
//
// Thread: any.
#pragma once

#include <map>
#include <string>

#include "pir/grid.hpp"
#include "pir/scheme.hpp"
#include "pir/windows.hpp"

namespace cwtch::retrieval {

struct Database {
  const pir::Scheme* scheme;
  std::string name;  // pir::name_of()
  std::unique_ptr<const pir::Server> server;
  uint64_t request_bytes;  // of every query
  uint64_t answer_bytes;   // of every answer; of leaky schemes at most
};

// The grid of a scheme's databases: its unit is the scheme's.
pir::Grid grid_of(const pir::Scheme& scheme, uint64_t rows_max);

// One scheme's databases: exactly grid.cover(first_row, end_row), so that a client can compute it.
struct Offer {
  const pir::Scheme* scheme = nullptr;
  uint64_t first_row = 0;
  uint64_t end_row = 0;
  std::vector<std::shared_ptr<const Database>> databases;
  // Of polls: pir::hot_database() and pir::day_database() of the catalog's windows, as far as there are such.
  std::shared_ptr<const Database> hot, day;
  bool polls_in_the_making = false;  // those of the catalog's windows were taken back, and others are not there yet

  std::vector<std::shared_ptr<const Database>> all() const;
};

struct Catalog {
  pir::WindowList windows;    // whole ones; none if nothing is offered for polls
  std::vector<Offer> offers;  // in the registry's order
  // The next two are made by index().
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Database>, std::less<>> by_name;  // scheme, name
  std::map<ByteArray<32>, std::shared_ptr<const pir::Blob>> blobs;

  void index();
  struct Found {
    std::shared_ptr<const Database> database;             // nullptr: there is none
    bool retired = false;                                 // but there was
    std::shared_ptr<const Database> successor = nullptr;  // of a retired one; nullptr: it is in the making
  };
  Found find(std::string_view scheme, std::string_view name) const;
  // Holds the bytes alone, not their database: whoever takes them slowly costs no more. nullptr: there is none.
  std::shared_ptr<const pir::Blob> blob(const ByteArray<32>& sha256) const;
};

}  // namespace cwtch::retrieval
