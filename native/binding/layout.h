// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_BINDING_LAYOUT_H
#define WEIR_BINDING_LAYOUT_H

#include <napi.h>

namespace weir::binding {

// bpf/tcp.h as the compiler laid it out: `{recordBytes, offsets: {id: 0, …}, kinds, sides, flags, resets, lost}`.
Napi::Object tcp_layout(Napi::Env env);

// native/core/conntrack.h likewise: `{tupleBytes, answerBytes, tuple: {source: 0, …}, answer: {error: 0, …}, absent}`.
Napi::Object conntrack_layout(Napi::Env env);

// bpf/node.h, likewise: `{recordBytes, nameBytes, offsets, kinds, lost}`.
Napi::Object node_layout(Napi::Env env);

}  // namespace weir::binding

#endif
