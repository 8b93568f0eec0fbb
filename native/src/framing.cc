#include "framing.h"

#include <linux/netlink.h>

#include <cstring>

namespace tsnet {

namespace {

/** Calls `visit(header, payload, payloadSize)` for each message until it gives false. Says whether it saw all. */
template <typename Visit>
bool ForEachMessage(const uint8_t* data, size_t size, Visit visit) {
  while (size >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, data, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > size) return false;
    if (!visit(header, data + sizeof header, header.nlmsg_len - sizeof header)) return false;
    const size_t step = NLMSG_ALIGN(static_cast<size_t>(header.nlmsg_len));
    // The padding of the last message may be missing.
    if (step >= size) return true;
    data += step;
    size -= step;
  }
  return false;
}

}  // namespace

size_t CountMessages(const uint8_t* data, size_t size) {
  size_t count = 0;
  const bool isWhole = ForEachMessage(data, size, [&](const nlmsghdr&, const uint8_t*, size_t) {
    count++;
    return true;
  });
  return isWhole ? count : 0;
}

uint32_t FirstSequence(const uint8_t* data) {
  nlmsghdr header;
  std::memcpy(&header, data, sizeof header);
  return header.nlmsg_seq;
}

bool Completion::IsStale(const uint8_t* data, size_t size) const {
  return size < sizeof(nlmsghdr) || static_cast<int32_t>(FirstSequence(data) - firstSequence) < 0;
}

Progress Completion::Judge(const uint8_t* data, size_t size) const {
  Progress progress = Progress::kMore;
  ForEachMessage(data, size, [&](const nlmsghdr& header, const uint8_t* payload, size_t payloadSize) {
    const bool isError = header.nlmsg_type == NLMSG_ERROR;
    if (!isError && header.nlmsg_type != NLMSG_DONE) return true;
    if (header.nlmsg_seq == lastSequence) {
      progress = Progress::kComplete;
      return false;
    }
    int32_t number = 0;
    if (isError && payloadSize >= sizeof number) std::memcpy(&number, payload, sizeof number);
    if (untilError && number != 0) progress = Progress::kRefused;
    return true;
  });
  return progress;
}

}  // namespace tsnet
