#include "arguments.h"

#include <cmath>

namespace tsnet {

namespace {

[[noreturn]] void WrongType(Napi::Env env, const char* name, const char* expected) {
  throw Napi::TypeError::New(env, std::string(name) + " must be " + expected);
}

[[noreturn]] void WrongValue(Napi::Env env, const char* name, const std::string& expected) {
  throw Napi::RangeError::New(env, std::string(name) + " must be " + expected);
}

}  // namespace

std::string ReadPath(const Napi::Value& value, const char* name) {
  if (!value.IsString()) WrongType(value.Env(), name, "a string");
  std::string path = value.As<Napi::String>().Utf8Value();
  // The kernel would take the part before the NUL, which is another path.
  if (path.find('\0') != std::string::npos) WrongType(value.Env(), name, "a string without NUL bytes");
  return path;
}

int64_t ReadInteger(const Napi::Value& value, const char* name, int64_t least, int64_t most) {
  if (!value.IsNumber()) WrongType(value.Env(), name, "a number");
  const double number = value.As<Napi::Number>().DoubleValue();
  // Written so that NaN fails, too.
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) ||
      number != std::trunc(number)) {
    WrongValue(value.Env(), name, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<int64_t>(number);
}

Napi::Object ReadObject(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) WrongType(value.Env(), name, "an object");
  return value.As<Napi::Object>();
}

Napi::Function ReadFunction(const Napi::Value& value, const char* name) {
  if (!value.IsFunction()) WrongType(value.Env(), name, "a function");
  return value.As<Napi::Function>();
}

std::vector<uint8_t> ReadBytes(const Napi::Value& value, const char* name, size_t least, size_t most) {
  if (!value.IsTypedArray()) WrongType(value.Env(), name, "a Uint8Array");
  napi_typedarray_type type;
  size_t length;
  void* data;
  napi_value memory;
  bool isPrivate = false;
  if (napi_get_typedarray_info(value.Env(), value, &type, &length, &data, &memory, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    WrongType(value.Env(), name, "a Uint8Array");
  }
  // Shared memory could change while it is copied.
  if (napi_is_arraybuffer(value.Env(), memory, &isPrivate) != napi_ok || !isPrivate) {
    WrongType(value.Env(), name, "a Uint8Array over memory that is not shared");
  }
  if (length < least || length > most) {
    WrongValue(value.Env(), name, "from " + std::to_string(least) + " to " + std::to_string(most) + " bytes long");
  }
  const auto* bytes = static_cast<const uint8_t*>(data);
  return std::vector<uint8_t>(bytes, bytes + length);
}

size_t ReadChoice(const Napi::Value& value, const char* name, const std::vector<const char*>& allowed) {
  std::string expected;
  if (value.IsString()) {
    const std::string given = value.As<Napi::String>().Utf8Value();
    for (size_t index = 0; index < allowed.size(); index++) {
      if (given == allowed[index]) return index;
      expected += (index == 0 ? "'" : " or '") + std::string(allowed[index]) + "'";
    }
    WrongValue(value.Env(), name, expected);
  }
  WrongType(value.Env(), name, "a string");
}

}  // namespace tsnet
