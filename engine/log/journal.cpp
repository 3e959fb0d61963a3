#include "engine/log/journal.hpp"

#include <algorithm>

#include "engine/log/mutant.hpp"

namespace cwtch::log {

std::string journal_path(const std::string& directory, uint32_t file) {
  return directory + "/journal." + std::to_string(file);
}

Status Journal::create(io::Files& files, const std::string& directory, const Settings& settings) {
  const size_t piece = std::min<uint64_t>(settings.journal_file_bytes, 1 << 20);
  const AlignedMemory zeros(piece);
  std::memset(zeros.data(), 0, piece);
  for (uint32_t i = 0; i < settings.journal_files; ++i) {
    const Result<io::File> file =
        files.open(journal_path(directory, i), {.write = true, .create = true, .direct = true});
    if (!file) return fail(file.error());
    const io::OpenFile open(files, *file);
    for (uint64_t at = 0; at < settings.journal_file_bytes; at += piece) {
      const uint64_t size = std::min<uint64_t>(piece, settings.journal_file_bytes - at);
      if (const Status s = files.write(*file, zeros.bytes().first(size), at); !s) return s;
    }
    if (const Status s = files.sync(*file); !s) return s;
  }
  return {};
}

Result<std::vector<io::OpenFile>> Journal::open_files(io::Files& files, const std::string& directory,
                                                      const Settings& settings) {
  std::vector<io::OpenFile> opened;
  for (uint32_t i = 0; i < settings.journal_files; ++i) {
    const Result<io::File> file = files.open(journal_path(directory, i), {.write = true, .direct = true});
    if (!file) return fail(file.error());
    opened.emplace_back(files, *file);
    const Result<uint64_t> size = files.size(*file);
    if (!size) return fail(size.error());
    if (*size != settings.journal_file_bytes) return fail(Errc::corrupt, "journal: file of another size", *size);
  }
  return opened;
}

Journal::Journal(std::vector<io::OpenFile> files, const Settings& settings, const Options& options,
                 const JournalPlace& place, Observer& observer)
    : files_(std::move(files)),
      file_bytes_(settings.journal_file_bytes),
      secret_(settings.secret),
      options_(options),
      place_(place),
      observer_(observer) {
  CHECK(options.group_bytes_max <= file_bytes_ && place.ends.size() == files_.size());
  for (Group& group : groups_) group.memory = AlignedMemory(options.group_bytes_max);
}

Journal::~Journal() { CHECK(!in_flight_); }

bool Journal::has_room(size_t frame_bytes) const {
  if (failed_) return false;
  const uint64_t bytes = round_up(groups_[open_].used + frame_bytes, kBlockBytes);
  if (bytes > options_.group_bytes_max) return false;
  return fits_here(bytes) || place_.ends[next_file()] <= released_;
}

void Journal::add(Position position, uint32_t chain_before, ByteView frame) {
  CHECK(has_room(frame.size()));
  if (records_count_ == 0) {
    open_first_ = position;
    open_chain_ = chain_before;
  }
  CHECK(position.value == open_first_.value + records_count_);
  Group& group = groups_[open_];
  std::memcpy(group.memory.data() + group.used, frame.data(), frame.size());
  group.used += frame.size();
  records_count_ += 1;
}

void Journal::write_start() {
  CHECK(!in_flight_ && records_count_ > 0 && !failed_);
  Group& group = groups_[open_];
  const Position end{open_first_.value + records_count_};
  write_size_ = round_up(group.used, kBlockBytes);
  if (write_size_ > group.used) {
    write_filler(group.memory.bytes().subspan(group.used), end, write_size_ - group.used);
  }
  if (!fits_here(write_size_)) {
    place_.file = next_file();
    place_.offset = 0;
    CHECK(place_.ends[place_.file] <= released_);
  }
  write_group(group.memory.bytes(),
              {.sequence = place_.sequence,
               .first = open_first_,
               .records_count = records_count_,
               .chain_before = open_chain_,
               .group_bytes = static_cast<uint32_t>(write_size_)},
              secret_);
  write_file_ = place_.file;
  write_offset_ = place_.offset;
  if (mutant(Mutant::rewrite_acknowledged) && write_offset_ >= kBlockBytes) write_offset_ -= kBlockBytes;
  place_.offset = write_offset_ + write_size_;
  place_.ends[place_.file] = end;
  place_.sequence += 1;
  written_ = 0;
  in_flight_ = true;
  open_ ^= 1;
  groups_[open_].used = GroupHeader::kFrameBytes;
  records_count_ = 0;
  write_continue();
}

void Journal::write_continue() {
  const Group& group = groups_[open_ ^ 1];
  const ByteView rest = ByteView(group.memory.bytes()).subspan(written_, write_size_ - written_);
  io_->write(write_, files_[write_file_].get(), rest, write_offset_ + written_, !options_.sync_with_fdatasync,
             io::then<&Journal::write_done>(this));
}

void Journal::write_done(io::Write& write) {
  const Result<size_t> size = write.size();
  if (!size) return finish(&size.error());
  if (*size == 0 || *size % kBlockBytes != 0) {
    // A direct write ends inside a block only when the medium failed there.
    const Error error{Errc::io, 0, "journal: short write", write_offset_ + written_};
    return finish(&error);
  }
  written_ += *size;
  if (written_ < write_size_) return write_continue();
  if (!options_.sync_with_fdatasync) return finish(nullptr);
  io_->sync(sync_, files_[write_file_].get(), io::then<&Journal::sync_done>(this));
}

void Journal::sync_done(io::Sync& sync) {
  const Status status = sync.status();
  if (!status && mutant(Mutant::retry_failed_sync) && !sync_retried_) {
    sync_retried_ = true;
    io_->sync(sync_, files_[write_file_].get(), io::then<&Journal::sync_done>(this));
    return;
  }
  if (!status) return finish(&status.error());
  finish(nullptr);
}

void Journal::finish(const Error* error) {
  in_flight_ = false;
  if (error != nullptr) {
    failed_ = true;  // never again on these files: what is on the medium is not known
  } else {
    groups_written_ += 1;
    bytes_written_ += write_size_;
  }
  observer_.group_done(error);
}

void Journal::release(Position sealed) { released_ = std::max(released_, sealed); }

bool Journal::next_file_holds(Position position) const { return place_.ends[next_file()] > position; }

}  // namespace cwtch::log
