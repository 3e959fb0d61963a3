// What `cwtchc poll` says of a poll to its user: what came, what it cost, and what to do if polls are not enough.
#pragma once

#include <string>

#include "engine/client/poll.hpp"

namespace cwtch::cwtchc {

std::string poll_text(const client::PollReport& report);  // whole lines

}  // namespace cwtch::cwtchc
