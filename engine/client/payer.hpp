// What a query costs whoever asks: a policy of the server's, settled by a Payer before the query goes out. Nothing is
// asked for yet, so there is one that pays nothing; tokens will be another.
#pragma once

#include <string>

#include "engine/core/result.hpp"

namespace cwtch::client {

class Payer {
 public:
  virtual ~Payer() = default;
  // The value of the query's Authorization field; empty: it has none. Called once per query, at a time that does not
  // depend on what the query asks for.
  virtual Result<std::string> pay() = 0;
};

class FreeOfCharge final : public Payer {
 public:
  Result<std::string> pay() override { return std::string(); }
};

}  // namespace cwtch::client
