#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "inquiry.h"

namespace tsnet {

/** Runs inquiries, each on a thread of its own that ends with it, because it enters foreign namespaces. */
class Inquirer {
 public:
  /** `onResult(id, answers)` is called on the thread of the inquiry, as the last thing it does. */
  explicit Inquirer(std::function<void(uint64_t id, Answers answers)> onResult);
  Inquirer(const Inquirer&) = delete;
  Inquirer& operator=(const Inquirer&) = delete;
  ~Inquirer();

  /** Throws `Failure` when there can't be a thread. */
  void Start(uint64_t id, Inquiry inquiry);

  /** Takes leave of a thread whose result has come. */
  void Join(uint64_t id);

  /** Ends all threads; what is under way is never answered. */
  void Stop();

 private:
  const std::function<void(uint64_t id, Answers answers)> onResult_;
  /** The kernel answers most questions about links to one at a time: two that ask wait for each other at full speed. */
  std::mutex turn_;
  std::map<uint64_t, std::thread> threads_;
  std::atomic<bool> isStopping_{false};
};

}  // namespace tsnet
