#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tsnet {

/**
 * Strict readers of what comes from JavaScript. `name` is what the caller calls the value. All throw TypeError for a
 * wrong type and RangeError for a wrong value, and pass on what a getter throws.
 */
std::string ReadPath(const Napi::Value& value, const char* name);
int64_t ReadInteger(const Napi::Value& value, const char* name, int64_t least, int64_t most);
Napi::Object ReadObject(const Napi::Value& value, const char* name);
Napi::Function ReadFunction(const Napi::Value& value, const char* name);

/** A copy of the bytes of a Uint8Array; of at least `least` bytes and at most `most`. */
std::vector<uint8_t> ReadBytes(const Napi::Value& value, const char* name, size_t least, size_t most);

/** The position of a string in `allowed`. */
size_t ReadChoice(const Napi::Value& value, const char* name, const std::vector<const char*>& allowed);

}  // namespace tsnet
