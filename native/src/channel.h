#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "descriptor.h"
#include "errors.h"

namespace tsnet {

/** The longest request. Its acknowledgement may hold a copy of it. */
constexpr size_t kLongestRequest = 16 << 20;

/** One request and when its replies are complete; see `ExchangeOptions` in src/kernel/native.ts. */
struct ExchangeRequest {
  uint64_t id = 0;
  std::vector<uint8_t> bytes;
  uint32_t lastSequence = 0;
  bool untilError = false;
  std::chrono::milliseconds timeout{0};
};

/** All replies as they came, or why there are none: `failure.number` is 0 after a success. */
struct ExchangeResult {
  std::vector<uint8_t> bytes;
  Failure failure;
};

/** What a channel reports, always from its own thread. */
struct ChannelEvents {
  std::function<void(uint64_t id, ExchangeResult result)> onResult;
  /** A datagram that is no reply, with its namespace id or −1. */
  std::function<void(std::vector<uint8_t> datagram, int nsid)> onDatagram;
  /** Reading failed; `isFinal` when no further datagrams will be read. */
  std::function<void(Failure failure, bool isFinal)> onFailure;
  /** The thread has nothing left to do but to end; `HasEnded` is true from now on. */
  std::function<void()> onEnd;
};

/**
 * A socket and the thread that works with it. rtnetlink and nfnetlink do their work inside sendmsg, where they
 * wait for locks and grace periods, so neither the event loop nor the pool of libuv may send.
 */
class Channel {
 public:
  Channel(Descriptor socket, bool isNetlink, ChannelEvents events);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  /** Waits for the thread, which may be inside sendmsg until the kernel has done its work. */
  ~Channel();

  /** Queues an exchange. Throws `Failure` when there can't be a thread. */
  void Submit(ExchangeRequest request);

  /**
   * Joins multicast groups of netlink and starts to read datagrams. With groups, only what was sent to a group is
   * handed over; without, everything that is no reply. What comes within `delay` of the first is read with it. Throws
   * `Failure`.
   */
  void Listen(const std::vector<uint32_t>& groups, std::chrono::milliseconds delay);

  /**
   * Starts to read datagrams of a packet socket, many at a time. What `onDatagram` then gets is a sequence of records:
   * the lengths of address, control messages and data in 4 bytes each, then these three. Throws `Failure`.
   */
  void ListenInBatches();

  /** A socket option, as getsockopt(2) gives it, at most `size` bytes of it. Throws `Failure`. */
  std::vector<uint8_t> Option(int level, int name, size_t size) const;

  /** Says that so many bytes handed over by `onDatagram` were consumed. */
  void Consumed(size_t bytes);

  /** Asks the thread to end. Does not wait. */
  void Stop();

  /** Whether the thread has left the kernel for good, so that the destructor does not wait for it. */
  bool HasEnded() const { return hasEnded_; }

 private:
  struct Datagram {
    const uint8_t* data;
    size_t size;
    /** The sender's netlink port; the kernel's is 0. */
    uint32_t sender;
    /** The multicast group it was sent to; 0 means that it was sent to this socket alone. */
    uint32_t group;
    int nsid;
    /** Lengths of what lies in `address_` and `control_`. */
    size_t addressSize;
    size_t controlSize;
  };

  /** What is kept of a datagram that somebody listens for. */
  struct Event {
    std::vector<uint8_t> bytes;
    int nsid;
  };

  void EnsureThread();
  void Wake();
  void Run();
  void WaitForWork();
  bool WaitForMore();
  void ReadDatagrams();
  void ReadBatch();
  void ReportFailure(int error);
  /** Whether somebody listens for it; a reply that comes late is none. */
  bool IsEvent(const Datagram& datagram) const;
  static Event EventOf(const Datagram& datagram);
  void HandOver(Event event);

  ExchangeResult Exchange(const ExchangeRequest& request);
  void PrepareBuffers(const ExchangeRequest& request);
  void Send(const std::vector<uint8_t>& bytes);
  void Collect(const ExchangeRequest& request, std::vector<uint8_t>& replies);
  void WaitForReply(std::chrono::steady_clock::time_point deadline);
  void DropReplies();
  int Receive(Datagram& datagram);

  const Descriptor socket_;
  const Descriptor wake_;
  const bool isNetlink_;
  const ChannelEvents events_;

  std::mutex mutex_;
  std::deque<ExchangeRequest> queue_;
  std::thread thread_;
  std::atomic<bool> isStopping_{false};
  std::atomic<bool> hasEnded_{false};
  std::atomic<bool> isListening_{false};
  std::atomic<bool> onlyGroups_{false};
  std::atomic<bool> inBatches_{false};
  std::atomic<std::chrono::milliseconds> delay_{std::chrono::milliseconds{0}};
  /** Bytes handed over and not yet consumed. */
  std::atomic<size_t> backlog_{0};

  // Of the thread alone:
  uint8_t* buffer_ = nullptr;
  sockaddr_storage address_{};
  alignas(cmsghdr) char control_[256];
  size_t lastSize_ = 0;
  /** Replies of a failed exchange may still arrive, or a dump may still be running. */
  bool hasLeftovers_ = false;
  size_t receiveRoom_;
};

}  // namespace tsnet
