// Replies of netlink, as they come from the kernel and, for events, from other processes.
#include <cstdlib>
#include <cstring>

#include "../src/framing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The first bytes choose how the exchange is to end.
  if (size < 9) return 0;
  tsnet::Completion completion{};
  std::memcpy(&completion.firstSequence, data, 4);
  std::memcpy(&completion.lastSequence, data + 4, 4);
  completion.untilError = (data[8] & 1) != 0;
  data += 9;
  size -= 9;
  const size_t count = tsnet::CountMessages(data, size);
  if (count * 16 > size) std::abort();
  if (!completion.IsStale(data, size)) completion.Judge(data, size);
  if (count > 0) tsnet::FirstSequence(data);
  return 0;
}
