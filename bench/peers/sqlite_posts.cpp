// Peer for durable posts: SQLite as the Go server has it. One process, one thread; every POST is one INSERT of two
// base64 texts into one table, in its own transaction, and is answered when that transaction is committed.
//
//   sqlite_posts FILE delete|wal      prints "listening PORT" on 127.0.0.1, runs until it is terminated
//
// The requests are those that cwtchd gets (POST /v1/records with a Content-Length), so both move the same bytes. Posts
// are parsed with the least work that is still correct, so that what is measured is SQLite. synchronous=FULL, default
// page size and cache; `delete` is the default rollback journal.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "engine/core/check.hpp"

namespace {

constexpr size_t kSignatureBytes = 64;
constexpr size_t kRequestBytesMax = 16 << 10;

std::string base64(std::string_view bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  size_t to = 0;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    uint32_t group = static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])) << 16;
    if (left > 1) group |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i + 1])) << 8;
    if (left > 2) group |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i + 2]));
    text[to++] = kAlphabet[group >> 18];
    text[to++] = kAlphabet[group >> 12 & 63];
    if (left > 1) text[to++] = kAlphabet[group >> 6 & 63];
    if (left > 2) text[to++] = kAlphabet[group & 63];
    to += left > 2 ? 0 : 3 - left;
  }
  return text;
}

class Store {
 public:
  Store(const char* file, const char* journal_mode) {
    CHECK(sqlite3_open(file, &database_) == SQLITE_OK);
    execute("PRAGMA journal_mode=" + std::string(journal_mode));
    execute("PRAGMA synchronous=FULL");
    execute(
        "CREATE TABLE IF NOT EXISTS messages(id INTEGER PRIMARY KEY AUTOINCREMENT, signature TEXT UNIQUE NOT NULL, "
        "ciphertext TEXT NOT NULL)");
    CHECK(sqlite3_prepare_v2(database_, "INSERT INTO messages(signature, ciphertext) VALUES(?, ?)", -1, &insert_,
                             nullptr) == SQLITE_OK);
  }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store() {
    sqlite3_finalize(insert_);
    sqlite3_close(database_);
  }

  bool insert(std::string_view record) {
    const std::string signature = base64(record.substr(0, kSignatureBytes));
    const std::string ciphertext = base64(record.substr(kSignatureBytes));
    sqlite3_bind_text(insert_, 1, signature.data(), static_cast<int>(signature.size()), SQLITE_STATIC);
    sqlite3_bind_text(insert_, 2, ciphertext.data(), static_cast<int>(ciphertext.size()), SQLITE_STATIC);
    const bool stored = sqlite3_step(insert_) == SQLITE_DONE;  // autocommit: durable when it returns
    sqlite3_reset(insert_);
    return stored;
  }
  long long last_id() const { return sqlite3_last_insert_rowid(database_); }

 private:
  void execute(const std::string& statement) {
    CHECK(sqlite3_exec(database_, statement.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

struct Connection {
  int fd;
  size_t size = 0;
  char bytes[kRequestBytesMax];
};

// Answers every whole request in the connection's buffer; false when the peer is done or sends what this does not take.
bool serve(Connection& connection, Store& store) {
  const ssize_t got =
      recv(connection.fd, connection.bytes + connection.size, sizeof connection.bytes - connection.size, 0);
  if (got <= 0) return false;
  connection.size += static_cast<size_t>(got);
  for (;;) {
    const std::string_view request(connection.bytes, connection.size);
    const size_t head_end = request.find("\r\n\r\n");
    if (head_end == std::string_view::npos) return connection.size < sizeof connection.bytes;
    const size_t length_at = request.find("Content-Length: ");
    if (request.substr(0, 5) != "POST " || length_at > head_end) return false;
    const size_t body_bytes = std::strtoul(connection.bytes + length_at + 16, nullptr, 10);
    const size_t request_bytes = head_end + 4 + body_bytes;
    if (body_bytes <= kSignatureBytes || request_bytes > sizeof connection.bytes) return false;
    if (connection.size < request_bytes) return true;

    const bool stored = store.insert(request.substr(head_end + 4, body_bytes));
    char body[64];
    const int size = std::snprintf(body, sizeof body, "{\"position\":%lld}", stored ? store.last_id() : -1);
    char reply[256];
    const int reply_size = std::snprintf(
        reply, sizeof reply, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
        stored ? "201 Created" : "503 Service Unavailable", size, body);
    if (send(connection.fd, reply, static_cast<size_t>(reply_size), MSG_NOSIGNAL) != reply_size) return false;
    connection.size -= request_bytes;
    std::memmove(connection.bytes, connection.bytes + request_bytes, connection.size);
    if (connection.size == 0) return true;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || (std::strcmp(argv[2], "delete") != 0 && std::strcmp(argv[2], "wal") != 0)) {
    std::fprintf(stderr, "usage: sqlite_posts FILE delete|wal\n");
    return 2;
  }
  Store store(argv[1], argv[2]);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t address_bytes = sizeof address;
  CHECK(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(listen(listener, 1024) == 0);
  CHECK(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &address_bytes) == 0);
  std::printf("listening %d\n", ntohs(address.sin_port));
  std::fflush(stdout);

  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // the listener
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
  for (;;) {
    epoll_event events[512];
    const int count = epoll_wait(epoll, events, 512, -1);
    for (int i = 0; i < count; ++i) {
      auto* const connection = static_cast<Connection*>(events[i].data.ptr);
      if (connection != nullptr) {
        if (serve(*connection, store)) continue;
        close(connection->fd);  // leaves epoll by itself
        delete connection;
        continue;
      }
      const int fd = accept(listener, nullptr, nullptr);
      if (fd < 0) continue;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      event.data.ptr = new Connection{.fd = fd};
      CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    }
  }
}
