// The commands that only show what the profile holds.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tools/cwtchc/output.hpp"
#include "tools/cwtchc/program.hpp"

namespace cwtch::cwtchc {

using namespace client;

namespace {

using Json = nlohmann::ordered_json;

void print(const Json& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

void Program::print_line(const std::string& group, const Line& line) const {
  const std::string author = hostname_of(line.author);
  if (json) {
    Json object{{"position", line.position}, {"author", author}, {"timestamp", line.timestamp}, {"text", line.text}};
    if (!group.empty()) object["group"] = group;
    if (line.kind != kChatOverlay) object["overlay"] = line.kind;
    if (line.acknowledged) object["acknowledged"] = true;
    if (!line.complete()) object["parts"] = Json{line.parts, line.parts_count};
    return print(object);
  }
  std::string head = local_time(line.timestamp) + "  ";
  if (!group.empty()) head += printable_line(group) + "  ";
  head += author.substr(0, 8) + "  ";
  std::string said = printable_text(line.text, 4);
  if (line.kind != kChatOverlay) said = fmt::format("[not chat: overlay {}] ", line.kind) + said;
  if (!line.complete()) said += fmt::format(" [{} of {} parts]", line.parts, line.parts_count);
  if (line.acknowledged) said += " [accepted by the server, not yet seen in its log]";
  fmt::print("{}{}\n", head, said);
}

void Program::profile_show() {
  const auto store = open();
  const Profile& profile = store->profile();
  Json servers = Json::array();
  for (const auto& [host, server] : profile.servers())
    servers.push_back({{"host", host}, {"url", server.url}, {"known_records", server.reached.position}});
  if (json) {
    return print({{"name", store->identity().hostname()},
                  {"directory", directory},
                  {"groups", profile.groups().size()},
                  {"outbox", profile.outbox().size()},
                  {"servers", servers}});
  }
  fmt::print("name      {}\ndirectory {}\ngroups    {}\noutbox    {}\n", store->identity().hostname(), directory,
             profile.groups().size(), profile.outbox().size());
  for (const auto& [host, server] : profile.servers())
    fmt::print("server    {}\n          {}, log known up to record {}\n", host, server.url, server.reached.position);
}

void Program::group_list() {
  const auto store = open();
  Json list = Json::array();
  for (const GroupState& state : store->profile().groups()) {
    const Group& g = state.group;
    if (json) {
      list.push_back(
          {{"id", g.id_text()}, {"name", g.name}, {"server", g.server}, {"messages", state.messages.size()}});
    } else {
      fmt::print("{}  {:<24} {} messages\n", g.id_text(), printable_line(g.name), state.messages.size());
    }
  }
  if (json) fmt::print("{}\n", list.dump(2));
}

void Program::messages() {
  const auto store = open();
  for (const Line& line : conversation(group(*store))) print_line("", line);
}

void Program::gaps() {
  const auto store = open();
  const Profile& profile = store->profile();
  size_t count = 0;
  for (const GroupState& state : profile.groups()) {
    const std::string name = printable_line(state.group.name.empty() ? state.group.id_text() : state.group.name);
    for (const Gap& gap : state.tree.gaps()) {
      ++count;
      const std::string author = hostname_of(gap.author);
      if (json) {
        print({{"kind", "missing"},
               {"group", state.group.id_text()},
               {"missing", to_hex(gap.missing)},
               {"named_by", author},
               {"position", gap.position},
               {"references", gap.references}});
      } else {
        fmt::print("{}: a message before position {} is missing; {} saw it (named {} time{})\n", name, gap.position,
                   author, gap.references, gap.references == 1 ? "" : "s");
      }
    }
    for (const MessageStored* const message : profile.broken_promises(state.group.id)) {
      ++count;
      if (json) {
        print({{"kind", "withheld"},
               {"group", state.group.id_text()},
               {"missing", to_hex(message->signature)},
               {"position", message->position}});
      } else {
        fmt::print("{}: your own message, which the server accepted at position {}, is not there\n", name,
                   message->position);
      }
    }
  }
  for (const auto& [host, server] : profile.servers()) {
    for (const Missed& missed : server.missed) {
      if (json) {
        print({{"kind", "retired"}, {"server", host}, {"from", missed.from}, {"to", missed.to}});
      } else {
        fmt::print("{}: records {} to {} were removed by retention before this profile fetched them\n",
                   host.substr(0, 16), missed.from, missed.to - 1);
      }
    }
  }
  if (count == 0 && !json) fmt::print("No gaps: every message that anybody named is here.\n");
}

}  // namespace cwtch::cwtchc
