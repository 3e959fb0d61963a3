#include "engine/sim/disk.hpp"

#include <algorithm>
#include <cerrno>

#include "engine/core/check.hpp"

namespace cwtch::sim {
namespace {

// What O_DIRECT asks of its callers; a kernel says EINVAL, sometimes.
void check_direct(const uint8_t* bytes, size_t size, uint64_t offset) {
  CHECK(reinterpret_cast<uintptr_t>(bytes) % kBlockBytes == 0);
  CHECK(size % kBlockBytes == 0);
  CHECK(offset % kBlockBytes == 0);
}

}  // namespace

const char* name(DiskCall call) {
  static constexpr const char* kNames[] = {"open",   "create", "read",           "write",          "sync", "truncate",
                                           "rename", "unlink", "make_directory", "sync_directory", "list", "any"};
  return kNames[static_cast<size_t>(call)];
}

Disk::Disk(uint64_t seed, const DiskFaults& faults) : dice_(seed), faults_(faults) { add_node(true); }
Disk::Disk(Disk&&) noexcept = default;
Disk& Disk::operator=(Disk&&) noexcept = default;
Disk::~Disk() = default;

// ---- faults ----

void Disk::script(const Scripted& fault) {
  Scripted absolute = fault;
  absolute.index += calls(fault.call);
  scripted_.push_back(absolute);
}

uint64_t Disk::calls(DiskCall call) const {
  if (call != DiskCall::any) return calls_[static_cast<size_t>(call)];
  uint64_t sum = 0;
  for (const uint64_t count : calls_) sum += count;
  return sum;
}

// The errno this call is to fail with, or 0. Counts it.
int Disk::error_for(DiskCall call) {
  int error = 0;
  for (const Scripted& fault : scripted_) {
    if (fault.call != call && fault.call != DiskCall::any) continue;
    const uint64_t now = calls(fault.call);
    if (now == fault.index || (fault.ever_after && now > fault.index)) error = fault.error;
  }
  ++calls_[static_cast<size_t>(call)];
  if (off_) return EIO;
  double chance = 0;
  switch (call) {
    case DiskCall::read:
      chance = faults_.read_error;
      break;
    case DiskCall::write:
      chance = faults_.write_error;
      break;
    case DiskCall::sync:
    case DiskCall::sync_directory:
      chance = faults_.sync_error;
      break;
    default:
      chance = faults_.name_error;
  }
  if (error == 0 && dice_.chance(chance)) error = EIO;
  if (error != 0) ++failures_;
  return error;
}

void Disk::make_unreadable(const std::string& path, uint64_t offset) {
  Node* const node = find(path);
  CHECK(node != nullptr);
  node->content.make_unreadable(offset);
}

void Disk::change_byte(const std::string& path, uint64_t offset, uint8_t flip) {
  Node* const node = find(path);
  CHECK(node != nullptr);
  node->content.change_byte(offset, flip);
}

void Disk::boundary() {
  if (off_) return;
  ++boundaries_;
  if (!boundary_) return;
  CHECK(!in_boundary_);
  in_boundary_ = true;
  boundary_();
  in_boundary_ = false;
}

int64_t Disk::note(DiskCall call, uint32_t node, uint64_t offset, uint64_t bytes, int64_t result) {
  done_[done_count_++ % done_.size()] = {call, node, offset, bytes, result};
  return result;
}

std::string Disk::history() const {
  std::string text;
  for (uint64_t i = done_count_ < done_.size() ? 0 : done_count_ - done_.size(); i < done_count_; ++i) {
    const Done& done = done_[i % done_.size()];
    text += std::to_string(i) + " " + name(done.call) + " node " + std::to_string(done.node) + " [" +
            std::to_string(done.offset) + ", +" + std::to_string(done.bytes) + ") = " + std::to_string(done.result) +
            "\n";
  }
  return text;
}

// ---- writes and syncs ----

uint64_t Disk::write_start(io::File file, ByteView bytes, uint64_t offset, bool durable) {
  CHECK(in_boundary_ == false);
  const auto handle = handles_.find(file.value);
  CHECK(handle != handles_.end());
  CHECK(handle->second.mode.write);
  if (handle->second.mode.direct) check_direct(bytes.data(), bytes.size(), offset);
  const uint64_t id = next_id_++;
  Write& write = writes_[id];
  write = {file, bytes, Bytes(bytes.begin(), bytes.end()), offset, durable, error_for(DiskCall::write)};
  if (off_ || bytes.empty()) return id;
  node_of(file).content.write_start(id, bytes, offset, handle->second.mode.direct && !faults_.buffered);
  boundary();
  return id;
}

int64_t Disk::write_end(uint64_t id, bool whole) {
  const auto found = writes_.find(id);
  CHECK(found != writes_.end());
  const Write write = std::move(found->second);
  writes_.erase(found);
  CHECK(equal_vartime(write.bytes, write.copy));  // bytes in flight belong to the kernel
  const auto handle = handles_.find(write.file.value);
  CHECK(handle != handles_.end());  // closing a file with a write in flight
  const uint32_t number = handle->second.node;
  if (off_) return note(DiskCall::write, number, write.offset, write.copy.size(), -EIO);
  if (write.copy.empty()) return 0;
  Content& content = nodes_[number]->content;
  const bool direct = handle->second.mode.direct;

  uint64_t size = write.copy.size();
  int error = write.error;
  if (error == 0) {
    const uint64_t unit = direct ? kBlockBytes : 1;
    if (!whole && size > unit && dice_.chance(faults_.short_write)) size = (1 + dice_.below(size / unit - 1)) * unit;
    const uint64_t used = blocks_used(), room = faults_.capacity_bytes / kBlockBytes;
    const uint64_t free = room > used ? room - used : 0;
    if (content.blocks_missing(write.offset, size) > free) error = ENOSPC;
  }
  if (error == 0) {
    content.write_end(id, ByteView(write.copy).first(size), write.offset, order_++, write.durable);
  } else if (error == ENOSPC || error == EDQUOT || error == EFBIG || !(direct || write.durable)) {
    content.write_refused(id);
  } else {
    content.write_broken(id, write.copy, write.offset, !direct || faults_.buffered, dice_);
  }
  boundary();
  return note(DiskCall::write, number, write.offset, write.copy.size(),
              error == 0 ? static_cast<int64_t>(size) : -error);
}

uint64_t Disk::sync_start(io::File file) {
  CHECK(in_boundary_ == false);
  const auto handle = handles_.find(file.value);
  CHECK(handle != handles_.end());
  const uint64_t id = next_id_++;
  syncs_[id] = {handle->second.node, order_++, error_for(DiskCall::sync)};
  boundary();
  return id;
}

int Disk::sync_end(uint64_t id) {
  const auto found = syncs_.find(id);
  CHECK(found != syncs_.end());
  const Sync sync = found->second;
  syncs_.erase(found);
  if (off_) return -EIO;
  Content& content = nodes_[sync.node]->content;
  if (sync.error == 0) {
    content.sync(sync.order);
  } else {
    content.sync_broken(sync.order, dice_.below(2) == 0, dice_);
  }
  boundary();
  return static_cast<int>(note(DiskCall::sync, sync.node, 0, 0, -sync.error));
}

int64_t Disk::read(io::File file, MutableBytes to, uint64_t offset, bool whole) {
  const auto handle = handles_.find(file.value);
  CHECK(handle != handles_.end());
  const uint32_t number = handle->second.node;
  if (handle->second.mode.direct) check_direct(to.data(), to.size(), offset);
  const int error = error_for(DiskCall::read);
  if (error != 0) return note(DiskCall::read, number, offset, to.size(), -error);
  const Content& content = nodes_[number]->content;
  const uint64_t unit = handle->second.mode.direct ? kBlockBytes : 1;
  if (!whole && to.size() > unit && dice_.chance(faults_.short_read))
    to = to.first((1 + dice_.below(to.size() / unit - 1)) * unit);
  if (content.unreadable(offset, to.size())) return note(DiskCall::read, number, offset, to.size(), -EIO);
  return note(DiskCall::read, number, offset, to.size(), static_cast<int64_t>(content.read(to, offset)));
}

// ---- names ----

Disk::Node* Disk::find(std::string_view path) const {
  Node* node = nodes_[0].get();
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (!node->directory) return nullptr;
    const auto found = node->names.find(part);
    if (found == node->names.end()) return nullptr;
    node = nodes_[found->second].get();
  }
  return node;
}

Disk::Node* Disk::parent(const std::string& path, std::string* name) const {
  const size_t slash = path.rfind('/');
  *name = slash == std::string::npos ? path : path.substr(slash + 1);
  CHECK(!name->empty());
  Node* const node = slash == std::string::npos ? nodes_[0].get() : find(std::string_view(path).substr(0, slash));
  return node != nullptr && node->directory ? node : nullptr;
}

uint32_t Disk::number(const Node* node) const {
  for (uint32_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].get() == node) return i;
  }
  check_failed("node is on this disk", __FILE__, __LINE__);
}

Disk::Node& Disk::node_of(io::File file) {
  const auto handle = handles_.find(file.value);
  CHECK(handle != handles_.end());
  return *nodes_[handle->second.node];
}

uint32_t Disk::add_node(bool directory) {
  nodes_.push_back(std::make_unique<Node>());
  nodes_.back()->directory = directory;
  return static_cast<uint32_t>(nodes_.size() - 1);
}

io::File Disk::add_handle(uint32_t node, const io::OpenMode& mode, bool lock) {
  const io::File file{next_handle_++};  // never used again: a call on a closed file is found
  handles_[file.value] = {node, mode, lock};
  ++nodes_[node]->handles;
  return file;
}

void Disk::apply(Names& names, const NameChange& change) {
  if (!change.from.empty()) {
    const auto found = names.find(change.from);
    if (found != names.end() && found->second == change.node) names.erase(found);
  }
  if (!change.to.empty()) names[change.to] = change.node;
}

// Files without a name on the medium, in a directory or in a program are gone.
void Disk::forget_unreachable() {
  std::vector<uint8_t> named(nodes_.size()), kept(nodes_.size());
  named[0] = kept[0] = 1;
  for (const auto& node : nodes_) {
    if (node == nullptr) continue;
    for (const auto& [text, id] : node->names) named[id] = kept[id] = 1;
    for (const auto& [text, id] : node->durable_names) kept[id] = 1;
    for (const NameChange& change : node->changes) kept[change.node] = 1;
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i] == nullptr) continue;
    nodes_[i]->counted = named[i] != 0 || nodes_[i]->handles != 0;
    const bool syncing = std::any_of(syncs_.begin(), syncs_.end(), [&](const auto& s) { return s.second.node == i; });
    if (kept[i] == 0 && nodes_[i]->handles == 0 && !syncing) nodes_[i].reset();
  }
}

uint64_t Disk::blocks_used() const {
  uint64_t sum = 0;
  for (const auto& node : nodes_) {
    if (node != nullptr && node->counted) sum += node->content.blocks_allocated() + (node->directory ? 1 : 0);
  }
  return sum;
}

io::Space Disk::space() const {
  const uint64_t total = faults_.capacity_bytes == UINT64_MAX ? 1ull << 40 : faults_.capacity_bytes;
  const uint64_t used = blocks_used() * kBlockBytes;
  return {total, total > used ? total - used : 0};
}

Result<io::File> Disk::open(const std::string& path, const io::OpenMode& mode) {
  const int error = error_for(mode.create ? DiskCall::create : DiskCall::open);
  if (error != 0) return fail_errno(error, "open");
  std::string leaf;
  Node* const directory = parent(path, &leaf);
  if (directory == nullptr) return fail_errno(ENOENT, "open");
  const auto found = directory->names.find(leaf);
  if (!mode.create) {
    if (found == directory->names.end()) return fail_errno(ENOENT, "open");
    if (nodes_[found->second]->directory) return fail_errno(EISDIR, "open");
    return add_handle(found->second, mode, false);
  }
  if (found != directory->names.end()) return fail_errno(EEXIST, "open");
  const uint32_t id = add_node(false);
  const NameChange change{order_++, {}, leaf, id};
  apply(directory->names, change);
  directory->changes.push_back(change);
  const io::File file = add_handle(id, mode, false);
  note(DiskCall::create, id, 0, 0, 0);
  boundary();
  return file;
}

Result<io::File> Disk::lock(const std::string& path) {
  if (find(path) == nullptr) {
    const auto made = open(path, {.write = true, .create = true});
    if (!made) return made;
    close(*made);
  }
  Node* const node = find(path);
  if (node->locked) return fail(Errc::busy, "lock: another process has it");
  node->locked = true;
  return add_handle(number(node), {.write = true}, true);
}

void Disk::close(io::File file) {
  const auto handle = handles_.find(file.value);
  CHECK(handle != handles_.end());
  for (const auto& [id, write] : writes_) CHECK(!(write.file == file));
  Node& node = *nodes_[handle->second.node];
  if (handle->second.lock) node.locked = false;
  handles_.erase(handle);
  if (--node.handles == 0) forget_unreachable();
}

uint64_t Disk::size(io::File file) const {
  const auto handle = handles_.find(file.value);
  CHECK(handle != handles_.end());
  return nodes_[handle->second.node]->content.size();
}

int Disk::truncate(io::File file, uint64_t size) {
  const int error = error_for(DiskCall::truncate);
  if (error != 0) return -error;
  node_of(file).content.truncate(size, order_++);
  boundary();
  return 0;
}

int Disk::make_directory(const std::string& path) {
  const int error = error_for(DiskCall::make_directory);
  if (error != 0) return -error;
  if (const Node* const node = find(path)) return node->directory ? 0 : -EEXIST;
  std::string leaf;
  Node* const directory = parent(path, &leaf);
  if (directory == nullptr) return -ENOENT;
  const NameChange change{order_++, {}, leaf, add_node(true)};
  apply(directory->names, change);
  directory->changes.push_back(change);
  boundary();
  return 0;
}

Result<std::vector<std::string>> Disk::list(const std::string& path) {
  const int error = error_for(DiskCall::list);
  if (error != 0) return fail_errno(error, "list");
  const Node* const node = find(path);
  if (node == nullptr) return fail_errno(ENOENT, "list");
  if (!node->directory) return fail_errno(ENOTDIR, "list");
  std::vector<std::string> names;
  for (const auto& [text, id] : node->names) names.push_back(text);
  return names;
}

int Disk::rename(const std::string& from, const std::string& to) {
  const int error = error_for(DiskCall::rename);
  if (error != 0) return -error;
  std::string from_leaf, to_leaf;
  Node* const directory = parent(from, &from_leaf);
  if (directory == nullptr || parent(to, &to_leaf) == nullptr) return -ENOENT;
  CHECK(parent(to, &to_leaf) == directory);  // the model knows renames within a directory only
  const auto found = directory->names.find(from_leaf);
  if (found == directory->names.end()) return -ENOENT;
  const NameChange change{order_++, from_leaf, to_leaf, found->second};
  apply(directory->names, change);
  directory->changes.push_back(change);
  forget_unreachable();
  note(DiskCall::rename, change.node, 0, 0, 0);
  boundary();
  return 0;
}

int Disk::unlink(const std::string& path) {
  const int error = error_for(DiskCall::unlink);
  if (error != 0) return -error;
  std::string leaf;
  Node* const directory = parent(path, &leaf);
  if (directory == nullptr) return -ENOENT;
  const auto found = directory->names.find(leaf);
  if (found == directory->names.end()) return -ENOENT;
  const NameChange change{order_++, leaf, {}, found->second};
  apply(directory->names, change);
  directory->changes.push_back(change);
  forget_unreachable();
  note(DiskCall::unlink, change.node, 0, 0, 0);
  boundary();
  return 0;
}

uint64_t Disk::sync_directory_start(const std::string& path) {
  const uint64_t id = next_id_++;
  int error = error_for(DiskCall::sync_directory);
  const Node* const node = find(path);
  if (node == nullptr || !node->directory) error = ENOENT;
  syncs_[id] = {error == ENOENT ? 0 : number(node), order_++, error};
  boundary();
  return id;
}

int Disk::sync_directory_end(uint64_t id) {
  const auto found = syncs_.find(id);
  CHECK(found != syncs_.end());
  const Sync sync = found->second;
  syncs_.erase(found);
  if (off_) return -EIO;
  if (sync.error == ENOENT) return -ENOENT;
  Node& node = *nodes_[sync.node];
  if (sync.error == 0) {
    for (const NameChange& change : node.changes) {
      if (change.order < sync.order) apply(node.durable_names, change);
    }
    std::erase_if(node.changes, [&](const NameChange& change) { return change.order < sync.order; });
  }
  forget_unreachable();
  boundary();
  return static_cast<int>(note(DiskCall::sync_directory, sync.node, 0, 0, -sync.error));
}

Result<Bytes> Disk::contents(const std::string& path) const {
  const Node* const node = find(path);
  if (node == nullptr || node->directory) return fail(Errc::not_found, "disk: no such file");
  Bytes bytes(node->content.size());
  node->content.read(bytes, 0);
  return bytes;
}

// ---- power cuts ----

Disk Disk::power_cut(uint64_t seed) const {
  Dice dice(seed);
  const Fate fate = Fate::draw(dice);
  Disk image(dice.next());
  image.faults_.capacity_bytes = faults_.capacity_bytes;
  image.faults_.buffered = faults_.buffered;
  image.nodes_.clear();
  image.nodes_.resize(nodes_.size());
  copy_node(0, fate, dice, image);
  return image;
}

Disk Disk::process_crash(uint64_t seed) const {
  Disk left(seed);
  left.faults_.capacity_bytes = faults_.capacity_bytes;
  left.faults_.buffered = faults_.buffered;
  left.order_ = order_;
  left.next_id_ = next_id_;
  left.nodes_.clear();
  for (const auto& node : nodes_) {
    left.nodes_.push_back(node == nullptr ? nullptr : std::make_unique<Node>());
    if (node == nullptr) continue;
    Node& copy = *left.nodes_.back();
    copy.directory = node->directory;
    copy.content = node->content.copy();
    copy.names = node->names;
    copy.durable_names = node->durable_names;
    copy.changes = node->changes;
  }
  for (const auto& [id, write] : writes_) {
    if (write.copy.empty()) continue;
    Content& content = left.nodes_[handles_.at(write.file.value).node]->content;
    if (left.dice_.below(4) == 0) {
      content.write_refused(id);
    } else {
      content.write_end(id, write.copy, write.offset, left.order_++, false);
    }
  }
  left.forget_unreachable();
  return left;
}

void Disk::copy_node(uint32_t id, const Fate& fate, Dice& dice, Disk& image) const {
  const Node& from = *nodes_[id];
  image.nodes_[id] = std::make_unique<Node>();
  image.nodes_[id]->directory = from.directory;
  if (!from.directory) {
    image.nodes_[id]->content = from.content.power_cut(fate, dice);
    return;
  }
  Names names = from.durable_names;
  // A journaling file system keeps a front part of the changes; others keep any of them.
  size_t kept = from.changes.size();
  bool scattered = false;
  if (fate.kind == Fate::Kind::all_old) {
    kept = 0;
  } else if (fate.kind != Fate::Kind::all_new && kept != 0) {
    scattered = dice.below(2) == 0;
    if (!scattered) kept = dice.below(kept + 1);
  }
  for (size_t i = 0; i < kept; ++i) {
    if (!scattered || dice.below(2) == 0) apply(names, from.changes[i]);
  }
  for (const auto& [text, child] : names) {
    if (image.nodes_[child] == nullptr) copy_node(child, fate, dice, image);
  }
  image.nodes_[id]->durable_names = names;
  image.nodes_[id]->names = std::move(names);
}

}  // namespace cwtch::sim
