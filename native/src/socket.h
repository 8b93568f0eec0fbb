#pragma once

#include <napi.h>

#include <cstdint>
#include <map>
#include <memory>

#include "addon.h"
#include "channel.h"

namespace tsnet {

/** What a new `Socket` takes over. */
struct Opened {
  Descriptor descriptor;
  int domain;
};

/** `NativeSocket` of src/kernel/native.ts. An idle one may be collected as garbage, which closes it. */
class Socket : public Napi::ObjectWrap<Socket> {
 public:
  static Napi::Function Define(Napi::Env env);

  /** Throws TypeError unless `openSocket` calls it. */
  explicit Socket(const Napi::CallbackInfo& info);
  ~Socket() override;

  Napi::Value Exchange(const Napi::CallbackInfo& info);
  void Listen(const Napi::CallbackInfo& info);
  void ListenInBatches(const Napi::CallbackInfo& info);
  Napi::Value Option(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  /**
   * Ends the thread; the environment is about to end. Node-API no longer settles promises then, nor frees what it
   * holds for them: 8 bytes for each pending exchange.
   */
  void Abandon();

 private:
  /**
   * What the tasks on their way to the event loop share with the socket. When such a task runs, the socket may be
   * closed or collected; then `owner` is null.
   */
  struct Link {
    Socket* owner;
  };

  ChannelEvents MakeEvents();
  void Settle(uint64_t id, ExchangeResult result);
  void Deliver(std::vector<uint8_t> datagram, int nsid);
  void Report(const Failure& failure, bool isFinal);
  void StopListening();
  void KeepCallbacks(const Napi::Function& onData, const Napi::Function& onError);
  void DropCallbacks();
  void HoldWhileBusy();

  napi_env env_;
  Addon* addon_;
  std::shared_ptr<Link> link_;
  std::unique_ptr<Channel> channel_;
  bool isNetlink_;
  bool canListen_;
  std::map<uint64_t, napi_deferred> pending_;
  uint64_t lastId_ = 0;
  napi_ref onData_ = nullptr;
  napi_ref onError_ = nullptr;
  bool isHeld_ = false;
};

}  // namespace tsnet
