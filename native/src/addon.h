#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "channel.h"
#include "inquirer.h"
#include "lock_waiter.h"
#include "loop.h"

namespace tsnet {

class Socket;
struct Opened;

/**
 * What one environment (the main thread or a worker) owns; there are no globals. Environments end at any moment:
 * `Shutdown` then stops every thread before the memory, and perhaps the code, of the addon goes away.
 */
class Addon {
 public:
  explicit Addon(Napi::Env env);
  Addon(const Addon&) = delete;
  Addon& operator=(const Addon&) = delete;

  Napi::Value OpenSocket(const Napi::CallbackInfo& info);
  Napi::Value Flock(const Napi::CallbackInfo& info);
  Napi::Value AskNamespaces(const Napi::CallbackInfo& info);

  /** Takes a channel whose thread is inside the kernel, and frees it when that has returned. */
  void Retire(std::unique_ptr<Channel> channel);

  /** Frees the retired channels whose threads have ended. */
  void Sweep();

  Loop& EventLoop() { return loop_; }

  /** The sockets that exist, so that `Shutdown` finds them. */
  std::set<Socket*> sockets;

  /** Handed from `openSocket` to the constructor of the next `Socket`; null whenever JavaScript calls it. */
  Opened* opened = nullptr;

 private:
  void Shutdown();
  Napi::Value Promise(uint64_t id);
  void Resolve(napi_env env, uint64_t id, napi_value value);
  void Reject(napi_env env, uint64_t id, const Failure& failure);
  void Settle(napi_env env, uint64_t id, const Failure& failure);
  void Deliver(napi_env env, uint64_t id, Answers answers);

  napi_env env_;
  Loop loop_;
  LockWaiter locks_;
  Inquirer inquirer_;
  Napi::FunctionReference socketClass_;
  std::map<uint64_t, napi_deferred> waiting_;
  uint64_t lastId_ = 0;
  std::vector<std::unique_ptr<Channel>> retired_;
};

}  // namespace tsnet
