// The people of a trace: one profile per sender, groups among them, and what each of them should hold in the end.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/client/client.hpp"
#include "tools/trace/trace.hpp"

namespace cwtch::replay {

// A profile in a directory of its own. Used by one thread at a time, which holds `mutex`.
struct Member {
  std::mutex mutex;
  std::string name;
  std::unique_ptr<client::Store> store;
};

// What was said in a group, by the positions that the server gave: the truth that members are compared with.
struct Said {
  uint64_t position = 0;  // of the message that completes the text
  uint32_t author = 0;    // Cast::senders
  client::Form form = client::Form::tagged;
  std::string text;
};

struct Cast {
  std::vector<std::unique_ptr<Member>> senders;   // as in the trace
  std::vector<std::vector<uint32_t>> members_of;  // per group: its senders, in order of first appearance
  std::vector<client::GroupId> group_ids;
  std::vector<std::string> invites;
  std::vector<std::vector<Said>> said;                  // per group, in the order of the log
  std::vector<std::unique_ptr<std::mutex>> said_mutex;  // per group, while posting
};

// A fresh profile at directory/name, which knows the server.
std::unique_ptr<Member> make_member(const std::string& directory, const std::string& name, const std::string& host,
                                    const std::string& url);
void join(Member& member, const std::string& invite);

// Profiles for all senders of the trace; the first sender of each group makes it, the others join by its invite.
Cast make_cast(const trace::Trace& trace, const std::string& directory, const std::string& host,
               const std::string& url);

// How `sender` posts in `group`: every third of a group's senders as a Cwtch app does, so that wherever two talk both
// kinds of members share the group. REQUIRES: it is one of them.
client::Form form_of(const Cast& cast, uint32_t group, uint32_t sender);

struct PostFigures {
  uint64_t messages = 0;        // of the trace
  uint64_t posts = 0;           // records: long texts take several
  uint64_t untagged_posts = 0;  // of these
  double seconds = 0;
};
// Every message of the trace, in its order within each group, posted by its sender through the API, by `threads`
// connections. `done` counts messages as they are acknowledged.
PostFigures post_all(const trace::Trace& trace, Cast& cast, const std::string& host, const std::string& url,
                     uint32_t threads, std::atomic<uint64_t>& done);

// Empty when `store` holds exactly what was said in the group, in the order of the log; else what is wrong.
std::string compare(const client::Store& store, const Cast& cast, uint32_t group);

client::Endpoint endpoint_of(const std::string& url);
uint64_t now_s();

}  // namespace cwtch::replay
