#pragma once

#include <node_api.h>

#include <memory>
#include <utility>

namespace tsnet {

/**
 * The way from other threads to the event loop of one environment. Tasks run in the order they were posted.
 * All threads that post must have ended before `Close`.
 */
class Loop {
 public:
  explicit Loop(napi_env env);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /** Runs `work(napi_env)` on the event loop. From any thread. A task that never runs is destroyed. */
  template <typename Work>
  void Post(Work work) {
    Enqueue(std::make_unique<Holder<Work>>(std::move(work)));
  }

  /** Keeps the event loop alive until as many calls of `Release`. On the event loop only. */
  void Hold();
  void Release();

  /** Ends the way. On the event loop only. */
  void Close();

 private:
  struct Task {
    virtual ~Task() = default;
    virtual void Run(napi_env env) = 0;
  };

  template <typename Work>
  struct Holder final : Task {
    explicit Holder(Work held) : work(std::move(held)) {}
    void Run(napi_env env) override { work(env); }
    Work work;
  };

  void Enqueue(std::unique_ptr<Task> task);
  static void Run(napi_env env, napi_value callback, void* context, void* data);

  napi_env env_;
  napi_threadsafe_function function_ = nullptr;
  int holders_ = 0;
};

/**
 * Calls a JavaScript function. What it throws becomes an `uncaughtException`, as if a timer had thrown it: there is
 * no caller to tell, and swallowing it would hide a defect. Never throws.
 */
void CallBack(napi_env env, napi_value function, size_t count, const napi_value* values);

}  // namespace tsnet
