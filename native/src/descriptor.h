#pragma once

#include <unistd.h>

#include <utility>

namespace tsnet {

/** Owns a file descriptor and closes it at the end of its life. */
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  int Get() const { return number_; }
  bool IsOpen() const { return number_ >= 0; }

  /** Hands the descriptor over to the caller. */
  int Release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

}  // namespace tsnet
