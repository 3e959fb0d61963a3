// What a session needs of its shard.
#pragma once

#include <memory>
#include <string>

#include "engine/board/board.hpp"
#include "engine/io/io.hpp"
#include "engine/log/reader.hpp"
#include "engine/net/deadline.hpp"
#include "engine/net/send_queue.hpp"
#include "engine/retrieval/service.hpp"
#include "engine/server/transfers.hpp"
#include "engine/stream/feed.hpp"

namespace cwtch::server {

class Session;

struct Services {
  io::Io& io;
  log::Reader& reader;
  stream::Feed& feed;
  board::Board& board;
  net::SendQueue& send_queue;
  net::DeadlineList& request_deadlines;  // to complete a request
  net::DeadlineList& idle_deadlines;     // between requests
  net::DeadlineList& stall_deadlines;    // an answer that the peer does not take
  net::DeadlineList& heartbeats;         // followers without news
  Transfers& transfers;
  const bool leaky_modes;
  retrieval::Service* const retrieval;  // nullptr: nothing is offered for private retrieval
  board::Admission& query_admission;
  const uint32_t shard_number;

  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;
  virtual std::shared_ptr<const std::string> server_document() = 0;
  virtual std::shared_ptr<const std::string> segments_document() = 0;
  virtual std::shared_ptr<const std::string> databases_document() = 0;
  virtual std::shared_ptr<const retrieval::Catalog> catalog() = 0;  // REQUIRES: retrieval != nullptr
  virtual void session_closed(Session& session) = 0;                // destroys it
  virtual void report_damage(const std::string& file, const Error& error) = 0;

 protected:
  Services(io::Io& io_, log::Reader& reader_, stream::Feed& feed_, board::Board& board_, net::SendQueue& queue,
           net::DeadlineList& request, net::DeadlineList& idle, net::DeadlineList& stall, net::DeadlineList& heartbeat,
           Transfers& transfers_, bool leaky, retrieval::Service* retrieval_, board::Admission& queries, uint32_t shard)
      : io(io_),
        reader(reader_),
        feed(feed_),
        board(board_),
        send_queue(queue),
        request_deadlines(request),
        idle_deadlines(idle),
        stall_deadlines(stall),
        heartbeats(heartbeat),
        transfers(transfers_),
        leaky_modes(leaky),
        retrieval(retrieval_),
        query_admission(queries),
        shard_number(shard) {}
  ~Services() = default;
};

}  // namespace cwtch::server
