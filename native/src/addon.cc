#include "addon.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "arguments.h"
#include "errors.h"
#include "netns.h"
#include "socket.h"

namespace tsnet {

namespace {

constexpr uint32_t kMostOptions = 64;

/** BPF_MAXINSNS instructions of 8 bytes. Source: `linux/bpf_common.h`. */
constexpr size_t kLongestFilter = 4096 * 8;
constexpr size_t kLongestAddress = sizeof(sockaddr_storage);

int ReadInt(const Napi::Value& value, const char* name) {
  return static_cast<int>(ReadInteger(value, name, INT32_MIN, INT32_MAX));
}

/** `[level, name, value]` triples; a value may be written as an unsigned number, too. */
std::vector<SocketOption> ReadOptions(const Napi::Value& value) {
  std::vector<SocketOption> options;
  if (value.IsUndefined()) return options;
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), "options must be an array");
  const auto given = value.As<Napi::Array>();
  const uint32_t count = given.Length();
  if (count > kMostOptions) throw Napi::RangeError::New(value.Env(), "options must be at most 64");
  for (uint32_t index = 0; index < count; index++) {
    const Napi::Object option = ReadObject(given.Get(index), "option");
    const int level = ReadInt(option.Get(0U), "option level");
    const int name = ReadInt(option.Get(1U), "option name");
    const int64_t number = ReadInteger(option.Get(2U), "option value", INT32_MIN, UINT32_MAX);
    options.push_back({level, name, static_cast<int>(number)});
  }
  return options;
}

/** Reads what `openSocket` and `openDescriptor` take. Byte arrays last, because getters could change their memory. */
SocketRequest ReadSocketRequest(const Napi::Object& given) {
  SocketRequest request;
  const Napi::Value netns = given.Get("netns");
  if (!netns.IsUndefined()) request.netns = ReadPath(netns, "netns");
  request.domain = ReadInt(given.Get("domain"), "domain");
  request.type = ReadInt(given.Get("type"), "type");
  request.protocol = ReadInt(given.Get("protocol"), "protocol");
  request.options = ReadOptions(given.Get("options"));
  const Napi::Value filter = given.Get("filter");
  const Napi::Value address = given.Get("address");
  if (!filter.IsUndefined()) {
    request.filter = ReadBytes(filter, "filter", 8, kLongestFilter);
    if (request.filter.size() % 8 != 0) {
      throw Napi::RangeError::New(given.Env(), "filter must consist of whole instructions of 8 bytes");
    }
  }
  if (!address.IsUndefined()) request.address = ReadBytes(address, "address", 2, kLongestAddress);
  return request;
}

Napi::Value OpenDescriptor(const Napi::CallbackInfo& info) {
  const SocketRequest request = ReadSocketRequest(ReadObject(info[0], "options"));
  return WithErrors(info.Env(), [&] {
    return Napi::Number::New(info.Env(), OpenSocket(request).Release());
  });
}

Napi::Value OpenFile(const Napi::CallbackInfo& info) {
  const std::string netns = ReadPath(info[0], "netns");
  const std::string path = ReadPath(info[1], "path");
  const int flags = static_cast<int>(ReadInteger(info[2], "flags", 0, INT32_MAX));
  return WithErrors(info.Env(), [&] {
    return Napi::Number::New(info.Env(), OpenFileIn(netns, path, flags).Release());
  });
}

void Create(const Napi::CallbackInfo& info) {
  const std::string path = ReadPath(info[0], "path");
  WithErrors(info.Env(), [&] { CreateNetns(path); });
}

void Delete(const Napi::CallbackInfo& info) {
  const std::string path = ReadPath(info[0], "path");
  WithErrors(info.Env(), [&] { DeleteNetns(path); });
}

}  // namespace

Addon::Addon(Napi::Env env)
    : env_(env),
      loop_(env),
      locks_([this](uint64_t id, Failure failure) {
        loop_.Post([this, id, failure](napi_env settling) { Settle(settling, id, failure); });
      }),
      socketClass_(Napi::Persistent(Socket::Define(env))) {
  // After the making of `loop_`, because hooks run in reverse order.
  napi_add_env_cleanup_hook(env, [](void* addon) { static_cast<Addon*>(addon)->Shutdown(); }, this);
}

Napi::Value Addon::OpenSocket(const Napi::CallbackInfo& info) {
  const SocketRequest request = ReadSocketRequest(ReadObject(info[0], "options"));
  Opened made = WithErrors(info.Env(), [&] { return Opened{tsnet::OpenSocket(request), request.domain}; });
  opened = &made;
  try {
    const Napi::Object socket = socketClass_.New({});
    opened = nullptr;
    return socket;
  } catch (...) {
    opened = nullptr;
    throw;
  }
}

Napi::Value Addon::Flock(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int descriptor = static_cast<int>(ReadInteger(info[0], "descriptor", 0, INT32_MAX));
  const int operations[] = {LOCK_EX, LOCK_SH, LOCK_UN};
  const int operation = operations[ReadChoice(info[1], "mode", {"exclusive", "shared", "unlock"})];
  const auto timeout = ReadInteger(info[2], "timeoutMs", 0, INT32_MAX);
  napi_deferred deferred;
  napi_value promise;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) throw Napi::Error::New(env);
  const uint64_t id = ++lastId_;
  waiting_.emplace(id, deferred);
  loop_.Hold();
  if (flock(descriptor, operation | LOCK_NB) == 0) {
    Settle(env, id, {});
  } else if (errno != EWOULDBLOCK) {
    Settle(env, id, {errno, "flock"});
  } else if (timeout == 0) {
    Settle(env, id, {ETIMEDOUT, "flock"});
  } else {
    try {
      Descriptor duplicate(fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
      if (!duplicate.IsOpen()) Fail("fcntl");
      locks_.Wait(id, std::move(duplicate), operation, std::chrono::milliseconds(timeout));
    } catch (const Failure& failure) {
      Settle(env, id, failure);
    }
  }
  return Napi::Value(env, promise);
}

void Addon::Settle(napi_env env, uint64_t id, const Failure& failure) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  const napi_deferred deferred = found->second;
  waiting_.erase(found);
  loop_.Release();
  napi_value nothing;
  if (failure.number != 0) {
    napi_reject_deferred(env, deferred, MakeError(env, failure));
  } else if (napi_get_undefined(env, &nothing) == napi_ok) {
    napi_resolve_deferred(env, deferred, nothing);
  }
}

void Addon::Retire(std::unique_ptr<Channel> channel) {
  channel->Stop();
  retired_.push_back(std::move(channel));
}

void Addon::Sweep() {
  const auto hasEnded = [](const std::unique_ptr<Channel>& channel) { return channel->HasEnded(); };
  retired_.erase(std::remove_if(retired_.begin(), retired_.end(), hasEnded), retired_.end());
}

void Addon::Shutdown() {
  for (Socket* socket : sockets) socket->Abandon();
  retired_.clear();
  locks_.Stop();
  loop_.Close();
}

}  // namespace tsnet

static Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  using tsnet::Addon;
  auto* addon = new Addon(env);
  env.SetInstanceData(addon);
  const auto bind = [env](const char* name, Napi::Value (Addon::*method)(const Napi::CallbackInfo&)) {
    return Napi::Function::New(
        env,
        [method](const Napi::CallbackInfo& info) {
          return (info.Env().GetInstanceData<Addon>()->*method)(info);
        },
        name);
  };
  exports.Set("openSocket", bind("openSocket", &Addon::OpenSocket));
  exports.Set("flock", bind("flock", &Addon::Flock));
  exports.Set("openDescriptor", Napi::Function::New(env, tsnet::OpenDescriptor, "openDescriptor"));
  exports.Set("openFileIn", Napi::Function::New(env, tsnet::OpenFile, "openFileIn"));
  exports.Set("createNetns", Napi::Function::New(env, tsnet::Create, "createNetns"));
  exports.Set("deleteNetns", Napi::Function::New(env, tsnet::Delete, "deleteNetns"));
  return exports;
}

NODE_API_MODULE(tsnet, Initialize)
