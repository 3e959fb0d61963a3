// Who may post. A policy sees the credential and the record, nothing of the client or its connection.
#pragma once

#include "engine/core/bytes.hpp"
#include "engine/core/result.hpp"

namespace cwtch::board {

class Admission {
 public:
  virtual ~Admission() = default;
  // "open", ...: as /v1/server names it.
  virtual const char* name() const = 0;
  // denied: no credential, or one that does not pay for this record. Called once for each record that has the right
  // form, on the shard's thread; must not block. `credential` is empty when the client sent none.
  virtual Status admit(ByteView credential, ByteView record) = 0;
};

// Everybody may post: for loopback listeners and trusted networks.
class OpenAdmission final : public Admission {
 public:
  const char* name() const override { return "open"; }
  Status admit(ByteView, ByteView) override { return {}; }
};

// Nobody may post: a server that is being retired still serves its log.
class ClosedAdmission final : public Admission {
 public:
  const char* name() const override { return "closed"; }
  Status admit(ByteView, ByteView) override {
    return fail(Errc::denied, "post: this server accepts no posts any more");
  }
};

}  // namespace cwtch::board
