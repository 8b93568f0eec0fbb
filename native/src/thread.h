#pragma once

#include <csignal>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "errors.h"

namespace tsnet {

/**
 * Starts a thread that receives no signals: they belong to the threads of Node.js.
 * Throws a `Failure` when there can't be another thread.
 */
template <typename Work>
std::thread StartThread(Work&& work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // A new thread inherits the mask of its creator.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::forward<Work>(work));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (const std::system_error& error) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw Failure{error.code().value(), "pthread_create"};
  }
}

/**
 * Runs `work` on a thread made for it alone and waits for its end. What the work does to its thread, such as
 * entering a namespace, ends with the thread; there is nothing to restore and so nothing that can fail half-way.
 */
template <typename Work>
auto OnThrowAwayThread(Work&& work) {
  decltype(work()) result{};
  std::exception_ptr thrown;
  StartThread([&] {
    try {
      result = work();
    } catch (...) {
      thrown = std::current_exception();
    }
  }).join();
  if (thrown) std::rethrow_exception(thrown);
  return result;
}

}  // namespace tsnet
