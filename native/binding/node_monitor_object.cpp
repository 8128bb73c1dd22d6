// SPDX-License-Identifier: Apache-2.0
#include "node_monitor_object.h"

#include <utility>

#include "convert.h"
#include "records.h"
#include "reports.h"

namespace weir::binding {

Napi::Function NodeMonitorObject::define(Napi::Env env) {
  return DefineClass(env, "NodeMonitor",
                     {
                         InstanceMethod<&NodeMonitorObject::lineage>("lineage"),
                         InstanceMethod<&NodeMonitorObject::processes>("processes"),
                         InstanceMethod<&NodeMonitorObject::news>("news"),
                         InstanceMethod<&NodeMonitorObject::lost>("lost"),
                         InstanceMethod<&NodeMonitorObject::programs>("programs"),
                         InstanceMethod<&NodeMonitorObject::statistics>("statistics"),
                         InstanceMethod<&NodeMonitorObject::maps>("maps"),
                         InstanceMethod<&NodeMonitorObject::close>("close"),
                     });
}

Napi::Object NodeMonitorObject::wrap(const Napi::FunctionReference& constructor, std::shared_ptr<NodeMonitor> monitor) {
  auto handle = Napi::External<std::shared_ptr<NodeMonitor>>::New(constructor.Env(), &monitor);
  return constructor.New({handle});
}

NodeMonitorObject::NodeMonitorObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NodeMonitorObject>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "NodeMonitor: made by openNode(), not by new");
  monitor_ = *info[0].As<Napi::External<std::shared_ptr<NodeMonitor>>>().Data();
}

Napi::Value NodeMonitorObject::lineage(const Napi::CallbackInfo& info) {
  return to_buffer(info.Env(), guarded(info.Env(), [&] { return monitor_->lineage(); }));
}

Napi::Value NodeMonitorObject::processes(const Napi::CallbackInfo& info) {
  return read_off_loop(info.Env(), [monitor = monitor_] { return monitor->processes(); });
}

// On the event loop: whoever asks has a record in hand that waits for the answer.
Napi::Value NodeMonitorObject::news(const Napi::CallbackInfo& info) {
  return to_buffer(info.Env(), guarded(info.Env(), [&] { return monitor_->news(); }));
}

Napi::Value NodeMonitorObject::lost(const Napi::CallbackInfo& info) {
  return to_numbers(info.Env(), guarded(info.Env(), [&] { return monitor_->lost(); }));
}

Napi::Value NodeMonitorObject::programs(const Napi::CallbackInfo& info) {
  return to_js(info.Env(), guarded(info.Env(), [&] { return monitor_->reports(); }));
}

Napi::Value NodeMonitorObject::statistics(const Napi::CallbackInfo& info) {
  return to_js(info.Env(), guarded(info.Env(), [&] { return monitor_->statistics(); }));
}

Napi::Value NodeMonitorObject::maps(const Napi::CallbackInfo& info) {
  return to_js(info.Env(), guarded(info.Env(), [&] { return monitor_->maps(); }));
}

Napi::Value NodeMonitorObject::close(const Napi::CallbackInfo& info) {
  monitor_->close();
  return info.Env().Undefined();
}

}  // namespace weir::binding
