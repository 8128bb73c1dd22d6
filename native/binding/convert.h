// SPDX-License-Identifier: Apache-2.0
// Between JavaScript's values and the core's.
#ifndef WEIR_BINDING_CONVERT_H
#define WEIR_BINDING_CONVERT_H

#include <napi.h>

#include <cstdint>
#include <string>

#include "../core/error.h"
#include "node.h"

namespace weir::binding {

// A JavaScript Error with `code`, `errno`, `operation` and `log`.
Napi::Error to_js(Napi::Env env, const Error& error);

// Properties of an options object. `path` names it in errors: `openTcp.maxConnections: expected …`. Throw TypeError.
std::string string_property(const Napi::Object& options, const char* path, const char* name);
std::uint32_t uint32_property(const Napi::Object& options, const char* path, const char* name);
// `{cgroupId, level, netns}`, or nothing for the whole host.
weir_node node_property(const Napi::Object& options, const char* path, const char* name);

// Calls `work`, and turns an Error of the core into a JavaScript one.
template <typename Work>
auto guarded(Napi::Env env, Work&& work) {
  try {
    return work();
  } catch (const Error& error) {
    throw to_js(env, error);
  }
}

}  // namespace weir::binding

#endif
