#include "channel.h"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "framing.h"
#include "thread.h"

namespace tsnet {

namespace {

/**
 * Larger than any datagram: a netlink reply is at most a copy of a request with a header. Only the pages that a
 * datagram touches exist, so there is no need to ask for its size first.
 */
constexpr size_t kBufferSize = kLongestRequest + (1 << 20);

/** After a datagram of more than this the pages are given back. */
constexpr size_t kKeptPages = 1 << 20;

/** Above this backlog reading pauses: the kernel's buffer fills, and it reports ENOBUFS or counts drops. */
constexpr size_t kMostBacklog = 8 << 20;

/** Datagrams read before exchanges get their turn. */
constexpr int kReadsPerTurn = 64;

/** A batch that is as long is handed over, even if more could be read. */
constexpr size_t kBatchSize = 256 << 10;

/** What SO_RCVBUFFORCE was set to at the opening of a netlink socket, and the most it is raised to. */
constexpr size_t kInitialRoom = 4 << 20;
constexpr size_t kMostRoom = 64 << 20;

/** Kernel memory of one reply to one message, such as RTM_NEWLINK with statistics; acknowledgements need 1 KiB. */
constexpr size_t kRoomPerMessage = 4 << 10;

}  // namespace

Channel::Channel(Descriptor socket, bool isNetlink, ChannelEvents events)
    : socket_(std::move(socket)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      isNetlink_(isNetlink),
      events_(std::move(events)),
      receiveRoom_(kInitialRoom) {
  if (!wake_.IsOpen()) Fail("eventfd");
}

Channel::~Channel() {
  Stop();
  if (thread_.joinable()) thread_.join();
  if (buffer_ != nullptr) munmap(buffer_, kBufferSize);
}

void Channel::Submit(ExchangeRequest request) {
  EnsureThread();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(std::move(request));
  }
  Wake();
}

void Channel::Listen(const std::vector<uint32_t>& groups, std::chrono::milliseconds delay) {
  if (isNetlink_) {
    const int on = 1;
    // The group of a datagram tells it from a reply.
    if (setsockopt(socket_.Get(), SOL_NETLINK, NETLINK_PKTINFO, &on, sizeof on) != 0) Fail("setsockopt");
    // Needs CAP_NET_BROADCAST; without it the events of the own namespace still come.
    setsockopt(socket_.Get(), SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on);
  }
  EnsureThread();
  for (size_t joined = 0; joined < groups.size(); joined++) {
    if (setsockopt(socket_.Get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[joined], sizeof(uint32_t)) == 0) {
      continue;
    }
    const Failure failure{errno, "setsockopt"};
    while (joined-- > 0) {
      setsockopt(socket_.Get(), SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &groups[joined], sizeof(uint32_t));
    }
    throw failure;
  }
  onlyGroups_ = !groups.empty();
  delay_ = delay;
  isListening_ = true;
  Wake();
}

void Channel::ListenInBatches() {
  EnsureThread();
  inBatches_ = true;
  isListening_ = true;
  Wake();
}

std::vector<uint8_t> Channel::Option(int level, int name, size_t size) const {
  std::vector<uint8_t> value(size);
  auto length = static_cast<socklen_t>(size);
  if (getsockopt(socket_.Get(), level, name, value.data(), &length) != 0) Fail("getsockopt");
  value.resize(std::min<size_t>(size, length));
  return value;
}

void Channel::Consumed(size_t bytes) {
  const size_t before = backlog_.fetch_sub(bytes);
  if (before >= kMostBacklog && before - bytes < kMostBacklog) Wake();
}

void Channel::Stop() {
  isStopping_ = true;
  Wake();
}

void Channel::EnsureThread() {
  if (thread_.joinable()) return;
  if (buffer_ == nullptr) {
    void* memory =
        mmap(nullptr, kBufferSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) Fail("mmap");
    buffer_ = static_cast<uint8_t*>(memory);
  }
  thread_ = StartThread([this] { Run(); });
}

void Channel::Wake() { eventfd_write(wake_.Get(), 1); }

void Channel::Run() {
  while (!isStopping_) {
    ExchangeRequest request;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!queue_.empty()) {
        request = std::move(queue_.front());
        queue_.pop_front();
      }
    }
    if (request.id != 0) {
      events_.onResult(request.id, Exchange(request));
    } else {
      WaitForWork();
    }
  }
  hasEnded_ = true;
  events_.onEnd();
}

void Channel::WaitForWork() {
  const bool reads = isListening_ && backlog_ < kMostBacklog;
  pollfd ready[] = {{wake_.Get(), POLLIN, 0}, {socket_.Get(), POLLIN, 0}};
  if (poll(ready, reads ? 2 : 1, -1) < 0) return;
  eventfd_t count;
  if (ready[0].revents != 0) eventfd_read(wake_.Get(), &count);
  if (!reads || ready[1].revents == 0 || !WaitForMore()) return;
  if (inBatches_) {
    ReadBatch();
  } else {
    ReadDatagrams();
  }
}

/** Lets datagrams gather, so that the event loop is woken once for many. False when there is something else to do. */
bool Channel::WaitForMore() {
  const auto delay = static_cast<int>(delay_.load().count());
  if (delay == 0) return true;
  pollfd woken{wake_.Get(), POLLIN, 0};
  return poll(&woken, 1, delay) == 0;
}

/** Reads all that is there before any of it is handed over: the event loop is then woken once, not for each. */
void Channel::ReadDatagrams() {
  std::vector<Event> read;
  size_t size = 0;
  int error = 0;
  for (int turn = 0; turn < kReadsPerTurn && backlog_ + size < kMostBacklog; turn++) {
    Datagram datagram;
    error = Receive(datagram);
    if (error != 0) break;
    if (!IsEvent(datagram)) continue;
    size += datagram.size;
    read.push_back(EventOf(datagram));
  }
  for (Event& event : read) HandOver(std::move(event));
  if (error != 0 && error != EAGAIN) ReportFailure(error);
}

void Channel::ReportFailure(int error) {
  // An overrun, and an interface that went down, are told once and reading goes on. Anything else would be told
  // at every attempt.
  const bool isFinal = error != ENOBUFS && error != ENETDOWN;
  if (isFinal) isListening_ = false;
  events_.onFailure({error, "recvmsg"}, isFinal);
}

void Channel::ReadBatch() {
  std::vector<uint8_t> batch;
  int error = 0;
  while (batch.size() < kBatchSize) {
    Datagram datagram;
    error = Receive(datagram);
    if (error != 0) break;
    const uint32_t lengths[] = {static_cast<uint32_t>(datagram.addressSize),
                                static_cast<uint32_t>(datagram.controlSize), static_cast<uint32_t>(datagram.size)};
    const auto append = [&batch](const void* data, size_t size) {
      const auto* bytes = static_cast<const uint8_t*>(data);
      batch.insert(batch.end(), bytes, bytes + size);
    };
    append(lengths, sizeof lengths);
    append(&address_, datagram.addressSize);
    append(control_, datagram.controlSize);
    append(datagram.data, datagram.size);
  }
  if (!batch.empty()) {
    backlog_ += batch.size();
    events_.onDatagram(std::move(batch), -1);
  }
  if (error != 0 && error != EAGAIN) ReportFailure(error);
}

bool Channel::IsEvent(const Datagram& datagram) const {
  return isListening_ && !(onlyGroups_ && datagram.group == 0);
}

Channel::Event Channel::EventOf(const Datagram& datagram) {
  return {{datagram.data, datagram.data + datagram.size}, datagram.nsid};
}

void Channel::HandOver(Event event) {
  backlog_ += event.bytes.size();
  events_.onDatagram(std::move(event.bytes), event.nsid);
}

ExchangeResult Channel::Exchange(const ExchangeRequest& request) {
  ExchangeResult result;
  try {
    if (hasLeftovers_) DropReplies();
    PrepareBuffers(request);
    Send(request.bytes);
    hasLeftovers_ = true;
    Collect(request, result.bytes);
    hasLeftovers_ = false;
  } catch (const Failure& failure) {
    result = {{}, failure};
  } catch (const std::bad_alloc&) {
    result = {{}, {ENOMEM, "recvmsg"}};
  }
  return result;
}

void Channel::PrepareBuffers(const ExchangeRequest& request) {
  // All replies to one datagram are queued before sendmsg returns, so there must be room for them at once.
  const size_t count = CountMessages(request.bytes.data(), request.bytes.size());
  const size_t room = std::min(count * kRoomPerMessage, kMostRoom);
  if (room <= receiveRoom_) return;
  const int value = static_cast<int>(room);
  setsockopt(socket_.Get(), SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof value);
  receiveRoom_ = room;
}

void Channel::Send(const std::vector<uint8_t>& bytes) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  for (bool isEnlarged = false;;) {
    const ssize_t sent = sendto(socket_.Get(), bytes.data(), bytes.size(), 0,
                                reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    if (sent >= 0) return;
    if (errno == EINTR) continue;
    if (errno != EMSGSIZE || isEnlarged) Fail("sendmsg");
    const int size = static_cast<int>(bytes.size());
    if (setsockopt(socket_.Get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0) {
      throw Failure{EMSGSIZE, "sendmsg"};
    }
    isEnlarged = true;
  }
}

void Channel::Collect(const ExchangeRequest& request, std::vector<uint8_t>& replies) {
  const Completion completion{FirstSequence(request.bytes.data()), request.lastSequence, request.untilError};
  auto deadline = std::chrono::steady_clock::now() + request.timeout;
  bool isRefused = false;
  for (;;) {
    if (isStopping_) throw Failure{ECANCELED, "exchange"};
    Datagram datagram;
    const int error = Receive(datagram);
    if (error == EAGAIN) {
      if (isRefused) return;
      WaitForReply(deadline);
      continue;
    }
    if (error != 0) {
      // The overrun concerns the events just as much.
      if (isListening_) events_.onFailure({error, "recvmsg"}, false);
      throw Failure{error, "recvmsg"};
    }
    if (datagram.group != 0) {
      if (IsEvent(datagram)) HandOver(EventOf(datagram));
      continue;
    }
    // Another process may send to this port, and a reply to an earlier exchange may be late.
    if (datagram.sender != 0 || completion.IsStale(datagram.data, datagram.size)) continue;
    replies.insert(replies.end(), datagram.data, datagram.data + datagram.size);
    deadline = std::chrono::steady_clock::now() + request.timeout;
    switch (completion.Judge(datagram.data, datagram.size)) {
      case Progress::kComplete:
        return;
      case Progress::kRefused:
        // The other errors of the batch are already queued: sendmsg returned after the last of them.
        isRefused = true;
        break;
      case Progress::kMore:
        break;
    }
  }
}

void Channel::WaitForReply(std::chrono::steady_clock::time_point deadline) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  if (left <= 0) throw Failure{ETIMEDOUT, "recvmsg"};
  pollfd ready[] = {{wake_.Get(), POLLIN, 0}, {socket_.Get(), POLLIN, 0}};
  if (poll(ready, 2, static_cast<int>(std::min<int64_t>(left, INT32_MAX))) < 0 && errno != EINTR) Fail("poll");
  eventfd_t count;
  if (ready[0].revents != 0) eventfd_read(wake_.Get(), &count);
}

void Channel::DropReplies() {
  // Reading is also what carries an abandoned dump to its end; until then a further dump fails with EBUSY.
  for (Datagram datagram; !isStopping_;) {
    const int error = Receive(datagram);
    if (error == EAGAIN) break;
    if (error == 0 && datagram.group != 0 && IsEvent(datagram)) HandOver(EventOf(datagram));
    if (error != 0 && error != ENOBUFS) throw Failure{error, "recvmsg"};
  }
  hasLeftovers_ = false;
}

/** Reads one datagram without waiting. Gives an errno or 0; the datagram lives until the next call. */
int Channel::Receive(Datagram& datagram) {
  iovec memory{buffer_, kBufferSize};
  msghdr message{};
  message.msg_name = &address_;
  message.msg_namelen = sizeof address_;
  message.msg_iov = &memory;
  message.msg_iovlen = 1;
  message.msg_control = control_;
  message.msg_controllen = sizeof control_;
  if (lastSize_ > kKeptPages) madvise(buffer_, kBufferSize, MADV_DONTNEED);
  lastSize_ = 0;
  ssize_t size;
  do {
    size = recvmsg(socket_.Get(), &message, MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno;
  if ((message.msg_flags & MSG_TRUNC) != 0) return EMSGSIZE;
  lastSize_ = static_cast<size_t>(size);
  sockaddr_nl sender{};
  if (isNetlink_ && message.msg_namelen >= sizeof sender) std::memcpy(&sender, &address_, sizeof sender);
  datagram = {buffer_, lastSize_, sender.nl_pid, 0, -1, message.msg_namelen, message.msg_controllen};
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_NETLINK) continue;
    if (header->cmsg_type == NETLINK_PKTINFO) {
      nl_pktinfo info;
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      datagram.group = info.group;
    } else if (header->cmsg_type == NETLINK_LISTEN_ALL_NSID) {
      std::memcpy(&datagram.nsid, CMSG_DATA(header), sizeof datagram.nsid);
    }
  }
  return 0;
}

}  // namespace tsnet
