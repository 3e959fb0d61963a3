#include "engine/sim/network.hpp"

#include <algorithm>
#include <cerrno>

#include "engine/sim/world.hpp"

namespace cwtch::sim {
namespace {

bool starts_with(const std::string& text, std::string_view with) { return text.compare(0, with.size(), with) == 0; }

}  // namespace

Network::End* Network::find(int number) {
  const auto found = ends_.find(number);
  return found == ends_.end() ? nullptr : &found->second;
}

Network::End& Network::end(io::Socket socket) {
  End* const found = find(socket.value);
  CHECK(found != nullptr);  // a socket that was closed, or never opened
  return *found;
}

int Network::add(End end) {
  const int number = next_++;  // never used again
  ends_.emplace(number, std::move(end));
  return number;
}

void Network::wake(End& end) {
  for (auto& function : std::exchange(end.waiting, {})) function();
}

void Network::wait(io::Socket socket, std::function<void()> wake) { end(socket).waiting.push_back(std::move(wake)); }

Result<io::Socket> Network::listen(const io::Address& address, const io::ListenOptions& options) {
  io::Address bound = address;
  if (bound.text.size() > 2 && bound.text.ends_with(":0")) {
    bound.text = bound.text.substr(0, bound.text.size() - 1) + std::to_string(next_port_++);
  }
  for (const auto& [number, other] : ends_) {
    if (other.listener && other.address.text == bound.text && !(other.options.reuse_port && options.reuse_port))
      return fail_errno(EADDRINUSE, "listen");
  }
  End made;
  made.listener = true;
  made.address = bound;
  made.options = options;
  return io::Socket{add(std::move(made))};
}

Result<io::Address> Network::local_address(io::Socket socket) { return end(socket).address; }

bool Network::peer_is_loopback(io::Socket socket) {
  const std::string& text = end(socket).address.text;
  return starts_with(text, "127.") || starts_with(text, "[::1]") || starts_with(text, "unix:");
}

int Network::connect(const io::Address& address) {
  std::vector<int> listeners;
  for (const auto& [number, other] : ends_) {
    if (other.listener && !other.shut && other.address.text == address.text) listeners.push_back(number);
  }
  if (listeners.empty()) return -ECONNREFUSED;
  const int listener = listeners[dice_.below(listeners.size())];
  End& at = *find(listener);
  if (at.backlog.size() >= static_cast<size_t>(at.options.backlog)) return -ECONNREFUSED;

  const size_t buffer = world_.faults().network.buffer_bytes;
  End client, server;
  client.address = server.address = at.address;
  client.capacity = at.options.send_buffer_bytes > 0 ? static_cast<size_t>(at.options.send_buffer_bytes) : buffer;
  server.capacity = at.options.receive_buffer_bytes > 0 ? static_cast<size_t>(at.options.receive_buffer_bytes) : buffer;
  const int client_number = add(std::move(client)), server_number = add(std::move(server));
  find(client_number)->peer = server_number;
  find(server_number)->peer = client_number;
  find(listener)->backlog.push_back(server_number);
  wake(*find(listener));
  return client_number;
}

int Network::accept(io::Socket listener) {
  End& at = end(listener);
  CHECK(at.listener);
  if (at.shut) return -EINVAL;
  if (at.backlog.empty()) return -EAGAIN;
  if (dice_.chance(world_.faults().network.accept_error)) return -EMFILE;
  const int number = at.backlog.front();
  at.backlog.pop_front();
  return number;
}

int64_t Network::recv(io::Socket socket, MutableBytes to) {
  End& at = end(socket);
  if (at.reset) return -ECONNRESET;
  if (at.incoming.empty()) return at.finished || at.shut ? 0 : -EAGAIN;
  size_t size = std::min(to.size(), at.incoming.size());
  if (dice_.chance(world_.faults().network.partial_receive)) size = 1 + dice_.below(size);
  std::copy_n(at.incoming.begin(), size, to.begin());
  at.incoming.erase(at.incoming.begin(), at.incoming.begin() + static_cast<ptrdiff_t>(size));
  if (End* const peer = find(at.peer)) wake(*peer);  // there is room again
  return static_cast<int64_t>(size);
}

// What one end does shows at the other after a delay, in the order in which it was done.
void Network::arrive_at(int number, std::function<void(End&)> what) {
  End* const to = find(number);
  if (to == nullptr) return;
  const NetworkFaults& faults = world_.faults().network;
  uint64_t delay = dice_.below(faults.delay_ns_max + 1);
  if (dice_.chance(faults.stall)) delay += dice_.below(faults.stall_ns_max + 1);
  to->last_arrival_ns = std::max(to->last_arrival_ns + 1, world_.now_ns() + delay);
  world_.after(to->last_arrival_ns - world_.now_ns(), [this, number, what = std::move(what)] {
    End* const at = find(number);
    if (at == nullptr || at->reset) return;
    what(*at);
    wake(*at);
  });
}

void Network::stall(io::Socket socket, uint64_t duration_ns) {
  End& at = end(socket);
  at.last_arrival_ns = std::max(at.last_arrival_ns, world_.now_ns() + duration_ns);
}

int64_t Network::send(io::Socket socket, ByteView bytes) {
  End& at = end(socket);
  const NetworkFaults& faults = world_.faults().network;
  if (at.reset) return -ECONNRESET;
  if (at.shut || at.sent_all) return -EPIPE;
  if (dice_.chance(faults.reset)) {
    reset(socket);
    return -ECONNRESET;
  }
  End* const peer = find(at.peer);
  if (peer == nullptr) return -EPIPE;
  const size_t used = peer->incoming.size() + peer->on_the_way;
  if (used >= peer->capacity || dice_.chance(faults.busy)) return -EAGAIN;
  size_t size = std::min(bytes.size(), peer->capacity - used);
  if (size > 1 && dice_.chance(faults.partial_send)) size = 1 + dice_.below(size);
  peer->on_the_way += size;
  arrive_at(at.peer, [sent = Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size))](End& to) {
    to.on_the_way -= sent.size();
    to.incoming.insert(to.incoming.end(), sent.begin(), sent.end());
  });
  return static_cast<int64_t>(size);
}

bool Network::ready(io::Socket socket, io::PollFor what) {
  const End& at = end(socket);
  if (at.reset || at.shut) return true;
  if (what == io::PollFor::readable) return !at.incoming.empty() || at.finished || !at.backlog.empty();
  const End* const peer = find(at.peer);
  return peer == nullptr || peer->incoming.size() + peer->on_the_way < peer->capacity;
}

void Network::reset(io::Socket socket) {
  const int other = end(socket).peer;
  for (const int number : {socket.value, other}) {
    End* const at = find(number);
    if (at == nullptr) continue;
    at->reset = true;
    at->incoming.clear();
    wake(*at);
  }
}

void Network::finish_sending(io::Socket socket) {
  End& at = end(socket);
  if (at.sent_all || at.shut) return;
  at.sent_all = true;
  arrive_at(at.peer, [](End& to) { to.finished = true; });
}

void Network::shutdown(io::Socket socket) {
  End& at = end(socket);
  if (at.shut) return;
  at.shut = true;
  if (!at.sent_all) arrive_at(at.peer, [](End& to) { to.finished = true; });
  wake(at);
}

void Network::close(io::Socket socket) {
  End& at = end(socket);
  at.waiting.clear();  // of operations that were cancelled: SimIo checks that none is in flight
  for (const int number : at.backlog) {
    reset({number});
    ends_.erase(number);
  }
  if (!at.listener) {
    const bool unread = !at.incoming.empty() || at.on_the_way != 0;
    if (unread) {
      arrive_at(at.peer, [](End& to) {
        to.reset = true;
        to.incoming.clear();
      });
    } else if (!at.shut && !at.sent_all) {
      arrive_at(at.peer, [](End& to) { to.finished = true; });
    }
    if (End* const peer = find(at.peer)) wake(*peer);
  }
  ends_.erase(socket.value);
}

}  // namespace cwtch::sim
