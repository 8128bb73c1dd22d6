// SPDX-License-Identifier: Apache-2.0
#ifndef WEIR_BINDING_TCP_MONITOR_OBJECT_H
#define WEIR_BINDING_TCP_MONITOR_OBJECT_H

#include <napi.h>

#include <memory>

#include "../core/tcp_monitor.h"

namespace weir::binding {

// The core's TcpMonitor as a JavaScript object. Made by openTcp(), never by `new`.
class TcpMonitorObject : public Napi::ObjectWrap<TcpMonitorObject> {
 public:
  using Monitor = TcpMonitor;

  // The class, to be kept with the environment's state.
  static Napi::Function define(Napi::Env env);
  static Napi::Object wrap(const Napi::FunctionReference& constructor, std::shared_ptr<TcpMonitor> monitor);

  explicit TcpMonitorObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value survey(const Napi::CallbackInfo& info);
  Napi::Value collect(const Napi::CallbackInfo& info);
  Napi::Value drain(const Napi::CallbackInfo& info);
  Napi::Value elsewhere(const Napi::CallbackInfo& info);
  Napi::Value lost(const Napi::CallbackInfo& info);
  Napi::Value programs(const Napi::CallbackInfo& info);
  Napi::Value statistics(const Napi::CallbackInfo& info);
  Napi::Value maps(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  // shared with workers under way, so that close() and garbage collection never pull it from under them
  std::shared_ptr<TcpMonitor> monitor_;
};

}  // namespace weir::binding

#endif
