#include "socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <utility>

#include "arguments.h"
#include "buffer.h"
#include "errors.h"
#include "framing.h"

namespace tsnet {

namespace {

constexpr int64_t kDefaultTimeout = 30'000;
constexpr uint32_t kMostGroups = 1024;
constexpr size_t kLongestOption = 64 << 10;
constexpr int64_t kLongestDelay = 10'000;

}  // namespace

Napi::Function Socket::Define(Napi::Env env) {
  return DefineClass(env, "NativeSocket",
                     {
                         InstanceMethod<&Socket::Exchange>("exchange"),
                         InstanceMethod<&Socket::Listen>("listen"),
                         InstanceMethod<&Socket::ListenInBatches>("listenInBatches"),
                         InstanceMethod<&Socket::Option>("option"),
                         InstanceMethod<&Socket::Close>("close"),
                     });
}

Socket::Socket(const Napi::CallbackInfo& info)
    : ObjectWrap(info), env_(info.Env()), addon_(info.Env().GetInstanceData<Addon>()), link_(new Link{this}) {
  Opened* opened = std::exchange(addon_->opened, nullptr);
  if (opened == nullptr) throw Napi::TypeError::New(info.Env(), "a socket is made by openSocket");
  isNetlink_ = opened->domain == AF_NETLINK;
  canListen_ = isNetlink_ || opened->domain == AF_PACKET;
  channel_ = WithErrors(info.Env(), [&] {
    return std::make_unique<Channel>(std::move(opened->descriptor), isNetlink_, MakeEvents());
  });
  addon_->sockets.insert(this);
}

ChannelEvents Socket::MakeEvents() {
  Addon* const addon = addon_;
  Loop& loop = addon->EventLoop();
  ChannelEvents events;
  events.onResult = [&loop, link = link_](uint64_t id, ExchangeResult result) {
    loop.Post([link, id, result = std::move(result)](napi_env) mutable {
      if (link->owner != nullptr) link->owner->Settle(id, std::move(result));
    });
  };
  events.onDatagram = [&loop, link = link_](std::vector<uint8_t> datagram, int nsid) {
    loop.Post([link, datagram = std::move(datagram), nsid](napi_env) mutable {
      if (link->owner != nullptr) link->owner->Deliver(std::move(datagram), nsid);
    });
  };
  events.onFailure = [&loop, link = link_](Failure failure, bool isFinal) {
    loop.Post([link, failure, isFinal](napi_env) {
      if (link->owner != nullptr) link->owner->Report(failure, isFinal);
    });
  };
  events.onEnd = [&loop, addon] { loop.Post([addon](napi_env) { addon->Sweep(); }); };
  return events;
}

Socket::~Socket() {
  link_->owner = nullptr;
  if (addon_ != nullptr) addon_->sockets.erase(this);
}

Napi::Value Socket::Exchange(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Object options = ReadObject(info[1], "options");
  ExchangeRequest request;
  request.lastSequence =
      static_cast<uint32_t>(ReadInteger(options.Get("lastSequence"), "lastSequence", 0, UINT32_MAX));
  request.untilError = ReadChoice(options.Get("until"), "until", {"last", "last-or-error"}) == 1;
  const Napi::Value timeout = options.Get("timeoutMs");
  request.timeout = std::chrono::milliseconds(
      timeout.IsUndefined() ? kDefaultTimeout : ReadInteger(timeout, "timeoutMs", 0, INT32_MAX));
  // Last, because getters of the options could have changed the memory.
  request.bytes = ReadBytes(info[0], "request", sizeof(nlmsghdr), kLongestRequest);
  if (CountMessages(request.bytes.data(), request.bytes.size()) == 0) {
    // The kernel would stop at the flaw without a word, and the caller would wait for an answer in vain.
    throw Napi::RangeError::New(env, "request must consist of whole netlink messages");
  }
  napi_deferred deferred;
  napi_value promise;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) throw Napi::Error::New(env);
  try {
    if (channel_ == nullptr) throw Failure{EBADF, "exchange"};
    if (!isNetlink_) throw Failure{EOPNOTSUPP, "exchange"};
    request.id = ++lastId_;
    channel_->Submit(std::move(request));
    pending_.emplace(lastId_, deferred);
    HoldWhileBusy();
  } catch (const Failure& failure) {
    napi_reject_deferred(env, deferred, MakeError(env, failure));
  }
  return Napi::Value(env, promise);
}

void Socket::Listen(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArray()) throw Napi::TypeError::New(env, "groups must be an array");
  const auto given = info[0].As<Napi::Array>();
  const uint32_t count = given.Length();
  if (count > kMostGroups) throw Napi::RangeError::New(env, "groups must be at most 1024");
  std::vector<uint32_t> groups;
  for (uint32_t index = 0; index < count; index++) {
    groups.push_back(static_cast<uint32_t>(ReadInteger(given.Get(index), "group", 1, INT32_MAX)));
  }
  const auto onData = ReadFunction(info[1], "onData");
  const auto onError = ReadFunction(info[2], "onError");
  const std::chrono::milliseconds delay{info[3].IsUndefined() ? 0 : ReadInteger(info[3], "delayMs", 0, kLongestDelay)};
  WithErrors(env, [&] {
    if (channel_ == nullptr) throw Failure{EBADF, "listen"};
    if (!canListen_ || (!isNetlink_ && !groups.empty())) throw Failure{EOPNOTSUPP, "listen"};
    if (onData_ != nullptr) throw Failure{EALREADY, "listen"};
    channel_->Listen(groups, delay);
  });
  KeepCallbacks(onData, onError);
}

void Socket::ListenInBatches(const Napi::CallbackInfo& info) {
  const auto onBatch = ReadFunction(info[0], "onBatch");
  const auto onError = ReadFunction(info[1], "onError");
  WithErrors(info.Env(), [&] {
    if (channel_ == nullptr) throw Failure{EBADF, "listenInBatches"};
    if (isNetlink_ || !canListen_) throw Failure{EOPNOTSUPP, "listenInBatches"};
    if (onData_ != nullptr) throw Failure{EALREADY, "listenInBatches"};
    channel_->ListenInBatches();
  });
  KeepCallbacks(onBatch, onError);
}

Napi::Value Socket::Option(const Napi::CallbackInfo& info) {
  const int level = static_cast<int>(ReadInteger(info[0], "level", INT32_MIN, INT32_MAX));
  const int name = static_cast<int>(ReadInteger(info[1], "name", INT32_MIN, INT32_MAX));
  const auto size = static_cast<size_t>(ReadInteger(info[2], "size", 0, kLongestOption));
  const std::vector<uint8_t> value = WithErrors(info.Env(), [&] {
    if (channel_ == nullptr) throw Failure{EBADF, "getsockopt"};
    return channel_->Option(level, name, size);
  });
  return Napi::Buffer<uint8_t>::Copy(info.Env(), value.data(), value.size());
}

void Socket::KeepCallbacks(const Napi::Function& onData, const Napi::Function& onError) {
  if (napi_create_reference(env_, onData, 1, &onData_) != napi_ok ||
      napi_create_reference(env_, onError, 1, &onError_) != napi_ok) {
    throw Napi::Error::New(env_);
  }
  HoldWhileBusy();
}

void Socket::Close(const Napi::CallbackInfo&) {
  if (channel_ == nullptr) return;
  // Tasks on their way find nobody from now on.
  std::exchange(link_, std::make_shared<Link>(Link{this}))->owner = nullptr;
  // An idle thread ends at once, so that the descriptor is closed when this returns. One that may be inside the
  // kernel is not waited for.
  if (pending_.empty()) {
    channel_.reset();
  } else {
    addon_->Retire(std::move(channel_));
  }
  for (const auto& [id, deferred] : std::exchange(pending_, {})) {
    napi_reject_deferred(env_, deferred, MakeError(env_, {ECANCELED, "exchange"}));
  }
  StopListening();
}

void Socket::Abandon() {
  link_->owner = nullptr;
  channel_.reset();
  // This object may outlive it.
  addon_ = nullptr;
  DropCallbacks();
}

void Socket::Settle(uint64_t id, ExchangeResult result) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  const napi_deferred deferred = found->second;
  pending_.erase(found);
  HoldWhileBusy();
  if (result.failure.number != 0) {
    napi_reject_deferred(env_, deferred, MakeError(env_, result.failure));
  } else {
    napi_resolve_deferred(env_, deferred, MakeBuffer(env_, std::move(result.bytes)));
  }
}

void Socket::Deliver(std::vector<uint8_t> datagram, int nsid) {
  channel_->Consumed(datagram.size());
  napi_value values[2];
  napi_value onData;
  if (onData_ == nullptr || napi_get_reference_value(env_, onData_, &onData) != napi_ok) return;
  values[0] = MakeBuffer(env_, std::move(datagram));
  if (values[0] == nullptr || napi_create_int32(env_, nsid, &values[1]) != napi_ok) return;
  CallBack(env_, onData, 2, values);
}

void Socket::Report(const Failure& failure, bool isFinal) {
  napi_value onError;
  if (onError_ == nullptr || napi_get_reference_value(env_, onError_, &onError) != napi_ok) return;
  if (isFinal) StopListening();
  const napi_value error = MakeError(env_, failure);
  if (error != nullptr) CallBack(env_, onError, 1, &error);
}

void Socket::StopListening() {
  DropCallbacks();
  HoldWhileBusy();
}

void Socket::DropCallbacks() {
  for (napi_ref* reference : {&onData_, &onError_}) {
    if (*reference != nullptr) napi_delete_reference(env_, std::exchange(*reference, nullptr));
  }
}

void Socket::HoldWhileBusy() {
  const bool isBusy = !pending_.empty() || onData_ != nullptr;
  if (isBusy == std::exchange(isHeld_, isBusy) || addon_ == nullptr) return;
  if (isBusy) {
    Ref();
    addon_->EventLoop().Hold();
  } else {
    Unref();
    addon_->EventLoop().Release();
  }
}

}  // namespace tsnet
