// The commands of cwtchc. Each opens the profile, does one thing, prints the result on standard output, and throws a
// Refusal with cause and cure if it cannot.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/client/audit.hpp"
#include "engine/client/client.hpp"
#include "engine/client/conversation.hpp"

namespace cwtch::cwtchc {

struct Refusal {
  std::string text;
  int status = 1;  // of the program
};
constexpr int kAuditDiffers = 3;
[[noreturn]] void give_up(const std::string& what, const Error& error, const std::string& cure = "");

// What to do about an error of the network, of the server, or of the address; "" if nothing comes to mind.
std::string cure_of(const Error& error);
// Of a server's URL, or a Refusal.
client::Endpoint endpoint_of(const std::string& url);
uint64_t now_s();  // since 1970

struct Program {
  // ---- what the command line said ----
  std::string directory;
  std::string server_url;
  std::string group_name;
  std::string text;
  std::string scheme = "full";
  bool json = false;
  bool untagged = false;
  bool allow_leaky = false;
  bool allow_relaxed_trust = false;
  uint32_t rounds = 16;
  uint32_t slots = 16;
  uint64_t every_s = 3600;
  std::optional<uint32_t> mark_s;  // the command's own if it is not said
  uint32_t polls = 0;              // 0: until it is interrupted
  bool now = false;                // the first at once
  bool allow_plaintext = false;
  std::vector<std::string> audit_servers;  // by hostname or address
  std::string audit_scheme = "all";

  void profile_init();
  void profile_show();
  void group_create();
  void group_join();
  void group_invite();
  void group_list();
  void post();
  void send();
  void sync(bool from_nothing);
  void poll();
  void watch();
  void messages();
  void gaps();
  void audit();
  // Those with anything encrypted, and so with anything that could be spoilt unseen.
  static std::vector<std::string> audited_schemes();

 private:
  std::unique_ptr<client::Store> open();
  client::SocketDialer dialer() const;
  // The host that answers at --server, whose address the profile learns.
  std::string meet(client::Store& store);
  const client::GroupState& group(const client::Store& store) const;
  struct Address {
    std::string host, url;
  };
  // The servers of this profile, or the one named by --server.
  std::vector<Address> servers(const client::Store& store) const;
  // One server's part of sync(): everything behind a boundary; by private retrieval; and which of them moves less.
  void download(client::Store& store, const Address& server, const std::string& by);
  void retrieve(client::Store& store, const Address& server, const std::string& by);
  std::string choose_scheme(const client::Store& store, const Address& server);
  Address audited(const std::string& server);
  client::AuditReport audit(const Address& server, const client::AuditOptions& options);
  Address server_of(const client::Store& store, const client::GroupState& group) const;
  client::Client::Options client_options() const;
  // Standard input if `argument` is "-".
  static std::string argument_or_input(const std::string& argument);
  void print_line(const std::string& group, const client::Line& line) const;

  SystemRandom random_;
};

}  // namespace cwtch::cwtchc
