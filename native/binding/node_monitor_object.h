// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_BINDING_NODE_MONITOR_OBJECT_H
#define WEIR_BINDING_NODE_MONITOR_OBJECT_H

#include <napi.h>

#include <memory>

#include "../core/node_monitor.h"

namespace weir::binding {

// The core's NodeMonitor as a JavaScript object. Made by openNode(), never by `new`.
class NodeMonitorObject : public Napi::ObjectWrap<NodeMonitorObject> {
 public:
  using Monitor = NodeMonitor;

  // The class, to be kept with the environment's state.
  static Napi::Function define(Napi::Env env);
  static Napi::Object wrap(const Napi::FunctionReference& constructor, std::shared_ptr<NodeMonitor> monitor);

  explicit NodeMonitorObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value lineage(const Napi::CallbackInfo& info);
  Napi::Value processes(const Napi::CallbackInfo& info);
  Napi::Value news(const Napi::CallbackInfo& info);
  Napi::Value lost(const Napi::CallbackInfo& info);
  Napi::Value programs(const Napi::CallbackInfo& info);
  Napi::Value statistics(const Napi::CallbackInfo& info);
  Napi::Value maps(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  // shared with workers under way, so that close() and garbage collection never pull it from under them
  std::shared_ptr<NodeMonitor> monitor_;
};

}  // namespace weir::binding

#endif
