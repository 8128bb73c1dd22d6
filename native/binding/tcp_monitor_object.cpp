// SPDX-License-Identifier: Apache-2.0
#include "tcp_monitor_object.h"

#include <span>
#include <string>
#include <utility>

#include "convert.h"
#include "records_worker.h"

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

Napi::Value queue(Napi::Env env, RecordsWorker::Read read) {
  auto* worker = new RecordsWorker(env, std::move(read));  // deletes itself when done
  Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

// An array of objects, one for each item.
template <typename Items, typename Fill>
Napi::Value to_array(Napi::Env env, const Items& items, Fill&& fill) {
  Napi::Array array = Napi::Array::New(env, items.size());
  std::uint32_t index = 0;
  for (const auto& item : items) {
    Napi::Object object = Napi::Object::New(env);
    fill(object, item);
    array.Set(index++, object);
  }
  return array;
}

}  // namespace

Napi::Function TcpMonitorObject::define(Napi::Env env) {
  return DefineClass(env, "TcpMonitor",
                     {
                         InstanceMethod<&TcpMonitorObject::survey>("survey"),
                         InstanceMethod<&TcpMonitorObject::collect>("collect"),
                         InstanceMethod<&TcpMonitorObject::drain>("drain"),
                         InstanceMethod<&TcpMonitorObject::lost>("lost"),
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
  return queue(info.Env(), [monitor = monitor_] { return monitor->survey(); });
}

Napi::Value TcpMonitorObject::collect(const Napi::CallbackInfo& info) {
  return queue(info.Env(), [monitor = monitor_, sweep = sweep_argument(info)] { return monitor->collect(sweep); });
}

// On the event loop: what the ring holds is copied in less time than it takes to hand the work to another thread.
Napi::Value TcpMonitorObject::drain(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::ArrayBuffer into = room_argument(info);
  const std::span room(static_cast<std::uint8_t*>(into.Data()), into.ByteLength());
  return Napi::Number::New(env, static_cast<double>(guarded(env, [&] { return monitor_->drain(room); })));
}

Napi::Value TcpMonitorObject::lost(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto lost = guarded(env, [&] { return monitor_->lost(); });
  Napi::Array array = Napi::Array::New(env, lost.size());
  for (std::uint32_t reason = 0; reason < lost.size(); reason++)
    array.Set(reason, Napi::Number::New(env, static_cast<double>(lost[reason])));
  return array;
}

Napi::Value TcpMonitorObject::programs(const Napi::CallbackInfo& info) {
  const auto reports = guarded(info.Env(), [&] { return monitor_->reports(); });
  return to_array(info.Env(), reports, [](Napi::Object& object, const ProgramReport& report) {
    object.Set("name", report.name);
    object.Set("hook", report.hook);
    object.Set("state", report.state);
    object.Set("detail", report.detail);
  });
}

Napi::Value TcpMonitorObject::statistics(const Napi::CallbackInfo& info) {
  const auto statistics = guarded(info.Env(), [&] { return monitor_->statistics(); });
  return to_array(info.Env(), statistics, [](Napi::Object& object, const ProgramStatistics& program) {
    object.Set("name", program.name);
    object.Set("runTimeNs", static_cast<double>(program.run_time_ns));
    object.Set("runs", static_cast<double>(program.runs));
    object.Set("missed", static_cast<double>(program.missed));
  });
}

Napi::Value TcpMonitorObject::maps(const Napi::CallbackInfo& info) {
  const auto maps = guarded(info.Env(), [&] { return monitor_->maps(); });
  return to_array(info.Env(), maps, [](Napi::Object& object, const MapReport& map) {
    object.Set("name", map.name);
    object.Set("maxEntries", map.max_entries);
    object.Set("bytes", static_cast<double>(map.bytes));
  });
}

Napi::Value TcpMonitorObject::close(const Napi::CallbackInfo& info) {
  monitor_->close();
  return info.Env().Undefined();
}

}  // namespace weir::binding
