// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_BINDING_CONNTRACK_OBJECT_H
#define WEIR_BINDING_CONNTRACK_OBJECT_H

#include <napi.h>

#include <memory>

#include "../core/conntrack.h"

namespace weir::binding {

// The core's Conntrack as a JavaScript object. Made by openConntrack(), never by `new`.
class ConntrackObject : public Napi::ObjectWrap<ConntrackObject> {
 public:
  // The class, to be kept with the environment's state.
  static Napi::Function define(Napi::Env env);
  static Napi::Object open(const Napi::FunctionReference& constructor);

  explicit ConntrackObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value lookup(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  // shared with workers under way, so that close() and garbage collection never pull it from under them
  std::shared_ptr<Conntrack> conntrack_;
};

}  // namespace weir::binding

#endif
