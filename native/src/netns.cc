#include "netns.h"

#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstring>

#include "errors.h"
#include "thread.h"

namespace tsnet {

namespace {

/** Room for the answers to about a thousand pipelined requests; the default of 208 KiB loses them. */
constexpr int kNetlinkBuffer = 4 << 20;

void Enter(const std::string& netns) {
  const Descriptor file = OpenNetns(netns);
  EnterNetns(file);
}

Descriptor MakeSocket(const SocketRequest& request) {
  Descriptor made(socket(request.domain, request.type | SOCK_CLOEXEC, request.protocol));
  if (!made.IsOpen()) Fail("socket");
  return made;
}

/** Options that every netlink socket wants; an old kernel or a missing capability may refuse them. */
void PrepareNetlink(int descriptor) {
  const SocketOption wanted[] = {
      {SOL_SOCKET, SO_RCVBUFFORCE, kNetlinkBuffer},
      {SOL_SOCKET, SO_SNDBUFFORCE, kNetlinkBuffer},
      // The reason of a refusal as text, and where in the request.
      {SOL_NETLINK, NETLINK_EXT_ACK, 1},
      // Acknowledgements without a copy of the request.
      {SOL_NETLINK, NETLINK_CAP_ACK, 1},
      // Dumps that obey their filter, and refuse one that they don't know.
      {SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1},
  };
  for (const auto& option : wanted) {
    setsockopt(descriptor, option.level, option.name, &option.value, sizeof option.value);
  }
}

/** Attaches a classic BPF program; the kernel checks and copies it. */
void AttachFilter(int descriptor, const std::vector<uint8_t>& program) {
  std::vector<sock_filter> instructions(program.size() / sizeof(sock_filter));
  std::memcpy(instructions.data(), program.data(), instructions.size() * sizeof(sock_filter));
  const sock_fprog given{static_cast<unsigned short>(instructions.size()), instructions.data()};
  if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &given, sizeof given) != 0) Fail("setsockopt");
}

void Bind(int descriptor, const void* address, size_t size) {
  if (bind(descriptor, static_cast<const sockaddr*>(address), static_cast<socklen_t>(size)) != 0) Fail("bind");
}

}  // namespace

Descriptor OpenNetns(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | kCarefully));
  if (!file.IsOpen()) Fail("open");
  return file;
}

void EnterNetns(const Descriptor& netns) {
  if (setns(netns.Get(), CLONE_NEWNET) != 0) Fail("setns");
}

Descriptor OpenNetlink(int protocol) {
  SocketRequest request;
  request.domain = AF_NETLINK;
  request.type = SOCK_RAW;
  request.protocol = protocol;
  return OpenSocket(request);
}

Descriptor OpenSocket(const SocketRequest& request) {
  const auto make = [&] {
    if (request.netns) Enter(*request.netns);
    return MakeSocket(request);
  };
  Descriptor made = request.netns ? OnThrowAwayThread(make) : make();
  if (request.domain == AF_NETLINK) PrepareNetlink(made.Get());
  for (const auto& option : request.options) {
    if (setsockopt(made.Get(), option.level, option.name, &option.value, sizeof option.value) != 0) {
      Fail("setsockopt");
    }
  }
  if (!request.filter.empty()) AttachFilter(made.Get(), request.filter);
  if (!request.address.empty()) {
    Bind(made.Get(), request.address.data(), request.address.size());
  } else if (request.domain == AF_NETLINK) {
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    Bind(made.Get(), &address, sizeof address);
  }
  return made;
}

Descriptor OpenFileIn(const std::string& netns, const std::string& path, int flags) {
  return OnThrowAwayThread([&] {
    Enter(netns);
    Descriptor file(open(path.c_str(), flags | kCarefully, 0644));
    if (!file.IsOpen()) Fail("open");
    if ((flags & (O_NONBLOCK | O_PATH)) == 0) {
      const int present = fcntl(file.Get(), F_GETFL);
      if (present < 0 || fcntl(file.Get(), F_SETFL, present & ~O_NONBLOCK) != 0) Fail("fcntl");
    }
    return file;
  });
}

void CreateNetns(const std::string& path) {
  OnThrowAwayThread([&] {
    if (!Descriptor(open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | kCarefully, 0444)).IsOpen()) Fail("open");
    const auto undo = [&](const char* syscall) {
      const Failure failure{errno, syscall};
      unlink(path.c_str());
      throw failure;
    };
    if (unshare(CLONE_NEWNET) != 0) undo("unshare");
    if (mount("/proc/thread-self/ns/net", path.c_str(), "none", MS_BIND, nullptr) != 0) undo("mount");
    return true;
  });
}

void DeleteNetns(const std::string& path) {
  {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | kCarefully));
    if (!file.IsOpen()) Fail("open");
    struct statfs system {};
    struct stat status {};
    if (fstatfs(file.Get(), &system) != 0) Fail("fstatfs");
    if (fstat(file.Get(), &status) != 0) Fail("fstat");
    // umount would detach any file system, so what is there is looked at first.
    const bool pinned = system.f_type == NSFS_MAGIC && ioctl(file.Get(), NS_GET_NSTYPE) == CLONE_NEWNET;
    // An empty file without a mount is what a process killed inside CreateNetns leaves.
    const bool remains = S_ISREG(status.st_mode) && status.st_size == 0 && system.f_type != NSFS_MAGIC &&
                         system.f_type != PROC_SUPER_MAGIC && system.f_type != SYSFS_MAGIC;
    if (!pinned && !remains) throw Failure{EINVAL, "umount2"};
    if (pinned && umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) Fail("umount2");
  }
  if (unlink(path.c_str()) != 0) Fail("unlink");
}

}  // namespace tsnet
