#include "errors.h"

#include <cerrno>
#include <cstring>
#include <string>

#ifndef __GLIBC__
#include <uv.h>
#endif

namespace tsnet {

namespace {

/** The symbolic name of an errno, such as `ENOENT`. */
std::string NameOf(int number) {
#ifdef __GLIBC__
  // libuv's table lacks most of the rarer numbers, such as EKEYREJECTED.
  if (const char* name = strerrorname_np(number)) return name;
  return "E" + std::to_string(number);
#else
  return uv_err_name(-number);
#endif
}

void SetText(napi_env env, napi_value object, const char* property, const std::string& text) {
  napi_value value;
  if (napi_create_string_utf8(env, text.data(), text.size(), &value) == napi_ok) {
    napi_set_named_property(env, object, property, value);
  }
}

}  // namespace

void Fail(const char* syscall) { throw Failure{errno, syscall}; }

napi_value MakeError(napi_env env, const Failure& failure) {
  const std::string text = std::string(failure.syscall) + ": " + std::strerror(failure.number);
  napi_value message;
  napi_value error;
  napi_value number;
  if (napi_create_string_utf8(env, text.data(), text.size(), &message) != napi_ok) return nullptr;
  if (napi_create_error(env, nullptr, message, &error) != napi_ok) return nullptr;
  if (napi_create_int32(env, failure.number, &number) == napi_ok) {
    napi_set_named_property(env, error, "errno", number);
  }
  SetText(env, error, "code", NameOf(failure.number));
  SetText(env, error, "syscall", failure.syscall);
  return error;
}

}  // namespace tsnet
