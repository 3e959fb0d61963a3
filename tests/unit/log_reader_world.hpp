// Files in memory and an Io that does what a test tells it: reads complete in order, one turn later, and a hook may cut
// them short, fail them or hold them back. For the readers of the log; the simulator is for everything at once.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/io/files.hpp"
#include "engine/io/io.hpp"

namespace cwtch::test {

class MemoryFiles final : public io::Files {
 public:
  using Content = std::shared_ptr<Bytes>;

  Result<io::File> open(const std::string& path, const io::OpenMode& mode) override {
    const bool exists = names_.contains(path);
    if (open_error != 0) return fail_errno(open_error, "open");
    if (mode.create && exists) return fail_errno(EEXIST, "open");
    if (!mode.create && !exists) return fail_errno(ENOENT, "open");
    if (!exists) names_[path] = std::make_shared<Bytes>();
    open_.push_back(names_[path]);
    return io::File{static_cast<int>(open_.size() - 1)};
  }
  void close(io::File file) override { open_.at(file.value) = nullptr; }
  Result<size_t> read(io::File file, MutableBytes to, uint64_t offset) override {
    const Bytes& content = *open_.at(file.value);
    const size_t size = offset >= content.size() ? 0 : std::min(to.size(), content.size() - offset);
    std::memcpy(to.data(), content.data() + std::min<uint64_t>(offset, content.size()), size);
    bytes_read += size;
    return size;
  }
  Status write(io::File file, ByteView bytes, uint64_t offset) override {
    if (writes_left == 0) return fail_errno(ENOSPC, "write");
    --writes_left;
    Bytes& content = *open_.at(file.value);
    if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
    std::memcpy(content.data() + offset, bytes.data(), bytes.size());
    return {};
  }
  Status sync(io::File) override { return {}; }
  Result<uint64_t> size(io::File file) override { return open_.at(file.value)->size(); }
  Status truncate(io::File file, uint64_t size) override {
    open_.at(file.value)->resize(size);
    return {};
  }
  Status make_directory(const std::string&) override { return {}; }
  Status sync_directory(const std::string&) override { return {}; }
  Result<std::vector<std::string>> list(const std::string& path) override {
    std::vector<std::string> found;
    for (const auto& [name, content] : names_)
      if (name.starts_with(path + "/")) found.push_back(name.substr(path.size() + 1));
    return found;
  }
  Status rename(const std::string& from, const std::string& to) override {
    const auto found = names_.find(from);
    if (found == names_.end()) return fail_errno(ENOENT, "rename");
    names_[to] = found->second;
    names_.erase(from);
    return {};
  }
  Status unlink(const std::string& path) override {
    if (names_.erase(path) == 0) return fail_errno(ENOENT, "unlink");
    return {};
  }
  Result<io::Space> space(const std::string&) override { return io::Space{1 << 30, 1 << 30}; }
  Status set_times(const std::string&, uint64_t) override { return {}; }
  Result<io::File> lock(const std::string&) override { return fail(Errc::unsupported, "lock"); }

  Bytes& content(const std::string& path) { return *names_.at(path); }
  bool exists(const std::string& path) const { return names_.contains(path); }
  Content opened(io::File file) const { return open_.at(file.value); }

  uint64_t bytes_read = 0;
  uint64_t writes_left = UINT64_MAX;  // then the medium is full
  int open_error = 0;

 private:
  std::map<std::string, Content> names_;
  std::vector<Content> open_;
};

class ScriptedIo final : public io::Io {
 public:
  explicit ScriptedIo(MemoryFiles& files) : files_(files) {}
  ~ScriptedIo() override { CHECK(pending_.empty()); }

  // What a read shall return: `size` (all of it), less, or a negative errno. Asked when the read completes.
  std::function<int32_t(io::File file, uint64_t offset, size_t size)> read_result;
  bool hold = false;  // nothing completes
  size_t pending() const { return pending_.size(); }
  uint64_t reads = 0;
  uint64_t bytes_read = 0;

  void read(io::Read& operation, io::File file, MutableBytes to, uint64_t offset, io::Callback callback) override {
    CHECK(reinterpret_cast<uintptr_t>(to.data()) % 4096 == 0);
    CHECK(to.size() % 4096 == 0);
    CHECK(offset % 4096 == 0);
    operation.handle_ = file.value;
    operation.data_ = to.data();
    operation.size_ = to.size();
    operation.offset_ = offset;
    contents_[&operation] = files_.opened(file);
    begin(operation, callback);
    ++reads;
  }
  void work(io::Work& operation, void (*function)(void*), void* argument, io::Callback callback) override {
    operation.function_ = function;
    operation.argument_ = argument;
    begin(operation, callback);
  }
  void timer(io::Timer& operation, uint64_t after_ns, io::Callback callback) override {
    operation.offset_ = now_ + after_ns;
    begin(operation, callback);
  }
  uint64_t now_ns() const override { return now_; }
  void pass(uint64_t ns) { now_ += ns; }

  // Completes what was pending when it was called, and nothing that is started by a callback.
  void turn(bool) override {
    if (hold) return;
    std::vector<io::Operation*> due;
    due.swap(pending_);
    for (io::Operation* const operation : due) {
      if (operation->kind_ == io::Operation::Kind::timer && operation->offset_ > now_) {
        pending_.push_back(operation);
        continue;
      }
      complete(*operation);
    }
  }
  // Until nothing is pending; time passes when only timers are.
  void run() {
    while (!hold && !pending_.empty()) {
      const auto is_timer = [](const io::Operation* o) { return o->kind_ == io::Operation::Kind::timer; };
      if (std::all_of(pending_.begin(), pending_.end(), is_timer)) {
        uint64_t next = UINT64_MAX;
        for (const io::Operation* const operation : pending_) next = std::min(next, operation->offset_);
        now_ = std::max(now_, next);
      }
      turn(false);
    }
  }

  Result<io::Socket> listen(const io::Address&, const io::ListenOptions&) override { return unsupported(); }
  Result<io::Address> local_address(io::Socket) override { return unsupported(); }
  bool peer_is_loopback(io::Socket) override { return false; }
  void accept(io::Accept&, io::Socket, io::Callback) override { CHECK(false); }
  void connect(io::Connect&, const io::Address&, io::Callback) override { CHECK(false); }
  void recv(io::Recv&, io::Socket, io::Callback) override { CHECK(false); }
  void send(io::Send&, io::Socket, ByteView, SendFlags, io::Callback) override { CHECK(false); }
  void poll(io::Poll&, io::Socket, io::PollFor, io::Callback) override { CHECK(false); }
  void finish_sending(io::Socket) override { CHECK(false); }
  void shutdown(io::Socket) override { CHECK(false); }
  void close(io::Close&, io::Socket, io::Callback) override { CHECK(false); }
  void write(io::Write&, io::File, ByteView, uint64_t, bool, io::Callback) override { CHECK(false); }
  void sync(io::Sync&, io::File, io::Callback) override { CHECK(false); }
  void cancel(io::Operation&) override { CHECK(false); }
  void notify(io::Io*) override {}
  void on_notify(void (*)(void*), void*) override {}
  const char* name() const override { return "scripted"; }

 private:
  static Failure unsupported() { return fail(Errc::unsupported, "scripted io"); }

  void begin(io::Operation& operation, io::Callback callback) {
    CHECK(!operation.in_flight_);
    operation.in_flight_ = true;
    operation.callback_ = callback;
    pending_.push_back(&operation);
  }
  void complete(io::Operation& operation) {
    if (operation.kind_ == io::Operation::Kind::read) {
      const MemoryFiles::Content content = std::move(contents_[&operation]);
      contents_.erase(&operation);
      const io::File file{operation.handle_};
      int32_t size = static_cast<int32_t>(operation.size_);
      if (read_result) size = read_result(file, operation.offset_, operation.size_);
      if (size > 0) {
        const uint64_t end = std::min<uint64_t>(operation.offset_ + static_cast<uint32_t>(size), content->size());
        size = end <= operation.offset_ ? 0 : static_cast<int32_t>(end - operation.offset_);
        std::memcpy(operation.data_, content->data() + operation.offset_, static_cast<size_t>(size));
        bytes_read += static_cast<uint32_t>(size);
      }
      operation.result_ = size;
    } else if (operation.kind_ == io::Operation::Kind::work) {
      auto& work = static_cast<io::Work&>(operation);
      work.function_(work.argument_);
      operation.result_ = 0;
    } else {
      operation.result_ = 0;
    }
    operation.in_flight_ = false;
    operation.callback_.run(operation.callback_.owner, operation);
  }

  MemoryFiles& files_;
  std::vector<io::Operation*> pending_;
  std::map<io::Operation*, MemoryFiles::Content> contents_;  // an unlinked or replaced file stays what it was
  uint64_t now_ = 1;
};

}  // namespace cwtch::test
