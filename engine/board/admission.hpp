// Who may post, and who may ask for records privately. A policy sees the credential and the bytes that it pays for, a
// record or a query, nothing of the client or its connection. A server has one for either.
#pragma once

#include "engine/core/bytes.hpp"
#include "engine/core/result.hpp"

namespace cwtch::board {

class Admission {
 public:
  virtual ~Admission() = default;
  // "open", ...: as /v1/server names it.
  virtual const char* name() const = 0;
  // Nobody is admitted, whatever he brings: said before anything of his is received.
  virtual bool closed() const { return false; }
  // denied: no credential, or one that does not pay for this. Called once for whatever has the right form and a place,
  // on the shard's thread; must not block. `credential` is empty when the client sent none.
  virtual Status admit(ByteView credential, ByteView paid_for) = 0;
};

// Everybody may: for loopback listeners and trusted networks.
class OpenAdmission final : public Admission {
 public:
  const char* name() const override { return "open"; }
  Status admit(ByteView, ByteView) override { return {}; }
};

// Nobody may: a server that is being retired still serves its log.
class ClosedAdmission final : public Admission {
 public:
  const char* name() const override { return "closed"; }
  bool closed() const override { return true; }
  Status admit(ByteView, ByteView) override { return fail(Errc::denied, "this server accepts none any more"); }
};

}  // namespace cwtch::board
