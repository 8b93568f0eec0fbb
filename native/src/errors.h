#pragma once

#include <napi.h>

#include <utility>

namespace tsnet {

/** A failed system call. Thrown by the parts that know nothing of JavaScript; `number` is an errno. */
struct Failure {
  int number = 0;
  const char* syscall = "";
};

/** Throws a `Failure` with the present `errno`. */
[[noreturn]] void Fail(const char* syscall);

/**
 * An Error object as `NativeError` in src/kernel/native.ts describes it: `errno`, `code`, `syscall`.
 * Never throws and leaves no exception pending; null when the environment can't make objects any more.
 */
napi_value MakeError(napi_env env, const Failure& failure);

/** Runs `work` and turns a `Failure` into a JavaScript exception. */
template <typename Work>
auto WithErrors(Napi::Env env, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const Failure& failure) {
    throw Napi::Error(env, MakeError(env, failure));
  }
}

}  // namespace tsnet
