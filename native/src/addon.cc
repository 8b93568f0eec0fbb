#include "addon.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/file.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "arguments.h"
#include "buffer.h"
#include "errors.h"
#include "framing.h"
#include "netns.h"
#include "socket.h"
#include "store_file.h"

namespace tsnet {

namespace {

constexpr uint32_t kMostOptions = 64;

/** BPF_MAXINSNS instructions of 8 bytes. Source: `linux/bpf_common.h`. */
constexpr size_t kLongestFilter = 4096 * 8;
constexpr size_t kLongestAddress = sizeof(sockaddr_storage);

constexpr uint32_t kMostNamespaces = 4096;
constexpr uint32_t kMostQuestions = 32;
constexpr size_t kLongestQuestion = 64 << 10;
constexpr uint32_t kMostFolders = 8;
constexpr uint32_t kMostFiles = 64;

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

/** An array of at most so many elements. */
Napi::Array ReadArray(const Napi::Value& value, const char* name, uint32_t most) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), std::string(name) + " must be an array");
  const auto given = value.As<Napi::Array>();
  if (given.Length() <= most) return given;
  throw Napi::RangeError::New(value.Env(), std::string(name) + " must be at most " + std::to_string(most));
}

Question ReadQuestion(const Napi::Object& given) {
  Question question;
  question.protocol = ReadInt(given.Get("protocol"), "protocol");
  question.lastSequence = static_cast<uint32_t>(ReadInteger(given.Get("lastSequence"), "lastSequence", 0, UINT32_MAX));
  question.request = ReadBytes(given.Get("request"), "request", sizeof(nlmsghdr), kLongestQuestion);
  if (CountMessages(question.request.data(), question.request.size()) == 0) {
    throw Napi::RangeError::New(given.Env(), "request must consist of whole netlink messages");
  }
  return question;
}

/** An array of at most so many paths. */
std::vector<std::string> ReadPaths(const Napi::Value& value, const char* name, uint32_t most) {
  const Napi::Array given = ReadArray(value, name, most);
  std::vector<std::string> paths;
  // Getters may make an array longer; what is counted now is what is read.
  const uint32_t count = std::min(given.Length(), most);
  for (uint32_t index = 0; index < count; index++) paths.push_back(ReadPath(given.Get(index), name));
  return paths;
}

std::vector<Folder> ReadFolders(const Napi::Value& value) {
  std::vector<Folder> folders;
  if (value.IsUndefined()) return folders;
  const Napi::Array given = ReadArray(value, "folders", kMostFolders);
  const uint32_t count = std::min(given.Length(), kMostFolders);
  for (uint32_t index = 0; index < count; index++) {
    const Napi::Object folder = ReadObject(given.Get(index), "folder");
    std::string path = ReadPath(folder.Get("path"), "path");
    folders.push_back({std::move(path), ReadPaths(folder.Get("files"), "files", kMostFiles)});
  }
  return folders;
}

Inquiry ReadInquiry(const Napi::Object& given) {
  Inquiry inquiry;
  inquiry.namespaces = ReadPaths(given.Get("namespaces"), "namespaces", kMostNamespaces);
  inquiry.folders = ReadFolders(given.Get("folders"));
  const Napi::Array questions = ReadArray(given.Get("questions"), "questions", kMostQuestions);
  const uint32_t count = std::min(questions.Length(), kMostQuestions);
  for (uint32_t index = 0; index < count; index++) {
    inquiry.questions.push_back(ReadQuestion(ReadObject(questions.Get(index), "question")));
  }
  return inquiry;
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
      inquirer_([this](uint64_t id, Answers answers) {
        loop_.Post([this, id, answers = std::move(answers)](napi_env settling) mutable {
          Deliver(settling, id, std::move(answers));
        });
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

namespace {

int ReadLockOperation(const Napi::Value& mode) {
  const int operations[] = {LOCK_EX, LOCK_SH, LOCK_UN};
  return operations[ReadChoice(mode, "mode", {"exclusive", "shared", "unlock"})];
}

}  // namespace

void FlockNow(const Napi::CallbackInfo& info) {
  const int descriptor = static_cast<int>(ReadInteger(info[0], "descriptor", 0, INT32_MAX));
  const int operation = ReadLockOperation(info[1]);
  WithErrors(info.Env(), [&] {
    while (flock(descriptor, operation) != 0) {
      if (errno != EINTR) Fail("flock");
    }
  });
}

Napi::Value InspectStoreFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = ReadPath(info[0], "path");
  const bool isHeadOnly = ReadChoice(info[1], "what", {"all", "head"}) == 1;
  const StoreFile found = WithErrors(env, [&] { return InspectStore(path, isHeadOnly); });
  const auto facts = Napi::Object::New(env);
  facts.Set("size", Napi::Number::New(env, static_cast<double>(found.size)));
  facts.Set("pages", Napi::Number::New(env, static_cast<double>(found.pages)));
  if (!found.problem.empty()) facts.Set("problem", Napi::String::New(env, found.problem));
  return facts;
}

Napi::Value StampFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = ReadPath(info[0], "path");
  if (!info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    throw Napi::TypeError::New(env, "stamp must be a Float64Array");
  }
  auto stamp = info[1].As<Napi::Float64Array>();
  if (stamp.ElementLength() != 4) throw Napi::RangeError::New(env, "stamp must have 4 elements");
  FileStamp found;
  const bool isThere = WithErrors(env, [&] { return StampOf(path, found); });
  const double fields[] = {found.device, found.inode, found.size, found.written};
  std::copy(std::begin(fields), std::end(fields), stamp.Data());
  return Napi::Boolean::New(env, isThere);
}

Napi::Value Addon::Flock(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int descriptor = static_cast<int>(ReadInteger(info[0], "descriptor", 0, INT32_MAX));
  const int operation = ReadLockOperation(info[1]);
  const auto timeout = ReadInteger(info[2], "timeoutMs", 0, INT32_MAX);
  const uint64_t id = ++lastId_;
  const Napi::Value promise = Promise(id);
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
  return promise;
}

Napi::Value Addon::AskNamespaces(const Napi::CallbackInfo& info) {
  Inquiry inquiry = ReadInquiry(ReadObject(info[0], "options"));
  const uint64_t id = ++lastId_;
  const Napi::Value promise = Promise(id);
  try {
    inquirer_.Start(id, std::move(inquiry));
  } catch (const Failure& failure) {
    Reject(info.Env(), id, failure);
  }
  return promise;
}

/** A promise that keeps the event loop alive until it is settled under the id. */
Napi::Value Addon::Promise(uint64_t id) {
  napi_deferred deferred;
  napi_value promise;
  if (napi_create_promise(env_, &deferred, &promise) != napi_ok) throw Napi::Error::New(env_);
  waiting_.emplace(id, deferred);
  loop_.Hold();
  return Napi::Value(env_, promise);
}

void Addon::Resolve(napi_env env, uint64_t id, napi_value value) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  const napi_deferred deferred = found->second;
  waiting_.erase(found);
  loop_.Release();
  napi_resolve_deferred(env, deferred, value);
}

void Addon::Reject(napi_env env, uint64_t id, const Failure& failure) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  const napi_deferred deferred = found->second;
  waiting_.erase(found);
  loop_.Release();
  napi_reject_deferred(env, deferred, MakeError(env, failure));
}

void Addon::Settle(napi_env env, uint64_t id, const Failure& failure) {
  napi_value nothing;
  if (failure.number != 0) {
    Reject(env, id, failure);
  } else if (napi_get_undefined(env, &nothing) == napi_ok) {
    Resolve(env, id, nothing);
  }
}

void Addon::Deliver(napi_env env, uint64_t id, Answers answers) {
  inquirer_.Join(id);
  if (answers.failure.number != 0) return Reject(env, id, answers.failure);
  const napi_value bytes = MakeBuffer(env, std::move(answers.bytes));
  if (bytes == nullptr) return Reject(env, id, {ENOMEM, "recvmsg"});
  // From now on they are whose the bytes are.
  for (Descriptor& descriptor : answers.descriptors) descriptor.Release();
  Resolve(env, id, bytes);
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
  inquirer_.Stop();
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
  exports.Set("flockNow", Napi::Function::New(env, tsnet::FlockNow, "flockNow"));
  exports.Set("inspectStore", Napi::Function::New(env, tsnet::InspectStoreFile, "inspectStore"));
  exports.Set("stampFile", Napi::Function::New(env, tsnet::StampFile, "stampFile"));
  exports.Set("askNamespaces", bind("askNamespaces", &Addon::AskNamespaces));
  exports.Set("openDescriptor", Napi::Function::New(env, tsnet::OpenDescriptor, "openDescriptor"));
  exports.Set("openFileIn", Napi::Function::New(env, tsnet::OpenFile, "openFileIn"));
  exports.Set("createNetns", Napi::Function::New(env, tsnet::Create, "createNetns"));
  exports.Set("deleteNetns", Napi::Function::New(env, tsnet::Delete, "deleteNetns"));
  return exports;
}

NODE_API_MODULE(tsnet, Initialize)
