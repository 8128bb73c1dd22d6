// SPDX-License-Identifier: Apache-2.0
#include "tcp_monitor_object.h"

#include <span>
#include <string>
#include <utility>

#include "convert.h"
#include "records.h"
#include "reports.h"

namespace weir::binding {
namespace {

Sweep sweep_argument(const Napi::CallbackInfo& info) {
  const std::string word = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  if (word == "none") return Sweep::kNone;
  if (word == "changed") return Sweep::kChanged;
  if (word == "all") return Sweep::kAll;
  throw Napi::TypeError::New(
      info.Env(),
      "collect(sweep): expected \"none\", \"changed\" or \"all\", current value is " + info[0].ToString().Utf8Value());
}

Napi::ArrayBuffer room_argument(const Napi::CallbackInfo& info) {
  if (!info[0].IsArrayBuffer()) throw Napi::TypeError::New(info.Env(), "drain(into): expected an ArrayBuffer");
  auto room = info[0].As<Napi::ArrayBuffer>();
  if (room.ByteLength() < sizeof(weir_tcp_record)) {
    throw Napi::RangeError::New(info.Env(), "drain(into): expected room for a record, " +
                                                std::to_string(sizeof(weir_tcp_record)) + " bytes, current value is " +
                                                std::to_string(room.ByteLength()));
  }
  return room;
}

}  // namespace

Napi::Function TcpMonitorObject::define(Napi::Env env) {
  return DefineClass(env, "TcpMonitor",
                     {
                         InstanceMethod<&TcpMonitorObject::survey>("survey"),
                         InstanceMethod<&TcpMonitorObject::collect>("collect"),
                         InstanceMethod<&TcpMonitorObject::drain>("drain"),
                         InstanceMethod<&TcpMonitorObject::lost>("lost"),
                         InstanceMethod<&TcpMonitorObject::elsewhere>("elsewhere"),
                         InstanceMethod<&TcpMonitorObject::programs>("programs"),
                         InstanceMethod<&TcpMonitorObject::statistics>("statistics"),
                         InstanceMethod<&TcpMonitorObject::maps>("maps"),
                         InstanceMethod<&TcpMonitorObject::close>("close"),
                     });
}

Napi::Object TcpMonitorObject::wrap(const Napi::FunctionReference& constructor, std::shared_ptr<TcpMonitor> monitor) {
  auto handle = Napi::External<std::shared_ptr<TcpMonitor>>::New(constructor.Env(), &monitor);
  return constructor.New({handle});
}

TcpMonitorObject::TcpMonitorObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TcpMonitorObject>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "TcpMonitor: made by openTcp(), not by new");
  monitor_ = *info[0].As<Napi::External<std::shared_ptr<TcpMonitor>>>().Data();
}

Napi::Value TcpMonitorObject::survey(const Napi::CallbackInfo& info) {
  return read_off_loop(info.Env(), [monitor = monitor_] { return monitor->survey(); });
}

Napi::Value TcpMonitorObject::collect(const Napi::CallbackInfo& info) {
  return read_off_loop(info.Env(),
                       [monitor = monitor_, sweep = sweep_argument(info)] { return monitor->collect(sweep); });
}

// On the event loop: what the ring holds is copied in less time than it takes to hand the work to another thread.
Napi::Value TcpMonitorObject::drain(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::ArrayBuffer into = room_argument(info);
  const std::span room(static_cast<std::uint8_t*>(into.Data()), into.ByteLength());
  return Napi::Number::New(env, static_cast<double>(guarded(env, [&] { return monitor_->drain(room); })));
}

Napi::Value TcpMonitorObject::lost(const Napi::CallbackInfo& info) {
  return to_numbers(info.Env(), guarded(info.Env(), [&] { return monitor_->lost(); }));
}

Napi::Value TcpMonitorObject::elsewhere(const Napi::CallbackInfo& info) {
  const auto count = guarded(info.Env(), [&] { return monitor_->elsewhere(); });
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

Napi::Value TcpMonitorObject::programs(const Napi::CallbackInfo& info) {
  return to_js(info.Env(), guarded(info.Env(), [&] { return monitor_->reports(); }));
}

Napi::Value TcpMonitorObject::statistics(const Napi::CallbackInfo& info) {
  return to_js(info.Env(), guarded(info.Env(), [&] { return monitor_->statistics(); }));
}

Napi::Value TcpMonitorObject::maps(const Napi::CallbackInfo& info) {
  return to_js(info.Env(), guarded(info.Env(), [&] { return monitor_->maps(); }));
}

Napi::Value TcpMonitorObject::close(const Napi::CallbackInfo& info) {
  monitor_->close();
  return info.Env().Undefined();
}

}  // namespace weir::binding
