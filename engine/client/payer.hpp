// What a query costs whoever asks: a policy of the server's, settled by a Payer before the query goes out. Servers ask
// for nothing yet, so there is one that pays nothing; tokens will be another.
#pragma once

#include <string>

#include "engine/core/result.hpp"

namespace cwtch::client {

class Payer {
 public:
  virtual ~Payer() = default;
  // The policy, as /v1/server names it, that this pays for. Whoever meets another one asks nothing at all.
  virtual const char* policy() const = 0;
  // The value of the query's Authorization field; empty: it has none. Called once per query, at a time that does not
  // depend on what the query asks for.
  virtual Result<std::string> pay() = 0;
};

class FreeOfCharge final : public Payer {
 public:
  const char* policy() const override { return "open"; }
  Result<std::string> pay() override { return std::string(); }
};

}  // namespace cwtch::client
