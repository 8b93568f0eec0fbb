#include "buffer.h"

#include <memory>
#include <utility>

namespace tsnet {

namespace {

/** Bytes from here on are handed to JavaScript without a copy; below, a copy is cheaper than a finalizer. */
constexpr size_t kShared = 64 << 10;

}  // namespace

napi_value MakeBuffer(napi_env env, std::vector<uint8_t> bytes) {
  napi_value buffer = nullptr;
  if (bytes.size() >= kShared) {
    auto owned = std::make_unique<std::vector<uint8_t>>(std::move(bytes));
    const napi_finalize free = [](napi_env, void*, void* hint) { delete static_cast<std::vector<uint8_t>*>(hint); };
    if (napi_create_external_buffer(env, owned->size(), owned->data(), free, owned.get(), &buffer) == napi_ok) {
      static_cast<void>(owned.release());
      return buffer;
    }
    bytes = std::move(*owned);
  }
  napi_create_buffer_copy(env, bytes.size(), bytes.data(), nullptr, &buffer);
  return buffer;
}

}  // namespace tsnet
