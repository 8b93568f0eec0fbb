#pragma once

#include <cstddef>
#include <cstdint>

namespace tsnet {

// The only knowledge of netlink messages in C++: where one ends, its sequence number, and whether it closes an
// exchange.

/** Number of messages in a request; 0 when their lengths don't add up to its size. */
size_t CountMessages(const uint8_t* data, size_t size);

/** Sequence number of the first message; there must be at least a header. */
uint32_t FirstSequence(const uint8_t* data);

/** How far an exchange is. */
enum class Progress { kMore, kComplete, kRefused };

/** When the replies to one exchange are complete; see `ExchangeOptions` in src/kernel/native.ts. */
struct Completion {
  uint32_t firstSequence;
  uint32_t lastSequence;
  bool untilError;

  /** Whether a datagram answers an earlier request. Sequence numbers may wrap around. */
  bool IsStale(const uint8_t* data, size_t size) const;

  Progress Judge(const uint8_t* data, size_t size) const;
};

}  // namespace tsnet
