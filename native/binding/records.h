// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_BINDING_RECORDS_H
#define WEIR_BINDING_RECORDS_H

#include <napi.h>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "off_loop.h"

namespace weir::binding {

using Records = std::vector<std::uint8_t>;

// A copy of the records that JavaScript owns.
inline Napi::ArrayBuffer to_buffer(Napi::Env env, const Records& records) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, records.size());
  if (!records.empty()) std::memcpy(buffer.Data(), records.data(), records.size());
  return buffer;
}

// Reads records on another thread; the promise is for an ArrayBuffer.
template <typename Read>
Napi::Promise read_off_loop(Napi::Env env, Read read) {
  return off_loop(env, "weir.records", std::move(read), to_buffer);
}

}  // namespace weir::binding

#endif
