#include "loop.h"

#include <napi.h>

namespace tsnet {

Loop::Loop(napi_env env) : env_(env) {
  napi_value name;
  if (napi_create_string_utf8(env, "tsnet", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, Run,
                                      &function_) != napi_ok) {
    throw Napi::Error::New(env, "the event loop takes no further function");
  }
  napi_unref_threadsafe_function(env, function_);
}

void Loop::Enqueue(std::unique_ptr<Task> task) {
  if (napi_call_threadsafe_function(function_, task.get(), napi_tsfn_nonblocking) == napi_ok) {
    static_cast<void>(task.release());
  }
}

void Loop::Run(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Task> task(static_cast<Task*>(data));
  // Without an environment the task is only to be destroyed.
  if (env != nullptr) task->Run(env);
}

void Loop::Hold() {
  if (function_ != nullptr && holders_++ == 0) napi_ref_threadsafe_function(env_, function_);
}

void Loop::Release() {
  if (function_ != nullptr && --holders_ == 0) napi_unref_threadsafe_function(env_, function_);
}

void Loop::Close() {
  napi_release_threadsafe_function(std::exchange(function_, nullptr), napi_tsfn_release);
}

void CallBack(napi_env env, napi_value function, size_t count, const napi_value* values) {
  napi_value self;
  if (napi_get_undefined(env, &self) != napi_ok) return;
  if (napi_call_function(env, self, function, count, values, nullptr) != napi_pending_exception) return;
  napi_value thrown;
  // In a worker that is being terminated there is nothing to clear and nobody to tell.
  if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
}

}  // namespace tsnet
