#include "lock_waiter.h"

#include <sys/file.h>

#include <algorithm>
#include <cerrno>

#include "thread.h"

namespace tsnet {

namespace {

/** Short beside the milliseconds for which a holder works with the kernel, long beside the cost of an attempt. */
constexpr std::chrono::milliseconds kInterval{4};

}  // namespace

LockWaiter::LockWaiter(std::function<void(uint64_t id, Failure failure)> onResult)
    : onResult_(std::move(onResult)) {}

LockWaiter::~LockWaiter() { Stop(); }

void LockWaiter::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    isStopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LockWaiter::Wait(uint64_t id, Descriptor duplicate, int operation, std::chrono::milliseconds timeout) {
  if (!thread_.joinable()) thread_ = StartThread([this] { Run(); });
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back({id, std::move(duplicate), operation, std::chrono::steady_clock::now() + timeout});
  }
  changed_.notify_all();
}

void LockWaiter::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!isStopping_) {
    waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(),
                                  [this](const Waiting& waiting) { return IsSettled(waiting); }),
                   waiting_.end());
    if (waiting_.empty()) {
      changed_.wait(lock, [this] { return isStopping_ || !waiting_.empty(); });
    } else {
      changed_.wait_for(lock, kInterval, [this] { return isStopping_; });
    }
  }
}

bool LockWaiter::IsSettled(const Waiting& waiting) {
  Failure failure;
  if (flock(waiting.file.Get(), waiting.operation | LOCK_NB) != 0) {
    const bool isHeld = errno == EWOULDBLOCK || errno == EINTR;
    if (isHeld && std::chrono::steady_clock::now() < waiting.deadline) return false;
    failure = {isHeld ? ETIMEDOUT : errno, "flock"};
  }
  onResult_(waiting.id, failure);
  return true;
}

}  // namespace tsnet
