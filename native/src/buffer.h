#pragma once

#include <node_api.h>

#include <cstdint>
#include <vector>

namespace tsnet {

/** A Buffer of the bytes; null when the environment can't make one. Never throws. */
napi_value MakeBuffer(napi_env env, std::vector<uint8_t> bytes);

}  // namespace tsnet
