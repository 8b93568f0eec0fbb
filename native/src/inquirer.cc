#include "inquirer.h"

#include <utility>

#include "thread.h"

namespace tsnet {

Inquirer::Inquirer(std::function<void(uint64_t id, Answers answers)> onResult) : onResult_(std::move(onResult)) {}

Inquirer::~Inquirer() { Stop(); }

void Inquirer::Start(uint64_t id, Inquiry inquiry) {
  threads_.emplace(id, StartThread([this, id, inquiry = std::move(inquiry)] {
                     const std::lock_guard<std::mutex> turn(turn_);
                     onResult_(id, Ask(inquiry, isStopping_));
                   }));
}

void Inquirer::Join(uint64_t id) {
  const auto found = threads_.find(id);
  if (found == threads_.end()) return;
  found->second.join();
  threads_.erase(found);
}

void Inquirer::Stop() {
  isStopping_ = true;
  for (auto& [id, thread] : threads_) thread.join();
  threads_.clear();
}

}  // namespace tsnet
