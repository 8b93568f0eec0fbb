#pragma once

#include <fcntl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "descriptor.h"

namespace tsnet {

/** Opening never waits and never takes a terminal, whatever kind of file somebody put at the path. */
constexpr int kCarefully = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

/** One integer socket option, as setsockopt(2) takes it. */
struct SocketOption {
  int level;
  int name;
  int value;
};

/** What socket to open, and where. */
struct SocketRequest {
  std::optional<std::string> netns;
  int domain = 0;
  int type = 0;
  int protocol = 0;
  std::vector<SocketOption> options;
  /** A classic BPF program, 8 bytes for each instruction; empty means none. Attached before the socket is bound. */
  std::vector<uint8_t> filter;
  /** A socket address as bind(2) takes it; empty means not to bind. */
  std::vector<uint8_t> address;
};

/** Opens what should be a namespace; never waits, whatever it is. Throws `Failure`. */
Descriptor OpenNetns(const std::string& path);

/**
 * Moves the calling thread, which must be one to throw away, into a network namespace. Throws `Failure`; EINVAL for any
 * other kind of file.
 */
void EnterNetns(const Descriptor& netns);

/** Opens a netlink socket in the namespace of the calling thread. Throws `Failure`. */
Descriptor OpenNetlink(int protocol);

/** Opens a socket, perhaps inside another network namespace, to which it stays bound. Throws `Failure`. */
Descriptor OpenSocket(const SocketRequest& request);

/** Opens a file as a thread inside the network namespace sees it. Throws `Failure`. */
Descriptor OpenFileIn(const std::string& netns, const std::string& path, int flags);

/** Makes a network namespace and pins it at a path that must not exist. Throws `Failure`. */
void CreateNetns(const std::string& path);

/** Unpins a network namespace and removes the file. Throws `Failure`; EINVAL for anything else at that path. */
void DeleteNetns(const std::string& path);

}  // namespace tsnet
