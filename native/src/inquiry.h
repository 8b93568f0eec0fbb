#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "descriptor.h"
#include "errors.h"

namespace tsnet {

/** A netlink request that only reads; see `Question` in src/kernel/native.ts. */
struct Question {
  int protocol = 0;
  uint32_t lastSequence = 0;
  std::vector<uint8_t> request;
};

/** Small files in a folder that shows each namespace something else, such as `/proc/sys/net/ipv4`. */
struct Folder {
  std::string path;
  std::vector<std::string> files;
};

/** The same questions to several network namespaces. */
struct Inquiry {
  std::vector<std::string> namespaces;
  std::vector<Question> questions;
  std::vector<Folder> folders;
};

/** What came back: records as src/kernel/native.ts describes them, and the descriptors that they name. */
struct Answers {
  std::vector<uint8_t> bytes;
  std::vector<Descriptor> descriptors;
  /** `number` is 0 unless nothing at all can be told. */
  Failure failure;
};

/**
 * Walks through the namespaces and asks in each. It leaves the calling thread in the last of them: call it on a thread
 * to throw away. Ends early when `isStopping`. Never throws.
 */
Answers Ask(const Inquiry& inquiry, const std::atomic<bool>& isStopping);

}  // namespace tsnet
