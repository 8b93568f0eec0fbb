#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "descriptor.h"
#include "errors.h"

namespace tsnet {

/**
 * Waits for flock(2) locks that others hold, on one thread for all of them. It asks again and again rather than
 * block in the kernel, so that no holder can keep the thread, and with it the process, from ending.
 */
class LockWaiter {
 public:
  /** `onResult(id, failure)` is called on the waiter's thread; `failure.number` is 0 after a success. */
  explicit LockWaiter(std::function<void(uint64_t id, Failure failure)> onResult);
  LockWaiter(const LockWaiter&) = delete;
  LockWaiter& operator=(const LockWaiter&) = delete;
  ~LockWaiter();

  /** Ends the thread; what still waits is never answered. */
  void Stop();

  /**
   * Waits for a lock. The descriptor is a duplicate, so that the caller may close his meanwhile; a lock belongs to
   * the open file, not to the descriptor. Throws `Failure`.
   */
  void Wait(uint64_t id, Descriptor duplicate, int operation, std::chrono::milliseconds timeout);

 private:
  struct Waiting {
    uint64_t id;
    Descriptor file;
    int operation;
    std::chrono::steady_clock::time_point deadline;
  };

  void Run();
  bool IsSettled(const Waiting& waiting);

  const std::function<void(uint64_t id, Failure failure)> onResult_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiting> waiting_;
  bool isStopping_ = false;
  std::thread thread_;
};

}  // namespace tsnet
