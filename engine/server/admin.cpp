#include "engine/server/admin.hpp"

#include "engine/http/answer.hpp"
#include "engine/http/request.hpp"
#include "engine/net/connection.hpp"
#include "engine/net/listener.hpp"

namespace cwtch::server {
namespace {

constexpr size_t kConnectionsMax = 16;
constexpr uint64_t kConnectionNs = 10 * kSecond;  // one request, one answer, then it closes

io::IoOptions admin_io() {
  io::IoOptions options;
  options.backend = io::Backend::epoll;  // a few requests a minute need no ring
  options.receive_buffers = 16;
  options.workers_max = 1;
  return options;
}

std::string answer_text(int status, const char* reason, const char* type, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + ' ' + reason + "\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

}  // namespace

class Admin::Loop final : private net::Listener::Owner {
 public:
  Loop(std::unique_ptr<io::Io> io, const ShardContext& context, const Clock& clock)
      : io_(std::move(io)),
        metrics_(context, clock),
        listener_(*io_, *this),
        deadlines_(kConnectionNs, &Loop::expired) {}

  Status listen(const std::string& path) {
    net::Listener::Options options;
    options.address = {"unix:" + path};
    return listener_.start(options);
  }
  void run() {
    io_->timer(tick_, kSecond, io::then<&Loop::tick>(this));
    while (!stopping_.load(std::memory_order_acquire)) turn();
    listener_.stop();
    for (Client* c = clients_.empty() ? nullptr : &clients_.front(); c != nullptr;) {
      Client* const next = clients_.next(*c);
      c->connection.close_start({Errc::closed, 0, "admin: shutting down"});
      c = next;
    }
    io_->cancel(tick_);
    while (!listener_.idle() || !clients_.empty() || tick_.in_flight()) turn();
    gone_.clear();
  }
  void stop() {
    stopping_.store(true, std::memory_order_release);
    io_->notify(nullptr);
  }

 private:
  struct Client final : ListLink, net::Handler {
    explicit Client(Loop& l) : loop(l), connection(*l.io_, l.queue_, *this), deadline(this) {}

    Status feed(ByteView bytes) override {
      while (true) {
        http::Head head;
        const http::RequestParser::Fed fed = parser.feed(bytes, head);
        bytes = bytes.subspan(fed.consumed);
        switch (fed.event) {
          case http::RequestParser::Event::need_more:
            return {};
          case http::RequestParser::Event::head:
            text = loop.answer(head);
            if (!parser.take_body(0)) return fail(Errc::malformed, "admin: requests have no body");
            break;
          case http::RequestParser::Event::body:
            break;
          case http::RequestParser::Event::complete:
            connection.recv_pause();
            connection.send_start();
            return {};
          case http::RequestParser::Event::refused:
            return fail(Errc::malformed, "admin: not a request");
        }
      }
    }
    Status finished() override {
      if (text.empty()) return fail(Errc::closed, "admin: the peer has finished");
      return {};
    }
    Result<Piece> pull() override { return Piece{bytes_of(text).subspan(at), false}; }
    void sent(size_t size) override {
      at += size;
      if (at == text.size()) connection.close_start({Errc::closed, 0, "admin: answered"});
    }
    net::Urgency urgency() const override { return net::Urgency::live; }
    void closing(const Error&) override { deadline.disarm(); }
    bool idle() const override { return true; }
    void closed() override {
      unlink();
      loop.gone_.emplace_back(this);
      loop.clients_count_ -= 1;
      loop.listener_.room_again();
    }

    Loop& loop;
    net::Connection connection;
    http::RequestParser parser;
    net::Deadline deadline;
    std::string text;
    size_t at = 0;
  };

  void turn() {
    io_->turn(queue_.empty());
    queue_.run();
    gone_.clear();
  }
  void tick(io::Timer& timer) {
    if (!timer.expired()) return;
    deadlines_.tick(io_->now_ns());
    if (!stopping_) io_->timer(tick_, kSecond, io::then<&Loop::tick>(this));
  }
  static void expired(void* client) {
    static_cast<Client*>(client)->connection.close_start({Errc::timeout, 0, "admin: too slow"});
  }
  void accepted(io::Socket socket, bool) override {
    auto client = std::make_unique<Client>(*this);
    clients_.push_back(*client);
    clients_count_ += 1;
    deadlines_.arm(client->deadline, io_->now_ns());
    client.release()->connection.start(socket, false);  // ours again in closed()
  }
  bool has_room() const override { return clients_count_ < kConnectionsMax; }
  bool make_room() override { return false; }
  std::string answer(const http::Head& head) {
    if (head.method != http::Method::get) return answer_text(405, "Method Not Allowed", "text/plain", "GET only\n");
    if (head.path == "/metrics") return answer_text(200, "OK", "text/plain; version=0.0.4", metrics_.prometheus());
    if (head.path == "/stats") return answer_text(200, "OK", "application/json", metrics_.json());
    if (head.path == "/health") {
      return metrics_.healthy() ? answer_text(200, "OK", "text/plain", "ok\n")
                                : answer_text(503, "Service Unavailable", "text/plain", "the log accepts no posts\n");
    }
    return answer_text(404, "Not Found", "text/plain", "try /metrics, /health or /stats\n");
  }

  std::unique_ptr<io::Io> io_;
  Metrics metrics_;
  net::SendQueue queue_{1 << 20};
  net::Listener listener_;
  net::DeadlineList deadlines_;
  List<Client> clients_;
  size_t clients_count_ = 0;
  std::vector<std::unique_ptr<Client>> gone_;
  io::Timer tick_;
  std::atomic<bool> stopping_{false};
};

Admin::Admin(const ShardContext& context, const Clock& clock) : context_(context), clock_(clock) {}
Admin::~Admin() { stop(); }

Status Admin::start(const std::string& path) {
  Result<std::unique_ptr<io::Io>> io = io::make_io(admin_io());
  if (!io) return fail(io.error());
  path_ = path;
  loop_ = std::make_unique<Loop>(std::move(*io), context_, clock_);
  if (const Status listening = loop_->listen(path); !listening) {
    loop_.reset();
    return listening;
  }
  thread_ = std::thread([this] { loop_->run(); });
  return {};
}

void Admin::stop() {
  if (loop_ == nullptr) return;
  loop_->stop();
  thread_.join();
  loop_.reset();
  (void)io::system_files().unlink(path_);
}

// ---- the asking side ----

namespace {

struct Question {
  io::Connect connect;
  io::Send send;
  io::Recv recv;
  io::Close close;
  io::Timer timer;
  int done = 0;
  void connected(io::Connect&) { ++done; }
  void sent(io::Send&) { ++done; }
  void received(io::Recv&) { ++done; }
  void closed(io::Close&) { ++done; }
};

}  // namespace

Result<std::string> ask_admin(const std::string& path, const std::string& target) {
  Result<std::unique_ptr<io::Io>> made = io::make_io(admin_io());
  if (!made) return fail(made.error());
  io::Io& io = **made;
  Question q;
  const auto wait = [&] {
    while (q.done == 0) io.turn(true);
    q.done = 0;
  };
  io.connect(q.connect, {"unix:" + path}, io::then<&Question::connected>(&q));
  wait();
  const Result<io::Socket> socket = q.connect.socket();
  if (!socket) return fail(socket.error());
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: cwtchd\r\n\r\n";
  io.send(q.send, *socket, bytes_of(request), {}, io::then<&Question::sent>(&q));
  wait();
  std::string answer;
  while (q.send.size()) {
    io.recv(q.recv, *socket, io::then<&Question::received>(&q));
    wait();
    if (!q.recv.size() || *q.recv.size() == 0) break;
    answer += text_of(q.recv.buffer.bytes());
    q.recv.buffer.reset();
  }
  io.close(q.close, *socket, io::then<&Question::closed>(&q));
  wait();
  const size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return fail(Errc::closed, "admin: the server closed without an answer");
  return answer.substr(end + 4);
}

}  // namespace cwtch::server
